import type { Bench } from '../bench.ts';
import { spawnRelay } from '../children.ts';
import { type Figure, percentile, round } from '../figure.ts';
import { latencies, listen, type TrafficOptions, write } from '../traffic.ts';

const loads: readonly (TrafficOptions & { name: string; belowMs: number })[] = [
  { name: '1,000', eventsPerSecond: 1_000, batch: 1, seconds: 20, belowMs: 15 },
  { name: '10,000', eventsPerSecond: 10_000, batch: 10, seconds: 20, belowMs: 40 },
];

/** From the commit of a writer to the handler of a consumer, with the relay in another process. */
export async function latencyFigure(bench: Bench): Promise<Figure[]> {
  const database = await bench.freshDatabase();
  await bench.empty('events');
  await using _relay = spawnRelay(await bench.bindingFile());
  await using transport = await bench.transport('events');
  const arrivals = await listen(transport, 'bench-latency');
  const figures: Figure[] = [];
  for (const { name, belowMs, ...load } of loads) {
    bench.say(`warming up, then ${name} events/s`);
    await latencies(await write(database.pool, { ...load, eventsPerSecond: load.eventsPerSecond / 5, seconds: 2 }), arrivals, 15_000);
    const commits = await write(database.pool, { ...load, seconds: bench.quick ? 5 : load.seconds });
    const ms = await latencies(commits, arrivals, 15_000);
    const p95 = round(percentile(ms, 0.95), 1);
    figures.push(
      { name: `commit-to-handler.p50 at ${name} events/s`, value: round(percentile(ms, 0.5), 1), unit: 'ms' },
      { name: `commit-to-handler.p95 at ${name} events/s`, value: p95, unit: 'ms', target: `< ${belowMs}`, reached: p95 < belowMs },
      { name: `commit-to-handler.p99 at ${name} events/s`, value: round(percentile(ms, 0.99), 1), unit: 'ms' },
    );
  }
  await arrivals.close();
  return figures;
}
