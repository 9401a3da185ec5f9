import type { ClientBase, Pool } from 'pg';
import type { PostgresConnection } from '../../src/connections/postgres/index.ts';
import type { MillraceEvent } from '../../src/contracts/event.ts';
import { once, onceForAll } from '../../src/inbox/index.ts';
import type { Delivery, Subscription, Transport } from '../../src/transport.ts';
import { type BareEvent, consumeByHand, effectOnce } from '../bare/consumer.ts';
import type { Bench } from '../bench.ts';
import { eventsOf, publishAll } from '../events.ts';
import { type Figure, median, round } from '../figure.ts';
import { topic } from '../traffic.ts';

interface Consumption {
  readonly name: string;
  readonly events: number;
  readonly atLeast: number;
  /** Told of each number of events that were handled. */
  subscribe(transport: Transport, database: PostgresConnection, handled: (events: number) => void): Promise<Subscription>;
  /** The same work by hand: events a page, and what is done with one. */
  readonly pageSize: number;
  byHand(pool: Pool, page: readonly BareEvent[]): Promise<unknown>;
}

const effectSql = 'insert into effect (event_id, data) select * from unnest($1::uuid[], $2::bytea[])';

const consumptions: readonly Consumption[] = [
  {
    name: 'consumer.no-op',
    events: 300_000,
    atLeast: 80_000,
    subscribe: (transport, _, handled) => transport.subscribe(topic, { group: 'bench-no-op', concurrency: 64 }, async () => handled(1)),
    pageSize: 1_000,
    byHand: async () => undefined,
  },
  {
    name: 'consumer.batch-inbox',
    events: 150_000,
    atLeast: 25_000,
    subscribe: (transport, { pool }, handled) =>
      transport.subscribeBatches(topic, { group: 'bench-batch', concurrency: 2, maxBatch: 500 }, async (deliveries) => {
        await onceForAll(pool, 'bench-batch', deliveries, (client, fresh) => insert(client, eventsIn(fresh)));
        handled(deliveries.length);
      }),
    pageSize: 500,
    byHand: (pool, page) => effectOnce(pool, page, insert),
  },
  {
    name: 'consumer.single-inbox',
    events: 30_000,
    atLeast: 4_000,
    subscribe: (transport, { pool }, handled) =>
      transport.subscribe(topic, { group: 'bench-single', concurrency: 32 }, async (_, delivery) => {
        await once(pool, 'bench-single', delivery, (client) => insert(client, eventsIn([delivery])));
        handled(1);
      }),
    pageSize: 32,
    byHand: (pool, page) => Promise.all(page.map((event) => effectOnce(pool, [event], insert))),
  },
];

async function insert(client: ClientBase, events: readonly Pick<MillraceEvent, 'id' | 'data'>[]): Promise<void> {
  await client.query({ name: 'effect', text: effectSql, values: [events.map(({ id }) => id), events.map(({ data }) => data)] });
}

function eventsIn(deliveries: readonly Delivery[]): MillraceEvent[] {
  return deliveries.map(({ event }) => event);
}

/** A backlog in Redis Streams through one consumer process, and through one written by hand; PostgreSQL, with fsync, and Redis on the same processors. */
export async function consumeFigure(bench: Bench): Promise<Figure[]> {
  const database = await bench.freshDatabase();
  await database.pool.query('create table effect (event_id uuid primary key, data bytea not null)');
  await database.pool.query('create table bare_inbox (event_id uuid primary key, taken_at timestamptz not null default now())');
  const figures: Figure[] = [];
  for (const consumption of consumptions) {
    const events = bench.quick ? consumption.events / 5 : consumption.events;
    const turns: { ours: number; bare: number }[] = [];
    for (let turn = 0; turn < (bench.quick ? 1 : 3); turn++) {
      await layBacklog(bench, database, events);
      const ours = await rateOf(bench, database, consumption, events);
      await layBacklog(bench, database, events);
      const bare = await rateByHand(bench, database, consumption, events);
      turns.push({ ours, bare });
      bench.say(`${consumption.name}: ${ours}, by hand ${bare} events/s`);
    }
    const value = median(turns.map(({ ours }) => ours));
    const ofLimit = round(median(turns.map(({ ours, bare }) => ours / bare)), 2);
    const { name, atLeast } = consumption;
    figures.push({ name, value, unit: 'events/s', ofLimit, target: `>= ${atLeast}`, reached: value >= atLeast });
  }
  return figures;
}

/** From the first event that is handled until the last. */
async function rateOf(bench: Bench, database: PostgresConnection, { subscribe }: Consumption, events: number): Promise<number> {
  await using transport = await bench.transport('events');
  let handled = 0;
  let first = 0;
  const took = await new Promise<number>((resolve, reject) => {
    let subscription: Subscription | undefined;
    const onHandled = (count: number): void => {
      if (handled === 0) first = performance.now();
      handled += count;
      if (handled < events) return;
      const last = performance.now();
      void subscription?.close().then(() => resolve(last - first), reject);
    };
    subscribe(transport, database, onHandled).then((opened) => {
      subscription = opened;
    }, reject);
  });
  return round((events / took) * 1_000);
}

async function rateByHand(bench: Bench, { pool }: PostgresConnection, { byHand, pageSize }: Consumption, events: number): Promise<number> {
  const [reading, acknowledging] = [await bench.plainRedis(), await bench.plainRedis()];
  const backlog = { topic, shards: bench.topology.topics[topic]!.shards, events, pageSize };
  try {
    const took = await consumeByHand({ reading, acknowledging }, backlog, async (page) => void (await byHand(pool, page)));
    return round((events / took) * 1_000);
  } finally {
    for (const client of [reading, acknowledging]) client.disconnect();
  }
}

/** Forgets effects and entries of the turn before; the streams have `events` then, and nothing else. */
async function layBacklog(bench: Bench, { pool }: PostgresConnection, events: number): Promise<void> {
  await pool.query('truncate effect, bare_inbox');
  await bench.empty('events');
  await using transport = await bench.transport('events');
  for (let at = 0; at < events; at += 1_000) await publishAll(transport, topic, eventsOf(Math.min(1_000, events - at), at));
}
