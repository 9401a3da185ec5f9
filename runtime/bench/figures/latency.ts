import type { Bench } from '../bench.ts';
import { spawnRelay } from '../children.ts';
import { type Figure, percentile, round } from '../figure.ts';
import { latencies, listen, write } from '../traffic.ts';

/** From the commit of a writer to the handler of a consumer, with the relay in another process. */
export async function latencyFigure(bench: Bench): Promise<Figure[]> {
  const database = await bench.freshDatabase();
  await bench.emptyStreams();
  await using _relay = spawnRelay(await bench.bindingFile());
  await using transport = await bench.transport();
  const arrivals = await listen(transport, 'bench-latency');
  bench.say('warming up, then 1,000 events/s');
  await latencies(await write(database.pool, { eventsPerSecond: 200, seconds: 2 }), arrivals, 15_000);
  const commits = await write(database.pool, { eventsPerSecond: 1_000, seconds: bench.quick ? 5 : 20 });
  const ms = await latencies(commits, arrivals, 15_000);
  await arrivals.close();
  const p95 = round(percentile(ms, 0.95), 1);
  return [
    { name: 'commit-to-handler.p50', value: round(percentile(ms, 0.5), 1), unit: 'ms' },
    { name: 'commit-to-handler.p95', value: p95, unit: 'ms', target: '< 20 at 1,000 events/s', reached: p95 < 20 },
    { name: 'commit-to-handler.p99', value: round(percentile(ms, 0.99), 1), unit: 'ms' },
  ];
}
