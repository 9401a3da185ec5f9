import type { PostgresConnection } from '../src/connections/postgres/index.ts';
import { columns, type LogRow, toRow } from '../src/outbox/log.ts';
import { startRelay } from '../src/outbox/relay.ts';
import { Session } from '../src/outbox/session.ts';
import type { Bench } from './bench.ts';
import { publishAll } from './events.ts';
import { round } from './figure.ts';

const pageSize = 1_000;

/** Events a second. Only the work counts: `run` gives its milliseconds. */
export async function timed(events: number, run: () => Promise<number>): Promise<number> {
  return round((events / (await run())) * 1_000);
}

/** Milliseconds of a relay in this process from its start until it has published `events` rows of the log, from the first. */
export async function throughRelay(
  bench: Bench,
  { openClient, pool }: PostgresConnection,
  { service, events }: { service: string; events: number },
): Promise<number> {
  await bench.empty(service);
  await pool.query('delete from millrace.sink');
  await using transport = await bench.transport(service);
  const startedAt = performance.now();
  await using relay = startRelay({ openClient, transport, topology: bench.topology, service, pageSize });
  while (relay.status().published < events) await new Promise((resolve) => setTimeout(resolve, 2));
  return performance.now() - startedAt;
}

/** Milliseconds of the same pages through the same `publish`, the next page being read while one is published. */
export async function throughBareLoop(
  bench: Bench,
  { openClient }: PostgresConnection,
  { service, topic }: { service: string; topic: string },
): Promise<number> {
  await bench.empty(service);
  await using transport = await bench.transport(service);
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
    await publishAll(
      transport,
      topic,
      rows.map((row) => row.event),
    );
  }
  const took = performance.now() - startedAt;
  await session.client.end();
  return took;
}
