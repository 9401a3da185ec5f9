import type { Bench } from '../bench.ts';
import { spawnRelay } from '../children.ts';
import { type Figure, percentile, round } from '../figure.ts';
import { eventsPerSecond, latencies, listen, write } from '../traffic.ts';

const load = { eventsPerSecond: 5_000, rollbacks: 0.2, batch: 5 };

/**
 * A transaction with an xid stays open in another database of the server while events are written, one transaction in five rolling back: it holds back
 * every rule that waits for `pg_snapshot_xmin`. No event may wait for it, and the relay must not slow down under the gaps.
 */
export async function foreignTransactionFigure(bench: Bench): Promise<Figure[]> {
  const database = await bench.freshDatabase();
  await bench.empty('events');
  await using _relay = spawnRelay(await bench.bindingFile());
  await using transport = await bench.transport('events');
  const arrivals = await listen(transport, 'bench-foreign');
  const seconds = bench.quick ? 5 : bench.seconds;
  const heldSeconds = bench.long ? 600 : seconds;
  const run = async (duration: number) => {
    const commits = await write(database.pool, { ...load, seconds: duration });
    const ms = await latencies(commits, arrivals, 30_000);
    return { p95: percentile(ms, 0.95), slowest: percentile(ms, 1), rate: eventsPerSecond(commits, arrivals) };
  };
  await run(2);
  bench.say(`${seconds} s quiet, then ${heldSeconds} s with a transaction open in another database`);
  const quiet = await run(seconds);
  const held = await bench.whileHolding(() => run(heldSeconds));
  await arrivals.close();
  const rate = round(held.rate / quiet.rate, 2);
  const p95 = round(held.p95 / quiet.p95, 2);
  const slowest = round(held.slowest);
  const within = 'within 15 % of the quiet run';
  return [
    { name: 'foreign-transaction.rate', value: round(held.rate), unit: 'events/s', ofOthers: rate, target: within, reached: rate >= 0.85 },
    { name: 'foreign-transaction.p95', value: round(held.p95, 1), unit: 'ms', ofOthers: p95, target: within, reached: p95 <= 1.15 },
    {
      name: 'foreign-transaction.slowest',
      value: slowest,
      unit: 'ms',
      target: `< ${heldSeconds * 500}: no event waits for it`,
      reached: slowest < heldSeconds * 500,
    },
  ];
}
