import { columns, type LogRow, toRow } from './log.ts';
import type { Session } from './session.ts';

/** A parked event that is due for another attempt. */
export interface ParkedRow extends LogRow {
  readonly attempts: number;
}

/** What an attempt brought about; `deadLetter` gives the event up, `park` waits so many milliseconds (null: for a person). */
export type Outcome =
  | { readonly id: number; readonly published: true }
  | { readonly id: number; readonly published: false; readonly error: string; readonly fate: 'dead' | { readonly park: number | null } };

/** Name of a key across topics; events without a key block nothing. */
export function keyName(topic: string, key: string): string {
  return `${topic}\0${key}`;
}

/**
 * A key is due when none of its events waits: the failing one is always the first. Sorted by key once, because the table grows by thousands before
 * statistics do: a look at 20,000 parked events of 5,000 keys takes 30-50 ms, and took 13 s as a subquery that compares them one by one.
 */
const dueSql = `
select ${columns}, o.attempts from (
  select id from (
    select id, max(next_attempt_at) over (partition by topic, key, case when key is null then id end) as latest
    from millrace.parked where sink = $1 and published_at is null) as event
  where latest <= clock_timestamp() order by id limit $2) as due
join millrace.parked o on o.sink = $1 and o.id = due.id
order by o.id`;

/** Events of keys whose turn has come, oldest first. */
export async function dueEvents(session: Session, sink: string, limit: number): Promise<ParkedRow[]> {
  const rows = await session.raw('parked_due', dueSql, [sink, limit]);
  return rows.map((raw) => ({ ...toRow(raw), attempts: Number(raw.at(-1)) }));
}

/**
 * Only the holder of the lease may change what is parked; a superseded one finds `held` empty.
 *
 * What is published stays for a while: it lies below the marks that a rewind goes back to.
 */
const settleSql = `
with held as (select name from millrace.sink where name = $1 and epoch = $2::bigint for share),
outcome as (select o.* from held, jsonb_to_recordset($3::jsonb) as o(id bigint, published boolean, error text, dead boolean, delay float8)),
failed as (
  update millrace.parked p set attempts = p.attempts + 1,
    errors = p.errors || jsonb_build_object('at', clock_timestamp(), 'error', o.error),
    next_attempt_at = coalesce(clock_timestamp() + o.delay * interval '1 ms', 'infinity')
  from outcome o where p.sink = $1 and p.id = o.id and not o.published and not o.dead
), published as (
  update millrace.parked p set published_at = clock_timestamp() from outcome o where p.sink = $1 and p.id = o.id and o.published
), gone as (
  delete from millrace.parked p using outcome o where p.sink = $1 and p.id = o.id and o.dead returning p.*, o.error
)
insert into millrace.dead_letter
select sink, id, event_id, topic, key, type, source, subject, tenant_id, actor_id, data, datacontenttype, headers, created_at,
  attempts + 1, errors || jsonb_build_object('at', clock_timestamp(), 'error', error) from gone on conflict do nothing`;

export async function settleParked(session: Session, sink: string, epoch: bigint, outcomes: readonly Outcome[]): Promise<void> {
  const rows = outcomes.map((o) => {
    if (o.published) return { id: o.id, published: true, dead: false };
    return { id: o.id, published: false, error: o.error, dead: o.fate === 'dead', delay: o.fate === 'dead' ? 0 : o.fate.park };
  });
  await session.rows('parked_settle', settleSql, [sink, String(epoch), JSON.stringify(rows)]);
}

/** Keys that are held back, and how many events there are to come back to, those included that were published and are kept. */
export async function parkedKeys(session: Session, sink: string): Promise<{ keys: Set<string>; events: number }> {
  const sql = `select topic, key, published_at is null as waits, count(*)::integer as events from millrace.parked where sink = $1 group by 1, 2, 3`;
  const rows = await session.rows<{ topic: string; key: string | null; waits: boolean; events: number }>('parked_keys', sql, [sink]);
  const keys = new Set(rows.flatMap((row) => (row.key === null || !row.waits ? [] : [keyName(row.topic, row.key)])));
  return { keys, events: rows.reduce((sum, row) => sum + row.events, 0) };
}

/** Forgets what was published before an instant of the database clock. */
export async function dropPublished(session: Session, sink: string, beforeMs: number): Promise<void> {
  const sql = 'delete from millrace.parked where sink = $1 and published_at < to_timestamp($2::float8 / 1000)';
  await session.rows('parked_drop', sql, [sink, beforeMs]);
}

/** The broker may have forgotten what was published of the parked: all of it that is still known waits again, and its keys with it. */
export async function parkAgain(session: Session, sink: string): Promise<void> {
  const sql = "update millrace.parked set published_at = null, next_attempt_at = '-infinity' where sink = $1 and published_at is not null";
  await session.rows('parked_again', sql, [sink]);
}
