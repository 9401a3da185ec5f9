import { MillraceError } from '../contracts/errors.ts';
import type { Failure } from '../dead-letters.ts';
import type { LogRow } from '../outbox/log.ts';
import type { Session } from '../outbox/session.ts';

/** A replay that this process carries out for as long as it renews the lease. */
export interface Claim {
  readonly run: string;
  readonly topic: string;
  readonly tenant: string | null;
  readonly key: string | null;
  readonly fromTime: string | null;
  readonly toTime: string | null;
  readonly to: number;
  /** Drawn after `to`. */
  readonly bound: bigint;
  readonly rate: number | null;
  /** Inboxes take what they do not have, instead of everything once more. */
  readonly missed: boolean;
  readonly epoch: bigint;
  readonly position: number;
  /** Events up to here may have been begun by the holder before. */
  readonly reach: number;
  /** Whether the holder before has gone without a word: one of its events may have killed it. */
  readonly unclean: boolean;
  readonly suspect: { readonly id: number; readonly attempts: number } | undefined;
  /** Who held it before, for people who look. */
  readonly before: string;
  readonly handled: number;
  readonly failed: number;
}

/** Milliseconds of the database clock, so that an epoch grows even when a restore has set the row back. */
const clockMs = '(extract(epoch from clock_timestamp()) * 1000)::bigint';

const claimSql = `
with free as (
  select run, holder as before from millrace.replay
  where consumer_group = $1 and topic = any($2) and ($3::text is null or tenant_id = $3) and state in ('requested', 'running')
    and (lease_until < clock_timestamp() or holder = $4)
  order by created_at, run limit 1 for update skip locked)
update millrace.replay r set state = 'running', holder = $4, epoch = greatest(r.epoch + 1, ${clockMs}),
  lease_until = clock_timestamp() + $5 * interval '1 ms', updated_at = clock_timestamp()
from free where r.run = free.run
returning r.run, r.topic, r.tenant_id, r.key, r.from_time::text, r.to_time::text, r.to_id::text, r.bound::text, r.rate, r.missed::text, r.epoch::text, r.position::text,
  r.reach::text, r.suspect::text, r.suspect_attempts, r.handled::text, r.failed::text, free.before`;

interface ClaimRow {
  readonly [column: string]: string | null;
}

export interface ClaimOptions {
  readonly group: string;
  readonly topics: readonly string[];
  readonly tenant: string | undefined;
  readonly holder: string;
  readonly leaseMs: number;
}

/** Takes the oldest replay of the group that nobody works on; undefined when there is none. */
export async function claim(session: Session, { group, topics, tenant, holder, leaseMs }: ClaimOptions): Promise<Claim | undefined> {
  const [row] = await session.rows<ClaimRow>('replay_claim', claimSql, [group, topics, tenant ?? null, holder, leaseMs]);
  if (row === undefined) return undefined;
  const number = (name: string): number => Number(row[name]);
  return {
    ...{ run: row.run!, topic: row.topic!, tenant: row.tenant_id!, key: row.key!, fromTime: row.from_time!, toTime: row.to_time! },
    ...{
      to: number('to_id'),
      bound: BigInt(row.bound!),
      rate: row.rate === null ? null : number('rate'),
      missed: row.missed === 'true',
      epoch: BigInt(row.epoch!),
    },
    ...{ position: number('position'), reach: number('reach'), handled: number('handled'), failed: number('failed') },
    unclean: row.before !== null && row.before !== holder,
    suspect: row.suspect === null ? undefined : { id: number('suspect'), attempts: number('suspect_attempts') },
    before: row.before ?? '',
  };
}

/** What is written of a replay under way. */
export interface Standing {
  readonly position: number;
  readonly reach: number;
  readonly handled: number;
  readonly failed: number;
  readonly suspect: { readonly id: number; readonly attempts: number } | undefined;
}

const saveSql = `
update millrace.replay set position = $3, reach = greatest(reach, $4), handled = $5, failed = $6, suspect = $7, suspect_attempts = $8,
  lease_until = clock_timestamp() + $9 * interval '1 ms', updated_at = clock_timestamp()
where run = $1 and epoch = $2::bigint and state = 'running' returning run`;

/** Writes how far it has come and renews the lease. @throws {MillraceError} CONSUMER_LEASE_LOST when it was cancelled, or another process has it. */
export async function save(session: Session, { run, epoch }: Claim, standing: Standing, leaseMs: number): Promise<void> {
  const { position, reach, handled, failed, suspect } = standing;
  const values = [run, String(epoch), position, reach, handled, failed, suspect?.id ?? null, suspect?.attempts ?? 0, leaseMs];
  if ((await session.rows('replay_save', saveSql, values)).length === 0) throw superseded(run);
}

const endSql = `
update millrace.replay set state = $3, error = $4, holder = null, lease_until = '-infinity', updated_at = clock_timestamp(),
  ended_at = case when $3 = 'running' then null else clock_timestamp() end
where run = $1 and epoch = $2::bigint and state = 'running'`;

/** Ends a replay, or with `running` hands it on. */
export async function end(session: Session, { run, epoch }: Claim, state: 'running' | 'done' | 'failed', error?: string): Promise<void> {
  await session.rows('replay_end', endSql, [run, String(epoch), state, error ?? null]);
}

const failSql = `
with held as (select run from millrace.replay where run = $1 and epoch = $2::bigint and state = 'running' for share)
insert into millrace.replay_failure (run, id, event_id, key, tenant_id, type, errors)
select held.run, f.id, f.event_id, f.key, f.tenant_id, f.type, f.errors
from held, jsonb_to_recordset($3::jsonb) as f(id bigint, event_id uuid, key text, tenant_id text, type text, errors jsonb)
on conflict (run, id) do update set errors = excluded.errors, failed_at = clock_timestamp() returning run`;

/** An event that the replay has given up. */
export interface GivenUpEvent {
  readonly id: number;
  readonly event: LogRow['event'];
  readonly errors: readonly Failure[];
}

/** @throws {MillraceError} CONSUMER_LEASE_LOST as `save`; nothing is written then. */
export async function keepFailures(session: Session, { run, epoch }: Claim, failures: readonly GivenUpEvent[]): Promise<void> {
  const rows = failures.map(({ id, event, errors }) => ({
    ...{ id, event_id: event.id, key: event.partitionkey ?? null, tenant_id: event.tenantid ?? null, type: event.type, errors },
  }));
  if ((await session.rows('replay_fail', failSql, [run, String(epoch), JSON.stringify(rows)])).length === 0) throw superseded(run);
}

/** What the holder before has given up beyond the position, and the keys that wait for it. */
export async function failuresOf(session: Session, { run }: Claim): Promise<readonly { id: number; key: string | null }[]> {
  const sql = 'select id::text, key from millrace.replay_failure where run = $1';
  const rows = await session.rows<{ id: string; key: string | null }>('replay_failures', sql, [run]);
  return rows.map(({ id, key }) => ({ id: Number(id), key }));
}

function superseded(run: string): MillraceError {
  return new MillraceError('CONSUMER_LEASE_LOST', `replay ${run} was cancelled, or another process has taken it over`);
}
