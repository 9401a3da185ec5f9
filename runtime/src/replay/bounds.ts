import type { ClientBase } from 'pg';
import { MillraceError } from '../contracts/errors.ts';
import { parseTime } from '../iso-time.ts';
import { isUuidv7 } from '../outbox/uuid.ts';

/** Ids follow the clock but for transactions that draw and write side by side; this many ids beside a boundary are looked at one by one. */
const untidyIds = 10_000;
const minuteMs = 60_000;

/** What the log still has: all ids between, those included that no event has. Empty when `last` is below `first`. */
interface LogReach {
  readonly first: number;
  readonly last: number;
}

/** Ids from the oldest on from which nothing is missing up to the newest; partitions that were restored below a hole do not count. */
const reachSql = `
with p as (select from_id, to_id, lead(from_id) over (order by from_id) as next from millrace.outbox_partitions() where not detaching)
select coalesce((select max(next) from p where next is distinct from to_id and next is not null), (select min(from_id) from p), 1)::text as first,
  (select last_value from millrace.outbox_id)::text as last`;

async function logReach(client: ClientBase): Promise<LogReach> {
  const { rows } = await client.query<{ first: string; last: string }>(reachSql);
  return { first: Number(rows[0]!.first), last: Number(rows[0]!.last) };
}

/** Where a replay begins or ends, as a person names it. */
export type Mark = { readonly id: number } | { readonly event: string } | { readonly time: Date };

/** A log id, the id of an event, or a time of ISO 8601; undefined for anything else. */
export function parseMark(text: string): Mark | undefined {
  if (/^\d{1,16}$/.test(text)) return { id: Number(text) };
  if (isUuidv7(text)) return { event: text.toLowerCase() };
  const time = parseTime(text);
  return time && { time };
}

/** The lowest id that can be of an event written at `time` or later: one beyond the newest where there is none. */
async function idAt(client: ClientBase, { first, last }: LogReach, time: Date): Promise<number> {
  const sql = 'select id::text, created_at >= $2 as reached from millrace.outbox where id >= $1 order by id limit 1';
  let [low, high] = [first, last + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const { rows } = await client.query<{ id: string; reached: boolean }>(sql, [middle, time]);
    const [row] = rows;
    if (row === undefined || row.reached) high = middle;
    else low = Number(row.id) + 1;
  }
  return Math.max(first, low - untidyIds);
}

/** The log id of an event. It is looked for about the time that its identifier tells, then in all of the log. */
async function idOf(client: ClientBase, reach: LogReach, event: string): Promise<number> {
  const at = Number.parseInt(event.replaceAll('-', '').slice(0, 12), 16);
  const from = await idAt(client, reach, new Date(at - minuteMs));
  const to = await idAt(client, reach, new Date(at + minuteMs));
  const sql = 'select id::text from millrace.outbox where event_id = $1 and id between $2 and $3 limit 1';
  for (const [least, most] of [
    [from, to + 2 * untidyIds],
    [reach.first, reach.last],
  ]) {
    const { rows } = await client.query<{ id: string }>(sql, [event, least, most]);
    if (rows[0] !== undefined) return Number(rows[0].id);
  }
  throw new MillraceError('REPLAY_INVALID', `event ${event} is not in the log, which has ids ${reach.first} to ${reach.last}`);
}

export interface Bounds {
  readonly from: number;
  readonly to: number;
  readonly fromTime?: Date;
  readonly toTime?: Date;
}

/**
 * The ids between two marks: `from` and, of ids and events, `to` included; a time `to` is not.
 *
 * @param to the end of the log as it is now, when it is left out.
 * @throws {MillraceError} REPLAY_OUT_OF_LOG when the log does not reach back to `from`; REPLAY_INVALID when an event is not in it.
 */
export async function boundsOf(client: ClientBase, from: Mark, to: Mark | undefined): Promise<Bounds> {
  const reach = await logReach(client);
  await requireReach(client, reach, from);
  return { ...(await startOf(client, reach, from)), ...(await endOf(client, reach, to)) };
}

async function startOf(client: ClientBase, reach: LogReach, mark: Mark): Promise<Pick<Bounds, 'from' | 'fromTime'>> {
  if ('id' in mark) return { from: mark.id };
  if ('event' in mark) return { from: await idOf(client, reach, mark.event) };
  return { from: await idAt(client, reach, mark.time), fromTime: mark.time };
}

async function endOf(client: ClientBase, reach: LogReach, mark: Mark | undefined): Promise<Pick<Bounds, 'to' | 'toTime'>> {
  if (mark === undefined) return { to: reach.last };
  if ('id' in mark) return { to: Math.min(reach.last, mark.id) };
  if ('event' in mark) return { to: await idOf(client, reach, mark.event) };
  return { to: Math.min(reach.last, (await idAt(client, reach, mark.time)) + 2 * untidyIds), toTime: mark.time };
}

async function requireReach(client: ClientBase, { first, last }: LogReach, from: Mark): Promise<void> {
  if (first <= 1 || 'event' in from) return;
  const { rows } = await client.query<{ at: Date }>('select created_at as at from millrace.outbox where id >= $1 order by id limit 1', [
    first,
  ]);
  const begins = rows[0]?.at;
  const isWithin = 'id' in from ? from.id >= first : begins !== undefined && from.time >= begins;
  if (isWithin) return;
  const place = begins === undefined ? `id ${first}, and no event is in it` : `id ${first}, ${begins.toISOString()}`;
  const asked = 'id' in from ? `id ${from.id}` : from.time.toISOString();
  throw new MillraceError(
    'REPLAY_OUT_OF_LOG',
    `the log begins with ${place}, and the replay with ${asked}: begin there, or put partitions back with millrace archive restore (newest id is ${last})`,
  );
}
