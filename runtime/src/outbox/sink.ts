import { MillraceError } from '../contracts/errors.ts';
import { formatRanges, parseRanges, type Range } from './ranges.ts';
import type { Session } from './session.ts';

/** Where a sink stood at an instant of the database clock, `[unix ms, low]`. */
export type Mark = readonly [atMs: number, low: number];

/** The lease of a sink and its progress, as its row holds them. */
export interface Hold {
  readonly epoch: bigint;
  readonly low: number;
  readonly done: readonly Range[];
  readonly incarnation: string | null;
  readonly marks: readonly Mark[];
  readonly version: number;
  readonly postmasterStart: string;
  /** Identity of the log, for the fences of the broker. */
  readonly producer: string;
}

/** An event that is copied out of the log, because it or an earlier one of its key failed. */
export interface Aside {
  readonly id: number;
  readonly attempts: number;
  /** Absent when the event only waits behind another. */
  readonly error: string | null;
  /** `park` with the delay until the next attempt, in milliseconds; null waits for a person. `dead` gives the event up. */
  readonly fate: { readonly park: number | null } | 'dead';
}

export interface Progress {
  readonly low: number;
  readonly done: readonly Range[];
  readonly incarnation: string | null;
  readonly marks: readonly Mark[];
  readonly aside: readonly Aside[];
}

export interface Flushed {
  readonly version: number;
  /** Drawn by this statement, after everything that was known when it was sent. */
  readonly xid: bigint;
  readonly postmasterStart: string;
  readonly lastId: number;
  readonly nowMs: number;
  /** A person has asked that parked or dead events of this sink are tried again. */
  readonly redriven: boolean;
}

const clockMs = '(extract(epoch from clock_timestamp()) * 1000)::bigint';

/** Above what was restored of the log before this sink was there. */
const beginSql = `
insert into millrace.sink (name, low, done) select $1, start.low, start.done from millrace.sink_start() as start
where not exists (select from millrace.sink where name = $1) on conflict do nothing`;

const acquireSql = `
update millrace.sink set holder = $2, epoch = greatest(epoch + 1, ${clockMs}, $4::bigint + 1), version = version + 1,
  lease_until = clock_timestamp() + $3 * interval '1 ms', updated_at = clock_timestamp()
where name = $1 and (lease_until < clock_timestamp() or holder = $2)
returning epoch::text, low::text, done::text, incarnation, marks, version, extract(epoch from pg_postmaster_start_time())::text as start,
  (select identity from millrace.log) as producer, ${clockMs}::text as now_ms`;

interface HoldRow {
  epoch: string;
  low: string;
  done: string;
  incarnation: string | null;
  marks: Mark[];
  version: string;
  start: string;
  producer: string;
  now_ms: string;
}

/**
 * Takes the lease of a sink if it is free or has run out.
 *
 * The epoch is at least the database clock in milliseconds, so that it grows even when a restore or an asynchronous fail-over has set the row back.
 *
 * @param above the epoch must exceed this one, which a broker has already seen.
 * @returns the hold, or when another relay has it, the milliseconds until its lease runs out.
 */
export async function acquire(
  session: Session,
  name: string,
  holder: string,
  leaseMs: number,
  above: bigint,
): Promise<Hold | { heldForMs: number }> {
  await session.rows('sink', beginSql, [name]);
  const [row] = await session.rows<HoldRow>('acquire', acquireSql, [name, holder, leaseMs, String(above)]);
  if (row === undefined) {
    const heldSql = 'select extract(epoch from lease_until - clock_timestamp()) * 1000 as ms from millrace.sink where name = $1';
    const [held] = await session.rows<{ ms: string | null }>('held', heldSql, [name]);
    return { heldForMs: Math.max(0, Number(held?.ms ?? 0)) };
  }
  const { incarnation, producer } = row;
  const marks: Mark[] = row.marks.length > 0 ? row.marks : [[Number(row.now_ms), Number(row.low)]];
  const numbers = { epoch: BigInt(row.epoch), low: Number(row.low), version: Number(row.version) };
  return { ...numbers, done: parseRanges(row.done), incarnation, marks, postmasterStart: row.start, producer };
}

/** By name: a migration may add columns to the log while this version still runs. */
const eventColumns = 'id, event_id, topic, key, type, source, subject, tenant_id, actor_id, data, datacontenttype, headers, created_at';
const ofLog = eventColumns.replaceAll(/\w+/g, 'o.$&');

/** Rows are copied only when the update of the sink's row succeeds: `held` is empty otherwise. */
const flushSql = `
with held as (
  update millrace.sink set low = $5, done = $6::int8multirange, incarnation = $7, marks = $8::jsonb, version = version + 1,
    lease_until = clock_timestamp() + $4 * interval '1 ms', updated_at = clock_timestamp()
  where name = $1 and epoch = $2::bigint and version = $3
  returning name, pg_current_xact_id()::text as xid, extract(epoch from pg_postmaster_start_time())::text as start,
    (select last_value from millrace.outbox_id)::text as last_id, ${clockMs}::text as now_ms,
    exists (select from millrace.parked p where p.sink = $1 and p.next_attempt_at = '-infinity' and p.published_at is null) as redriven
), aside as (
  select a.*, case when a.error is null then '[]'::jsonb else jsonb_build_array(jsonb_build_object('at', clock_timestamp(), 'error', a.error)) end as errors
  from held, jsonb_to_recordset($9::jsonb) as a(id bigint, attempts integer, error text, dead boolean, delay float8)
), parked as (
  insert into millrace.parked (sink, ${eventColumns}, attempts, errors, next_attempt_at)
  select held.name, ${ofLog}, a.attempts, a.errors, coalesce(clock_timestamp() + a.delay * interval '1 ms', 'infinity')
  from held, aside a join millrace.outbox o on o.id = a.id where not a.dead
  on conflict (sink, id) do update set published_at = null, next_attempt_at = excluded.next_attempt_at where parked.published_at is not null
), dead as (
  insert into millrace.dead_letter (sink, ${eventColumns}, attempts, errors)
  select held.name, ${ofLog}, a.attempts, a.errors from held, aside a join millrace.outbox o on o.id = a.id where a.dead on conflict do nothing
)
select * from held`;

interface FlushRow {
  xid: string;
  start: string;
  last_id: string;
  now_ms: string;
  redriven: boolean;
}

/**
 * Writes progress, renews the lease and copies events aside, in one statement.
 *
 * @throws {MillraceError} RELAY_FENCED when the row is no longer as this relay left it.
 */
export async function flush(
  session: Session,
  name: string,
  hold: { epoch: bigint; version: number },
  leaseMs: number,
  progress: Progress,
): Promise<Flushed> {
  const aside = progress.aside.map(({ id, attempts, error, fate }) => ({
    id,
    attempts,
    error,
    dead: fate === 'dead',
    delay: fate === 'dead' ? 0 : fate.park,
  }));
  const place = [name, String(hold.epoch), hold.version, leaseMs];
  const state = [progress.low, formatRanges(progress.done), progress.incarnation, JSON.stringify(progress.marks), JSON.stringify(aside)];
  const [row] = await session.rows<FlushRow>('flush', flushSql, [...place, ...state]);
  if (row === undefined) {
    throw new MillraceError('RELAY_FENCED', `sink ${name} is not at version ${hold.version} of epoch ${hold.epoch} any more`);
  }
  const { xid, start, last_id, now_ms, redriven } = row;
  return { version: hold.version + 1, xid: BigInt(xid), postmasterStart: start, lastId: Number(last_id), nowMs: Number(now_ms), redriven };
}

/** What a sink that goes back to `low` must not publish again, though it lies above: partitions that were restored. */
export async function restoredAbove(session: Session, low: number): Promise<readonly Range[]> {
  const sql = 'select (done * int8multirange(int8range($1::bigint + 1, null)))::text as done from millrace.sink_start()';
  const [row] = await session.rows<{ done: string }>('restored_above', sql, [low]);
  return parseRanges(row!.done);
}

/** Lets the next relay in at once. */
export async function release(session: Session, name: string, hold: { epoch: bigint; version: number }): Promise<void> {
  const sql = "update millrace.sink set lease_until = '-infinity', holder = null where name = $1 and epoch = $2::bigint and version = $3";
  await session.rows('release', sql, [name, String(hold.epoch), hold.version]);
}
