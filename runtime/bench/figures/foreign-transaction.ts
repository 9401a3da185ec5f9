import type { Bench } from '../bench.ts';
import { spawnRelay } from '../children.ts';
import { type Figure, percentile, round } from '../figure.ts';
import { latencies, listen, write } from '../traffic.ts';

const load = { eventsPerSecond: 5_000, rollbacks: 0.2, batch: 5 };

/**
 * A transaction with an xid stays open in another database of the server while events are written, one transaction in five rolling back: it holds back
 * every rule that waits for `pg_snapshot_xmin`. No event may wait for it, and the relay must not slow down under the gaps.
 */
export async function foreignTransactionFigure(bench: Bench): Promise<Figure[]> {
  const database = await bench.freshDatabase();
  await bench.emptyStreams();
  await using _relay = spawnRelay(await bench.bindingFile());
  await using transport = await bench.transport();
  const arrivals = await listen(transport, 'bench-foreign');
  const seconds = bench.quick ? 5 : bench.seconds;
  const run = async () => latencies(await write(database.pool, { ...load, seconds }), arrivals, 30_000);
  await latencies(await write(database.pool, { ...load, seconds: 2 }), arrivals, 30_000);
  bench.say(`${seconds} s quiet, then ${seconds} s with a transaction open in another database`);
  const quiet = await run();
  const held = await bench.whileHolding(run);
  await arrivals.close();
  const slowest = round(Math.max(...held));
  const ratio = round(percentile(held, 0.95) / percentile(quiet, 0.95), 2);
  return [
    { name: 'foreign-transaction.p95', value: round(percentile(held, 0.95), 1), unit: 'ms', ofOthers: ratio },
    {
      name: 'foreign-transaction.slowest',
      value: slowest,
      unit: 'ms',
      target: `< ${seconds * 500}: no event waits for it`,
      reached: slowest < seconds * 500,
    },
  ];
}
