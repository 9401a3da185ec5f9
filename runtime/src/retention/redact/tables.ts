import type { ClientBase } from 'pg';
import { liftedKey } from './lifted.ts';
import type { PlaceOutcome, Progress, Remains } from './outcome.ts';
import { ownSource, ownTypes, pseudonymSql, type Redaction, type Sought, sqlOf } from './sought.ts';
import type { Running } from './stopping.ts';

/** Ids looked at in one transaction: a few hundred milliseconds when all of them match. */
const batchIds = 20_000;
/** Transactions that were open when the redaction was asked for get this long to end; what they commit is looked at then. */
const patienceMs = 10_000;

/**
 * Events beside the log: few, and redacted in the transaction that asks for the redaction, and once more in the end: until the log itself is redacted, relays
 * set events aside as they were.
 */
export async function redactAside(client: ClientBase, redaction: Redaction): Promise<Record<string, number>> {
  const { where, set, values } = sqlOf(redaction);
  const counts: Record<string, number> = {};
  for (const table of ['parked', 'dead_letter']) {
    // What a broker answered may quote the event.
    const { rowCount } = await client.query(`update millrace.${table} set ${set}, errors = '[]' where ${where}`, values);
    counts[table] = rowCount ?? 0;
  }
  counts.inbox_parked = await redactInbox(client, redaction);
  return counts;
}

/** Attributes of an event that the inbox has set aside which go; its extensions become the marker alone. */
const gone = ['data_base64', 'datacontenttype', 'dataschema', 'traceparent', 'tracestate', 'partitionkey', 'subject', 'actorid'];

const inboxWhere = `($1::text is null or event->>'tenantid' = $1) and ($2::text is null or event->>'actorid' = $2)
  and ($3::text is null or event->>'subject' = $3) and ($4::text is null or event->>'partitionkey' = $4)
  and not coalesce(event->>'type' like '${ownTypes}%' and event->>'source' = '${ownSource}', false)
  and (event ?| $5::text[] or event->'extensions' is distinct from jsonb_build_object('redacted', event #>> '{extensions,redacted}'))`;

function inboxValues({ tenant, actor, subject, key }: Sought): unknown[] {
  return [tenant ?? null, actor ?? null, subject ?? null, key ?? null, gone];
}

/** Events that came too late are kept as JSON under the names of their attributes; they know no topic, so a choice of topics leaves them. */
async function redactInbox(client: ClientBase, { id, sought, salt }: Redaction): Promise<number> {
  if (sought.topics?.length) return 0;
  const { rowCount } = await client.query(
    `update millrace.inbox_parked set event = (event - $5::text[]) || jsonb_build_object('extensions', jsonb_build_object('redacted', $6::text))
        || case when event->>'source' in ($2::text, $3::text, $4::text) then jsonb_build_object('source', ${pseudonymSql("event->>'source'", '$7')}) else '{}' end
      where ${inboxWhere}`,
    [...inboxValues(sought), id, salt],
  );
  return rowCount ?? 0;
}

async function countInbox(client: ClientBase, sought: Sought): Promise<number> {
  const sql = `select count(*)::integer as n from millrace.inbox_parked where ${inboxWhere}`;
  return (await client.query<{ n: number }>(sql, inboxValues(sought))).rows[0]!.n;
}

/** What a choice of topics leaves in the inbox. */
export async function leftInInbox(client: ClientBase, { sought }: Redaction): Promise<Remains[]> {
  const events = sought.topics?.length ? await countInbox(client, sought) : 0;
  if (events === 0) return [];
  const sentence = `${events} events that the inbox has set aside know no topic: redact without --topic to reach them`;
  return [{ where: 'millrace.inbox_parked', sentence }];
}

/** What `redactAside` and `redactLog` would change. */
export async function countTables(client: ClientBase, redaction: Redaction): Promise<Record<string, number>> {
  const { where, values } = sqlOf(redaction);
  const counts: Record<string, number> = {};
  for (const table of ['outbox', 'parked', 'dead_letter']) {
    const { rows } = await client.query<{ n: number }>(`select count(*)::integer as n from millrace.${table} where ${where}`, values);
    counts[table] = rows[0]!.n;
  }
  if (!redaction.sought.topics?.length) counts.inbox_parked = await countInbox(client, redaction.sought);
  return counts;
}

/** Where the row of a redaction keeps, in `done`, which partitions were the newest two when it was asked for or taken up again. */
const newestKey = 'newest';

interface Bounds {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The log, partition by partition, in short transactions; partitions that an earlier attempt has finished are passed over, but for those that were the newest
 * then: a transaction that was open at that time may have committed events into them since.
 *
 * Events that are enqueued after the request are not meant; those of transactions that were open then are waited for.
 */
export async function redactLog(client: ClientBase, redaction: Redaction, told: Progress, running: Running): Promise<PlaceOutcome> {
  const { rows: start } = await client.query<{ xid: string; last: string; done: Record<string, number>; newest: string[] }>(
    `select pg_current_xact_id()::text as xid, (select last_value from millrace.outbox_id)::text as last, done - '${liftedKey}' - '${newestKey}' as done,
      coalesce(done->'${newestKey}', '[]') as newest from millrace.redaction where id = $1`,
    [redaction.id],
  );
  const { xid, last, done, newest } = start[0]!;
  const counts: Record<string, number> = { ...done };
  const partitions = (await bounds(client)).filter(({ from }) => from <= Number(last));
  const open = new Set([...newest, ...partitions.slice(-2).map(({ name }) => name)]);
  await noteNewest(client, redaction.id, [...open]);
  for (const partition of partitions) {
    const { name } = partition;
    if (counts[name] !== undefined && !open.has(name)) continue;
    counts[name] = (counts[name] ?? 0) + (await redactPartition(client, redaction, partition, Number(last), running));
    await noteDone(client, redaction.id, name, counts[name]);
    told(name, counts[name]);
  }
  const late = partitions.filter(({ name }) => open.has(name));
  const remains = await redactStragglers(client, redaction, late, { xid, last: Number(last) }, running);
  return { counts, remains };
}

async function bounds(client: ClientBase): Promise<Bounds[]> {
  const sql = 'select name, from_id::text as "from", to_id::text as "to" from millrace.outbox_partitions() where not detaching';
  const { rows } = await client.query<{ name: string; from: string; to: string }>(sql);
  return rows.map(({ name, from, to }) => ({ name, from: Number(from), to: Number(to) }));
}

async function redactPartition(
  client: ClientBase,
  redaction: Redaction,
  { name, from, to }: Bounds,
  last: number,
  running: Running,
): Promise<number> {
  const { where, set, values } = sqlOf(redaction);
  const table = `millrace.${client.escapeIdentifier(name)}`;
  let events = 0;
  for (let lower = await nextId(client, table, from); lower !== undefined && lower <= last; ) {
    running.check();
    const upper = Math.min(lower + batchIds, to, last + 1);
    const sql = `update ${table} set ${set} where id >= $8 and id < $9 and ${where}`;
    events += (await client.query(sql, [...values, lower, upper])).rowCount ?? 0;
    lower = await nextId(client, table, upper);
  }
  // The old versions of the rows stay in the table's file until then.
  if (events > 0) await client.query(`vacuum ${table}`);
  return events;
}

/** Skipped ids are many. */
async function nextId(client: ClientBase, table: string, from: number): Promise<number | undefined> {
  const { rows } = await client.query<{ id: string }>(`select id from ${table} where id >= $1 order by id limit 1`, [from]);
  return rows[0] && Number(rows[0].id);
}

async function noteDone(client: ClientBase, id: string, name: string, events: number): Promise<void> {
  await client.query('update millrace.redaction set done = done || jsonb_build_object($2::text, $3::integer) where id = $1', [
    id,
    name,
    events,
  ]);
}

async function noteNewest(client: ClientBase, id: string, names: readonly string[]): Promise<void> {
  const sql = `update millrace.redaction set done = done || jsonb_build_object('${newestKey}', $2::jsonb) where id = $1`;
  await client.query(sql, [id, JSON.stringify(names)]);
}

async function redactStragglers(
  client: ClientBase,
  redaction: Redaction,
  partitions: readonly Bounds[],
  { xid, last }: { xid: string; last: number },
  running: Running,
): Promise<Remains[]> {
  const deadline = performance.now() + patienceMs;
  let ended = false;
  while (!ended && performance.now() < deadline) {
    const { rows } = await client.query<{ ended: boolean }>(
      'select pg_snapshot_xmin(pg_current_snapshot())::text::numeric > $1::numeric as ended',
      [xid],
    );
    ended = rows[0]!.ended;
    if (!ended) await running.wait(100);
  }
  for (const partition of partitions) await redactPartition(client, redaction, partition, last, running);
  if (ended) return [];
  return [
    {
      where: 'millrace.outbox',
      sentence: 'transactions that were open when this began may still commit events: run it again when they have ended',
    },
  ];
}
