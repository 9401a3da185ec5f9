import type { ClientBase } from 'pg';
import { Pause } from '../../pause.ts';
import type { PlaceOutcome, Progress, Remains } from './outcome.ts';
import { type Redaction, sqlOf } from './sought.ts';

/** Ids looked at in one transaction: a few hundred milliseconds when all of them match. */
const batchIds = 20_000;
/** Transactions that were open when the redaction was asked for get this long to end; what they commit is looked at then. */
const patienceMs = 10_000;

/** Events beside the log: few, and redacted in the transaction that asks for the redaction. */
export async function redactAside(client: ClientBase, redaction: Redaction): Promise<Record<string, number>> {
  const { where, set, values } = sqlOf(redaction.sought, redaction.id, redaction.salt);
  const counts: Record<string, number> = {};
  for (const table of ['parked', 'dead_letter']) {
    // What a broker answered may quote the event.
    const { rowCount } = await client.query(`update millrace.${table} set ${set}, errors = '[]' where ${where}`, values);
    counts[table] = rowCount ?? 0;
  }
  counts.inbox_parked = await redactInbox(client, redaction);
  return counts;
}

/** Events that came too late are kept as JSON under the names of their attributes; they know no topic, so a choice of topics leaves them. */
async function redactInbox(client: ClientBase, { id, sought }: Redaction): Promise<number> {
  if (sought.topics?.length) return 0;
  const gone = [
    'data_base64',
    'datacontenttype',
    'dataschema',
    'extensions',
    'traceparent',
    'tracestate',
    'partitionkey',
    'subject',
    'actorid',
  ];
  const { rowCount } = await client.query(
    `update millrace.inbox_parked set event = (event - $5::text[]) || jsonb_build_object('extensions', jsonb_build_object('redacted', $4::text))
      where ${inboxWhere}`,
    [...inboxValues(sought), id, gone],
  );
  return rowCount ?? 0;
}

const inboxWhere = `($1::text is null or event->>'tenantid' = $1) and ($2::text is null or event->>'actorid' = $2)
  and ($3::text is null or event->>'subject' = $3) and event #>> '{extensions,redacted}' is null`;

function inboxValues({ tenant, actor, subject }: Redaction['sought']): (string | null)[] {
  return [tenant ?? null, actor ?? null, subject ?? null];
}

/** What `redactAside` and `redactLog` would change. */
export async function countTables(client: ClientBase, redaction: Redaction): Promise<Record<string, number>> {
  const { where, values } = sqlOf(redaction.sought, redaction.id, redaction.salt);
  const counts: Record<string, number> = {};
  for (const table of ['outbox', 'parked', 'dead_letter']) {
    const { rows } = await client.query<{ n: number }>(`select count(*)::integer as n from millrace.${table} where ${where}`, values);
    counts[table] = rows[0]!.n;
  }
  if (!redaction.sought.topics?.length) {
    const sql = `select count(*)::integer as n from millrace.inbox_parked where ${inboxWhere}`;
    counts.inbox_parked = (await client.query<{ n: number }>(sql, inboxValues(redaction.sought))).rows[0]!.n;
  }
  return counts;
}

interface Bounds {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The log, partition by partition, in short transactions; partitions that an earlier attempt has finished are passed over.
 *
 * Events that are enqueued after the request are not meant; those of transactions that were open then are waited for.
 */
export async function redactLog(client: ClientBase, redaction: Redaction, told: Progress): Promise<PlaceOutcome> {
  const { rows: start } = await client.query<{ xid: string; last: string; done: Record<string, number> }>(
    `select pg_current_xact_id()::text as xid, (select last_value from millrace.outbox_id)::text as last, done from millrace.redaction where id = $1`,
    [redaction.id],
  );
  const { xid, last, done } = start[0]!;
  const counts: Record<string, number> = { ...done };
  const partitions = (await bounds(client)).filter(({ from }) => from <= Number(last));
  for (const partition of partitions) {
    if (counts[partition.name] !== undefined) continue;
    counts[partition.name] = await redactPartition(client, redaction, partition, Number(last));
    await noteDone(client, redaction.id, partition.name, counts[partition.name]!);
    told(partition.name, counts[partition.name]!);
  }
  const remains = await redactStragglers(client, redaction, partitions.slice(-2), { xid, last: Number(last) });
  return { counts, remains };
}

async function bounds(client: ClientBase): Promise<Bounds[]> {
  const sql = 'select name, from_id::text as "from", to_id::text as "to" from millrace.outbox_partitions() where not detaching';
  const { rows } = await client.query<{ name: string; from: string; to: string }>(sql);
  return rows.map(({ name, from, to }) => ({ name, from: Number(from), to: Number(to) }));
}

async function redactPartition(client: ClientBase, redaction: Redaction, { name, from, to }: Bounds, last: number): Promise<number> {
  const { where, set, values } = sqlOf(redaction.sought, redaction.id, redaction.salt);
  const table = `millrace.${client.escapeIdentifier(name)}`;
  let events = 0;
  for (let lower = await nextId(client, table, from); lower !== undefined && lower <= last; ) {
    const upper = Math.min(lower + batchIds, to, last + 1);
    const sql = `update ${table} set ${set} where id >= $7 and id < $8 and ${where}`;
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

async function redactStragglers(
  client: ClientBase,
  redaction: Redaction,
  partitions: readonly Bounds[],
  { xid, last }: { xid: string; last: number },
): Promise<Remains[]> {
  const deadline = performance.now() + patienceMs;
  let ended = false;
  while (!ended && performance.now() < deadline) {
    const { rows } = await client.query<{ ended: boolean }>(
      'select pg_snapshot_xmin(pg_current_snapshot())::text::numeric > $1::numeric as ended',
      [xid],
    );
    ended = rows[0]!.ended;
    if (!ended) await new Pause().wait(100);
  }
  for (const partition of partitions) await redactPartition(client, redaction, partition, last);
  if (ended) return [];
  return [
    {
      where: 'millrace.outbox',
      sentence: 'transactions that were open when this began may still commit events: run it again when they have ended',
    },
  ];
}
