import type { ClientBase } from 'pg';
import { MillraceError } from '../contracts/errors.ts';
import type { Topology } from '../contracts/topology.ts';
import { listed } from '../wording.ts';
import { type Bounds, boundsOf, type Mark } from './bounds.ts';
import { selected, selectionOf } from './pages.ts';

/** A replay that a person asks for. */
export interface ReplayRequest {
  readonly run: string;
  readonly topic: string;
  readonly group: string;
  readonly from: Mark;
  readonly to?: Mark | undefined;
  readonly tenant?: string | undefined;
  readonly key?: string | undefined;
  /**
   * Deliver them as live ones are, so that inboxes take only what they do not have: for a database of consumers that has lost commits, as in a fail-over to a
   * standby that was behind. @default false: inboxes take each event anew, once in this run
   */
  readonly missed?: boolean | undefined;
  /** Events a second. */
  readonly rate?: number | undefined;
}

/** A request that can be carried out, with what it would bring. */
export interface PlannedReplay extends ReplayRequest {
  readonly bounds: Bounds;
  /** Events that are there now. */
  readonly expected: number;
  /** How many of them inboxes would set aside instead of taking, because they no longer remember their days. */
  readonly tooOld: number;
}

/**
 * Checks a request and counts its events; writes nothing.
 *
 * @throws {MillraceError} TOPIC_UNKNOWN, REPLAY_INVALID, REPLAY_OUT_OF_LOG
 */
export async function planReplay(client: ClientBase, topology: Topology, request: ReplayRequest): Promise<PlannedReplay> {
  requireDeclared(topology, request);
  const taken = await client.query('select from millrace.replay where run = $1', [request.run]);
  if (taken.rows.length > 0) {
    throw new MillraceError('REPLAY_INVALID', `there is a replay ${request.run} already, and inboxes remember it: choose another name`);
  }
  const bounds = await boundsOf(client, request.from, request.to);
  return { ...request, bounds, ...(await count(client, request, bounds)) };
}

function requireDeclared({ topics }: Topology, { topic: name, group, tenant, run }: ReplayRequest): void {
  const topic = topics[name];
  if (topic === undefined) {
    throw new MillraceError('TOPIC_UNKNOWN', `topic ${name} is not in the topology; declared are ${listed(Object.keys(topics))}`, {
      retriable: false,
    });
  }
  const groups = topic.consumers.map((consumer) => consumer.group);
  if (!groups.includes(group)) {
    throw new MillraceError(
      'REPLAY_INVALID',
      `topic ${name} has no group ${group}; declared are ${groups.length === 0 ? 'none' : listed(groups)}`,
    );
  }
  if (tenant !== undefined && topic.tenantless) {
    throw new MillraceError('REPLAY_INVALID', `topic ${name} is tenantless, so it has no events of tenant ${tenant}: leave the tenant out`);
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/.test(run)) {
    throw new MillraceError(
      'REPLAY_INVALID',
      `the name of a replay has letters, digits and . _ : - and at most 100 of them, got ${JSON.stringify(run)}`,
    );
  }
}

async function count(client: ClientBase, request: ReplayRequest, bounds: Bounds): Promise<Pick<PlannedReplay, 'expected' | 'tooOld'>> {
  const oldestDay = `(select min(to_date(substring(c.relname from 'inbox_(\\d+)$'), 'YYYYMMDD')) from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'millrace.inbox'::regclass)`;
  const sql = `select count(*)::text as expected, (count(*) filter (where o.event_id < known.floor))::text as too_old
    from millrace.outbox o, (select millrace.uuid_floor(${oldestDay} at time zone 'UTC') as floor) as known
    where o.id between $1 and $2 and ${selected(3)}`;
  const { rows } = await client.query<{ expected: string; too_old: string }>(sql, [bounds.from, bounds.to, ...values(request, bounds)]);
  return { expected: Number(rows[0]!.expected), tooOld: Number(rows[0]!.too_old) };
}

function values({ topic, tenant, key }: ReplayRequest, { fromTime, toTime }: Bounds): (string | null)[] {
  const times = { fromTime: fromTime?.toISOString() ?? null, toTime: toTime?.toISOString() ?? null };
  return selectionOf({ topic, tenant: tenant ?? null, key: key ?? null, ...times });
}

const insertSql = `
insert into millrace.replay (run, topic, consumer_group, tenant_id, key, from_id, to_id, from_time, to_time, rate, expected, missed, position, reach)
values ($1, $2, $3, $4, $5, $6::bigint, $7, $8, $9, $10, $11, $12, $6::bigint - 1, $6::bigint - 1) on conflict do nothing returning run`;

/** Asks for it; a process of the group with `startReplays` carries it out. @throws {MillraceError} REPLAY_INVALID when another has taken the name meanwhile. */
export async function requestReplay(
  client: ClientBase,
  { run, topic, group, tenant, key, rate, bounds, expected, missed = false }: PlannedReplay,
): Promise<void> {
  const { from, to, fromTime, toTime } = bounds;
  const places = [run, topic, group, tenant ?? null, key ?? null, from, Math.max(from - 1, to), fromTime ?? null, toTime ?? null];
  const { rows } = await client.query(insertSql, [...places, rate ?? null, expected, missed]);
  if (rows.length === 0) throw new MillraceError('REPLAY_INVALID', `there is a replay ${run} already: choose another name`);
}

/** How a replay stands. */
export interface ReplayStanding {
  readonly run: string;
  readonly topic: string;
  readonly group: string;
  readonly tenant: string | null;
  readonly key: string | null;
  readonly from: number;
  readonly to: number;
  /** Inboxes take what they do not have, instead of everything once more. */
  readonly missed: boolean;
  readonly state: 'requested' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly error: string | null;
  /** Who works on it, if its lease has not run out. */
  readonly holder: string | null;
  readonly position: number;
  readonly expected: number;
  readonly handled: number;
  readonly failed: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly endedAt: Date | null;
}

const standingSql = `select run, topic, consumer_group as "group", tenant_id as tenant, key, from_id::float8 as "from", to_id::float8 as "to", missed, state, error,
  case when lease_until > clock_timestamp() then holder end as holder, position::float8 as position, expected::float8 as expected,
  handled::float8 as handled, failed::float8 as failed, created_at as "createdAt", updated_at as "updatedAt", ended_at as "endedAt" from millrace.replay`;

/** All replays, the newest last. */
export async function listReplays(client: ClientBase): Promise<readonly ReplayStanding[]> {
  return (await client.query<ReplayStanding>(`${standingSql} order by created_at, run`)).rows;
}

/** @throws {MillraceError} REPLAY_INVALID when there is none of that name. */
export async function replayStanding(client: ClientBase, run: string): Promise<ReplayStanding> {
  const { rows } = await client.query<ReplayStanding>(`${standingSql} where run = $1`, [run]);
  if (rows[0] === undefined)
    throw new MillraceError('REPLAY_INVALID', `there is no replay ${run}: millrace replay list shows what there is`);
  return rows[0];
}

export interface ReplayFailure {
  readonly id: number;
  readonly eventId: string;
  readonly key: string | null;
  readonly tenant: string | null;
  readonly type: string;
  readonly errors: readonly { readonly attempt: number; readonly at?: string; readonly message: string; readonly consumer: string }[];
  readonly failedAt: Date;
}

/** What a replay has given up, in the order of the log. */
export async function failuresOfReplay(client: ClientBase, run: string): Promise<readonly ReplayFailure[]> {
  const sql = `select id::float8 as id, event_id as "eventId", key, tenant_id as tenant, type, errors, failed_at as "failedAt"
    from millrace.replay_failure where run = $1 order by id`;
  return (await client.query<ReplayFailure>(sql, [run])).rows;
}

/** Ends a replay where it is; the process that works on it stops within about a second. @returns whether it was still open. */
export async function cancelReplay(client: ClientBase, run: string): Promise<boolean> {
  const sql = `update millrace.replay set state = 'cancelled', ended_at = clock_timestamp(), updated_at = clock_timestamp()
    where run = $1 and state in ('requested', 'running') returning run`;
  return (await client.query(sql, [run])).rows.length > 0;
}
