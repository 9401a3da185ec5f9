import type { Client } from 'pg';
import { columns, type LogRow, toRow } from '../../src/outbox/log.ts';
import { startRelay } from '../../src/outbox/relay.ts';
import { Session } from '../../src/outbox/session.ts';
import type { Transport } from '../../src/transport.ts';
import type { Bench } from '../bench.ts';
import { type Figure, median, round } from '../figure.ts';
import { fillOutbox } from '../fill.ts';

const pageSize = 1_000;
const topic = 'bench.orders';

/**
 * Rows of the log to Redis Streams: the relay, the bare loop, and what most libraries do, in turn and several times, so that a noisy machine is noisy for
 * all three. The bare loop has the same pages, the same encoding and the same publishing script, without lease, gaps, progress or retry.
 */
export async function publishFigure(bench: Bench): Promise<Figure[]> {
  const database = await bench.freshDatabase();
  const client = await database.openClient('bench');
  const events = bench.quick ? 50_000 : 200_000;
  bench.say(`writing ${events} events`);
  await fillOutbox(client, topic, events);
  const rates: { relay: number; bare: number; usual: number }[] = [];
  for (let turn = 1; turn <= (bench.quick ? 1 : 5); turn++) {
    const relay = await timed(events, () => throughRelay(bench, database.openClient, client, events));
    const bare = await timed(events, () => throughBareLoop(bench, database.openClient));
    await fillQueue(client);
    const usual = await timed(events, () => throughDeletes(bench, client));
    rates.push({ relay, bare, usual });
    bench.say(`turn ${turn}: relay ${relay}, bare loop ${bare}, DELETE .. RETURNING + XADD ${usual} events/s`);
  }
  const ofLimit = round(median(rates.map((r) => r.relay / r.bare)), 2);
  const ofOthers = round(median(rates.map((r) => r.relay / r.usual)), 2);
  const value = median(rates.map((r) => r.relay));
  const target = '>= 0.7 of the bare loop, >= 1.5 of DELETE .. RETURNING + XADD';
  return [{ name: 'relay.redis-streams', value, unit: 'events/s', ofLimit, ofOthers, target, reached: ofLimit >= 0.7 && ofOthers >= 1.5 }];
}

type OpenClient = (name: string) => Promise<Client>;

/** Only the work counts: connections are opened and streams emptied before. */
async function timed(events: number, run: () => Promise<number>): Promise<number> {
  return round((events / (await run())) * 1_000);
}

async function throughRelay(bench: Bench, openClient: OpenClient, client: Client, events: number): Promise<number> {
  await bench.emptyStreams();
  await client.query('delete from millrace.sink');
  await using transport = await bench.transport();
  const startedAt = performance.now();
  await using relay = startRelay({ openClient, transport, topology: bench.topology, service: 'events', pageSize });
  while (relay.status().published < events) await new Promise((resolve) => setTimeout(resolve, 2));
  return performance.now() - startedAt;
}

async function throughBareLoop(bench: Bench, openClient: OpenClient): Promise<number> {
  await bench.emptyStreams();
  await using transport = await bench.transport();
  const session = new Session(await openClient('bench bare loop'));
  const sql = `select ${columns} from millrace.outbox o where o.id > $1 order by o.id limit ${pageSize}`;
  let last = 0;
  const read = async (): Promise<LogRow[]> => {
    const rows = (await session.raw('bare', sql, [last])).map(toRow);
    last = rows.at(-1)?.id ?? last;
    return rows;
  };
  const startedAt = performance.now();
  let reading = read();
  for (let rows = await reading; rows.length > 0; rows = await reading) {
    reading = read();
    await publishAll(transport, rows);
  }
  const took = performance.now() - startedAt;
  await session.client.end();
  return took;
}

async function publishAll(transport: Transport, rows: readonly LogRow[]): Promise<void> {
  const results = await transport.publish(
    topic,
    rows.map((row) => row.event),
  );
  for (const result of results) if (result.status === 'failed') throw result.error;
}

async function fillQueue(client: Client): Promise<void> {
  await client.query('drop table if exists queue');
  await client.query('create table queue (like millrace.outbox including all)');
  await client.query('insert into queue select * from millrace.outbox');
  await client.query('vacuum analyze queue');
}

/** The outbox of the textbooks: take a batch of rows out, append each to the stream through a pipeline, commit. */
async function throughDeletes(bench: Bench, client: Client): Promise<number> {
  await bench.emptyStreams();
  const { client: redis, close } = await bench.redis();
  const startedAt = performance.now();
  for (;;) {
    await client.query('begin');
    const { rows } = await client.query({ name: 'bench_delete', text: deleteSql });
    const pipeline = redis.pipeline();
    for (const row of rows) pipeline.xadd(`stream:{${topic}:0}`, '*', ...fields(row));
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
    await client.query('commit');
    if (rows.length === 0) break;
  }
  const took = performance.now() - startedAt;
  await close();
  return took;
}

const deleteSql = `delete from queue where id in (select id from queue order by id limit ${pageSize} for update skip locked)
  returning id, event_id, topic, key, type, source, tenant_id, actor_id, data, datacontenttype, created_at`;

interface QueueRow {
  id: string;
  event_id: string;
  key: string;
  type: string;
  source: string;
  tenant_id: string;
  actor_id: string;
  data: Buffer;
  datacontenttype: string;
  created_at: Date;
}

/** The same event as the transport writes. */
function fields(row: QueueRow): (string | Buffer)[] {
  const { id, event_id, key, type, source, tenant_id, actor_id, data, datacontenttype, created_at } = row;
  const identity = ['specversion', '1.0', 'id', event_id, 'source', source, 'type', type, 'time', created_at.toISOString()];
  const rest = [
    'datacontenttype',
    datacontenttype,
    'tenantid',
    tenant_id,
    'actorid',
    actor_id,
    'partitionkey',
    key,
    'sequence',
    id,
    'data',
    data,
  ];
  return [...identity, ...rest];
}
