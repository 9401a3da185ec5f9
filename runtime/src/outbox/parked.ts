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

/** A key is due when none of its events waits: the failing one is always the first. */
const dueSql = `
select ${columns}, o.attempts from millrace.parked o where o.sink = $1 and not exists (
  select 1 from millrace.parked first where first.sink = $1 and first.next_attempt_at > clock_timestamp()
    and (first.id = o.id or (first.topic = o.topic and first.key = o.key)))
order by o.id limit $2`;

/** Events of keys whose turn has come, oldest first. */
export async function dueEvents(session: Session, sink: string, limit: number): Promise<ParkedRow[]> {
  const rows = await session.raw('parked_due', dueSql, [sink, limit]);
  return rows.map((raw) => ({ ...toRow(raw), attempts: Number(raw.at(-1)) }));
}

/** Only the holder of the lease may change what is parked; a superseded one finds `held` empty. */
const settleSql = `
with held as (select name from millrace.sink where name = $1 and epoch = $2::bigint for share),
outcome as (select o.* from held, jsonb_to_recordset($3::jsonb) as o(id bigint, published boolean, error text, dead boolean, delay float8)),
failed as (
  update millrace.parked p set attempts = p.attempts + 1,
    errors = p.errors || jsonb_build_object('at', clock_timestamp(), 'error', o.error),
    next_attempt_at = coalesce(clock_timestamp() + o.delay * interval '1 ms', 'infinity')
  from outcome o where p.sink = $1 and p.id = o.id and not o.published and not o.dead
), gone as (
  delete from millrace.parked p using outcome o where p.sink = $1 and p.id = o.id and (o.published or o.dead) returning p.*, o.dead, o.error
)
insert into millrace.dead_letter
select sink, id, event_id, topic, key, type, source, subject, tenant_id, actor_id, data, datacontenttype, headers, created_at,
  attempts + 1, errors || jsonb_build_object('at', clock_timestamp(), 'error', error) from gone where dead on conflict do nothing`;

export async function settleParked(session: Session, sink: string, epoch: bigint, outcomes: readonly Outcome[]): Promise<void> {
  const rows = outcomes.map((o) => {
    if (o.published) return { id: o.id, published: true, dead: false };
    return { id: o.id, published: false, error: o.error, dead: o.fate === 'dead', delay: o.fate === 'dead' ? 0 : o.fate.park };
  });
  await session.rows('parked_settle', settleSql, [sink, String(epoch), JSON.stringify(rows)]);
}

/** Keys that are held back, and how many events are parked in all. */
export async function parkedKeys(session: Session, sink: string): Promise<{ keys: Set<string>; events: number }> {
  const sql = 'select topic, key, count(*)::integer as events from millrace.parked where sink = $1 group by topic, key';
  const rows = await session.rows<{ topic: string; key: string | null; events: number }>('parked_keys', sql, [sink]);
  const keys = new Set(rows.flatMap((row) => (row.key === null ? [] : [keyName(row.topic, row.key)])));
  return { keys, events: rows.reduce((sum, row) => sum + row.events, 0) };
}
