import type { Client } from 'pg';
import { inTransaction } from '../connections/postgres/transaction.ts';
import type { DeadLetter, DeadLetters } from '../dead-letters.ts';
import { columns, toRow } from './log.ts';
import { type RawRow, Session } from './session.ts';

/** The group under which dead letters of relays are told: no consumer group can have the name. */
export const relayGroup = '@relay';

const pageSize = 200;

/** Given up for good, or in the way of their keys until a person decides. By sink and id, from the last one of the page before on. */
const pageSql = `
select * from (
  select ${columns}, o.sink, o.errors, to_char(o.dead_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, null as blocking
  from millrace.dead_letter o where (o.sink, o.id) > ($1, $2::bigint) order by o.sink, o.id limit ${pageSize}) as dead
union all
select * from (
  select ${columns}, o.sink, o.errors, coalesce(o.errors->-1->>'at', ''), o.key
  from millrace.parked o where (o.sink, o.id) > ($1, $2::bigint) and o.published_at is null and o.next_attempt_at = 'infinity' order by o.sink, o.id limit ${pageSize}) as held
order by sink, id limit ${pageSize}`;

const unparkSql = `update millrace.parked set next_attempt_at = '-infinity', attempts = 0
  where sink = $1 and id = any($2::bigint[]) and published_at is null and next_attempt_at = 'infinity'`;

const eventColumns = 'id, event_id, topic, key, type, source, subject, tenant_id, actor_id, data, datacontenttype, headers, created_at';

const reparkSql = `
with gone as (delete from millrace.dead_letter where sink = $1 and id = any($2::bigint[]) returning *)
insert into millrace.parked (sink, ${eventColumns}, attempts, errors, next_attempt_at)
select sink, ${eventColumns}, 0, errors, '-infinity' from gone
on conflict (sink, id) do update set attempts = 0, published_at = null, next_attempt_at = '-infinity'`;

const dropSql = [
  'delete from millrace.dead_letter where sink = $1 and id = any($2::bigint[])',
  "delete from millrace.parked where sink = $1 and id = any($2::bigint[]) and published_at is null and next_attempt_at = 'infinity'",
] as const;

/**
 * What relays could not publish, of all sinks: given up, or, where the topic says `onExhausted: 'block'`, in the way of the later events of their keys.
 * An id is that of the event in the log behind its sink: `redis-streams@events/4711`.
 *
 * A redriven one is tried by its relay within about a second, at this sink alone; of its key nothing overtakes it from then on.
 */
export function relayDeadLetters(client: Client): DeadLetters {
  const session = new Session(client);
  const change = (ids: readonly string[], statements: readonly string[]): Promise<number> =>
    inTransaction(client, async () => {
      let changed = 0;
      for (const [sink, ofSink] of bySink(ids)) {
        for (const sql of statements) changed += (await client.query(sql, [sink, ofSink])).rowCount ?? 0;
      }
      return changed;
    });
  return {
    async *list({ signal } = {}) {
      let last: readonly [sink: string, id: string] = ['', '0'];
      for (;;) {
        signal?.throwIfAborted();
        const page = await session.raw('dead_letters', pageSql, [...last]);
        yield* page.map(letterOf);
        if (page.length < pageSize) return;
        const end = page.at(-1)!;
        last = [end.at(-4)!, end[0]!];
      }
    },
    redrive: (ids) => change(ids, [unparkSql, reparkSql]),
    drop: (ids) => change(ids, dropSql),
  };
}

interface RelayError {
  readonly at: string;
  readonly error: string;
}

function letterOf(raw: RawRow): DeadLetter {
  const { event, topic } = toRow(raw);
  const [sink, errors, at, blocking] = raw.slice(-4);
  const told = JSON.parse(errors!) as RelayError[];
  const failures = told.map(({ at: when, error }, i) => ({ attempt: i + 1, at: when, message: error, consumer: sink! }));
  return {
    ...{ id: `${sink}/${raw[0]}`, topic, group: relayGroup, position: raw[0]!, at: at! },
    event,
    failures,
    blocking: blocking !== null,
  };
}

function bySink(ids: readonly string[]): Map<string, string[]> {
  const sinks = new Map<string, string[]>();
  for (const id of ids) {
    const slash = id.lastIndexOf('/');
    const [sink, event] = [id.slice(0, slash), id.slice(slash + 1)];
    if (/^\d+$/.test(event)) sinks.set(sink, [...(sinks.get(sink) ?? []), event]);
  }
  return sinks;
}
