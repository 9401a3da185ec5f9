import type { Pool, PoolClient } from 'pg';
import { enqueue } from '../src/outbox/enqueue.ts';
import type { Transport } from '../src/transport.ts';

export const topic = 'bench.orders';
const note = 'x'.repeat(360);

/** When each committed event was committed, by id, in milliseconds of the monotonic clock of this process. */
export type Commits = Map<string, number>;

export interface TrafficOptions {
  readonly eventsPerSecond: number;
  readonly seconds: number;
  /** Share of transactions that roll back. @default 0 */
  readonly rollbacks?: number;
  /** Events a transaction. @default 1 */
  readonly batch?: number;
}

/** Writes at a steady rate whether or not the answers keep up: a slow server shows as latency, not as less load. */
export async function write(pool: Pool, options: TrafficOptions): Promise<Commits> {
  const { eventsPerSecond, seconds, rollbacks = 0, batch = 1 } = options;
  const commits: Commits = new Map();
  const total = (eventsPerSecond * seconds) / batch;
  const startedAt = performance.now();
  const writes: Promise<void>[] = [];
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, ((performance.now() - startedAt) / 1_000) * (eventsPerSecond / batch));
    for (; sent < due; sent++) writes.push(transaction(pool, commits, sent, batch, (sent % 100) / 100 < rollbacks));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(writes);
  return commits;
}

async function transaction(pool: Pool, commits: Commits, number: number, batch: number, rollsBack: boolean): Promise<void> {
  const client: PoolClient = await pool.connect();
  try {
    await client.query('begin');
    const events = Array.from({ length: batch }, (_, i) => ({
      topic,
      type: 'order.created',
      key: `order-${(number * batch + i) % 1_000}`,
      data: { number, note },
    }));
    const ids = await enqueue(client, events, { source: '/bench' });
    await client.query(rollsBack ? 'rollback' : 'commit');
    const at = performance.now();
    if (!rollsBack) for (const id of ids) commits.set(id, at);
  } finally {
    client.release();
  }
}

export interface Arrivals {
  /** When a handler was first called with the event. */
  readonly at: Map<string, number>;
  close(): Promise<void>;
}

export async function listen(transport: Transport, group: string): Promise<Arrivals> {
  const at = new Map<string, number>();
  const subscription = await transport.subscribe(topic, { group, concurrency: 64 }, async (event) => {
    if (!at.has(event.id)) at.set(event.id, performance.now());
  });
  return { at, close: () => subscription.close() };
}

/** From the first commit until the last arrival. */
export function eventsPerSecond(commits: Commits, arrivals: Arrivals): number {
  const ids = [...commits.keys()];
  const first = ids.reduce((at, id) => Math.min(at, commits.get(id)!), Number.POSITIVE_INFINITY);
  const last = ids.reduce((at, id) => Math.max(at, arrivals.at.get(id)!), 0);
  return (ids.length / (last - first)) * 1_000;
}

/** Milliseconds from commit to handler of every committed event, once all have arrived. */
export async function latencies(commits: Commits, arrivals: Arrivals, timeoutMs: number): Promise<number[]> {
  const deadline = performance.now() + timeoutMs;
  const missing = () => [...commits.keys()].filter((id) => !arrivals.at.has(id)).length;
  while (missing() > 0) {
    if (performance.now() > deadline) throw new Error(`${missing()} of ${commits.size} events have not arrived within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return [...commits].map(([id, at]) => Math.max(0, arrivals.at.get(id)! - at));
}
