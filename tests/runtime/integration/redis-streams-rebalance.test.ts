import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../../support/eventually.ts';
import { eventsOf, openTransport, serviceOf, useGround } from './redis-streams-fixture.ts';

const topics = { pair: { shards: 2 } };
const options = { drainMs: 1_500, leaseMs: 5_000 };
const ground = useGround(topics, options);

test('a handler that goes on and on neither keeps a shard from another consumer nor its other keys from going on meanwhile', async () => {
  await using joined = await openTransport(serviceOf(ground.redis), topics, options);
  const over = new AbortController();
  const ended = once(over.signal, 'abort');
  await using _ = { [Symbol.asyncDispose]: async () => over.abort() };
  const slow = new Set<string>();
  const told: string[] = [];
  const handledAfterMs = new Map<string, number>();
  const handler =
    (consumer: string) =>
    async ({ id, subject }: { id: string; subject?: string }, { signal }: { signal: AbortSignal }): Promise<void> => {
      if (subject !== 'slow') {
        handledAfterMs.set(id, performance.now() - Number(subject));
        return;
      }
      slow.add(`${consumer} ${id}`);
      signal.addEventListener('abort', () => told.push(`${consumer} ${(signal.reason as { code: string }).code}`));
      await ended;
    };
  const publish = async (count: number, from: number): Promise<void> => {
    await ground.transport.publish('pair', eventsOf(count, { keys: 1_000, from, subject: String(performance.now()) }));
  };
  // Of keys that no other event has: those behind them would wait.
  const long = eventsOf(8, { subject: 'slow' }).map((event, i) => ({ ...event, partitionkey: `slow-${i}` }));
  await ground.transport.publish('pair', long);
  await ground.transport.subscribe('pair', { group: 'g', concurrency: 12 }, handler('first'));
  await eventually(() => slow.size === 8, { what: 'long handlers run on both shards' });
  await joined.subscribe('pair', { group: 'g', concurrency: 12 }, handler('second'));
  let published = 0;
  for (const end = performance.now() + 10_000; told.length === 0 && performance.now() < end; ) {
    await publish(20, 100 + published);
    published += 20;
    await pause(20);
  }
  expect(told).toContain('first CONSUMER_LEASE_LOST');
  await eventually(() => [...slow].some((line) => line.startsWith('second')), { what: 'the second begins what the first did not end' });
  await publish(20, 100 + published);
  await eventually(() => handledAfterMs.size === published + 20, { what: 'all other events are handled while the long handlers run' });
  const sorted = [...handledAfterMs.values()].sort((a, b) => a - b);
  // While the long handlers had their time the others went on; only those that came last waited for the shard to be taken over.
  expect(sorted[Math.floor(sorted.length * 0.8)]).toBeLessThan(500);
  expect(new Set(told)).toEqual(new Set(['first CONSUMER_LEASE_LOST']));
}, 40_000);
