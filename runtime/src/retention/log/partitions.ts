import type { ClientBase } from 'pg';
import type { Topology } from '../../contracts/topology.ts';

/** A partition of the log: ids from `fromId` to `toId`, the latter exclusive. */
export interface LogPartition {
  readonly name: string;
  readonly fromId: number;
  readonly toId: number;
}

/** How far a sink has come, and would go back at most: the lowest id that it may still read is the next one. */
interface SinkPlace {
  readonly name: string;
  readonly low: number;
  /** Of a sink that never ran, the topics whose events wait for it; what others have published of the log is of no use to it. */
  readonly waiting?: readonly string[];
}

const filledSql = `select name, from_id::text, to_id::text from millrace.outbox_partitions()
  where not detaching and to_id - 1 <= (select last_value from millrace.outbox_id)`;

/** Partitions in which no further id can be drawn, oldest first. */
export async function filledPartitions(client: ClientBase): Promise<LogPartition[]> {
  const { rows } = await client.query<{ name: string; from_id: string; to_id: string }>(filledSql);
  return rows.map((row) => ({ name: row.name, fromId: Number(row.from_id), toId: Number(row.to_id) }));
}

/**
 * Age of the newest row, in seconds; undefined for a partition without rows.
 *
 * Ids are drawn in the order of time but for the moments between drawing and noting the time: of the last thousand the newest counts.
 */
export async function newestAgeSeconds(client: ClientBase, name: string): Promise<number | undefined> {
  const { rows } = await client.query<{ age: string | null }>(
    `select extract(epoch from clock_timestamp() - max(created_at)) as age
       from (select created_at from millrace.${client.escapeIdentifier(name)} order by id desc limit 1000) as newest`,
  );
  return rows[0]?.age == null ? undefined : Number(rows[0].age);
}

/** After a fail-over of its broker a sink goes back to one of its marks, so the lowest of them counts. */
const sinksSql = `select name, least(low, (select min((mark->>1)::bigint) from jsonb_array_elements(marks) as mark))::text as low
  from millrace.sink order by name`;

/** The sinks of this log; those that the topology routes live topics to and that never ran stand at the beginning, with these topics. */
export async function sinkPlaces(client: ClientBase, topology: Pick<Topology, 'topics'>): Promise<SinkPlace[]> {
  const { rows } = await client.query<{ name: string; low: string }>(sinksSql);
  const places: SinkPlace[] = rows.map((row) => ({ name: row.name, low: Number(row.low) }));
  const known = new Set(rows.map((row) => row.name));
  const waiting = new Map<string, string[]>();
  for (const [topic, { transports }] of Object.entries(topology.topics)) {
    for (const { kind, service } of transports.filter((route) => route.phase === 'live')) {
      const name = `${kind}@${service}`;
      if (!known.has(name)) waiting.set(name, [...(waiting.get(name) ?? []), topic]);
    }
  }
  return [...places, ...[...waiting].map(([name, topics]) => ({ name, low: 0, waiting: topics }))];
}

async function hasEventsOf(client: ClientBase, partition: string, topics: readonly string[]): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `select exists (select 1 from millrace.${client.escapeIdentifier(partition)} where topic = any($1)) as found`,
    [topics],
  );
  return rows[0]!.found;
}

/**
 * The id that a sink must have passed. When a partition was cut no transaction that had drawn an id was open, so what it holds now is all it will ever
 * hold, and a sink stops at its newest row until the next event comes; otherwise every id must be settled.
 */
async function lastToPass(client: ClientBase, { name, toId }: Pick<LogPartition, 'name' | 'toId'>): Promise<number> {
  const { rows } = await client.query<{ last: string }>(
    `select case when exists (select 1 from millrace.skipped where to_id = $1::bigint)
       then coalesce((select max(id) from millrace.${client.escapeIdentifier(name)}), 0) else $1::bigint - 1 end as last`,
    [toId],
  );
  return Number(rows[0]!.last);
}

const parkedSql = `select sink, count(*)::integer as events from millrace.parked
  where id >= $1 and id < $2 and published_at is null group by sink order by sink`;

/** Why a partition that is over its retention cannot go, in words; undefined when it can. */
export async function reasonToKeep(
  client: ClientBase,
  { name, fromId, toId }: LogPartition,
  sinks: readonly SinkPlace[],
): Promise<string | undefined> {
  const last = await lastToPass(client, { name, toId });
  const behind: SinkPlace[] = [];
  for (const sink of sinks) {
    if (sink.low < last && (sink.waiting === undefined || (await hasEventsOf(client, name, sink.waiting)))) behind.push(sink);
  }
  if (behind.length > 0) {
    const places = behind.map((sink) => (sink.low === 0 ? `${sink.name} has published nothing` : `${sink.name} stands at ${sink.low}`));
    return `${places.join(', ')}: run its relay; one that is given up is taken out of the topology and of millrace.sink`;
  }
  if (sinks.every(({ waiting }) => waiting !== undefined)) {
    return 'no relay has ever published from this log: start one, or drop the partition by hand';
  }
  const parked = await client.query<{ sink: string; events: number }>(parkedSql, [fromId, toId]);
  if (parked.rows.length > 0) {
    return `events of it are parked: ${parked.rows.map((row) => `${row.events} of ${row.sink}`).join(', ')}; release or give them up`;
  }
  const kept = await client.query<{ until: string }>(
    `select to_char(kept_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as until from millrace.archived_partition
      where name = $1 and kept_until > clock_timestamp()`,
    [name],
  );
  return kept.rows[0] && `it was restored and is kept until ${kept.rows[0].until}`;
}
