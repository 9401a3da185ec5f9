import type { Client } from 'pg';
import type { Bench } from './bench.ts';
import { topic } from './traffic.ts';

const pageSize = 1_000;

/** A copy of the log that may be emptied. */
export async function fillQueue(client: Client): Promise<void> {
  await client.query('drop table if exists queue');
  await client.query('create table queue (like millrace.outbox including all)');
  await client.query('insert into queue select * from millrace.outbox');
  await client.query('vacuum analyze queue');
}

/** The outbox of the textbooks: take a batch of rows out, append each to the stream through a pipeline, commit. */
export async function throughDeletes(bench: Bench, client: Client): Promise<number> {
  await bench.empty('events');
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
