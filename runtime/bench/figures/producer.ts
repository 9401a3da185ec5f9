import { enqueue } from '../../src/outbox/enqueue.ts';
import type { Bench } from '../bench.ts';
import { eventsOf, publishAll } from '../events.ts';
import { type Figure, percentile, round } from '../figure.ts';
import { topic } from '../traffic.ts';

const callsPerSecond = 1_000;
const eventsPerCall = 10;

/** What the caller of `enqueue` waits for, from `begin` to the answer of `commit`, at 10,000 events/s. */
export async function enqueueFigure(bench: Bench): Promise<Figure[]> {
  const { pool } = await bench.freshDatabase();
  return latencyOf(bench, 'producer.enqueue.p95', async () => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      const events = eventsOf(eventsPerCall).map(({ type, partitionkey, data }) => ({ topic, type, key: partitionkey!, data: data! }));
      await enqueue(client, events, { source: '/bench' });
      await client.query('commit');
    } finally {
      client.release();
    }
  });
}

/** What the caller of `publish` waits for until the broker has acknowledged, at 10,000 events/s. */
export function producerFigure(kind: string, service: string, to: string) {
  return async (bench: Bench): Promise<Figure[]> => {
    await using transport = await bench.transport(service);
    return await latencyOf(bench, `producer.${kind}.p95`, () => publishAll(transport, to, eventsOf(eventsPerCall)));
  };
}

/** Calls at a steady rate whether or not the answers keep up. */
async function latencyOf(bench: Bench, name: string, call: () => Promise<void>): Promise<Figure[]> {
  const total = callsPerSecond * (bench.quick ? 2 : 10);
  const ms: number[] = [];
  const calls: Promise<void>[] = [];
  const startedAt = performance.now();
  while (calls.length < total) {
    const due = Math.min(total, ((performance.now() - startedAt) / 1_000) * callsPerSecond);
    while (calls.length < due) {
      const calledAt = performance.now();
      const called = call().then(() => {
        ms.push(performance.now() - calledAt);
      });
      called.catch(() => undefined); // met below, when all have been made
      calls.push(called);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(calls);
  const sustained = round((total * eventsPerCall * 1_000) / (performance.now() - startedAt));
  const value = round(percentile(ms.slice(total / 10), 0.95), 1);
  return [
    { name, value, unit: 'ms', note: `of ${callsPerSecond * eventsPerCall} events/s, ${eventsPerCall} a call, ${sustained} were taken` },
  ];
}
