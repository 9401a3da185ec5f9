import { randomUUID } from 'node:crypto';
import { enqueue } from 'millrace/outbox';
import { until } from '../rig/until.ts';
import type { Product } from '../src/catalogue.ts';
import { type Order, orderPlaced } from '../src/orders.ts';
import { transaction } from '../src/transaction.ts';
import type { Stage } from './stage.ts';

/** Something that goes wrong, what must ring, and how it is mended. */
export interface Act {
  readonly name: string;
  readonly alerts: readonly string[];
  bringAbout(stage: Stage): Promise<void>;
  mend(stage: Stage): Promise<void>;
}

const backlog: Act = {
  name: 'nobody consumes 10,100 orders',
  alerts: ['streams-backlog'],
  bringAbout: (stage) => placeOrders(stage, 10_100),
  async mend({ startConsumer }) {
    startConsumer('inventory');
    startConsumer('emails');
  },
};

const poison: Act = {
  name: 'a product without a title, which no attempt can apply',
  alerts: ['streams-dead-letters'],
  async bringAbout(stage) {
    stage.startConsumer('catalogue');
    await syncProduct(stage, { sku: 'sku-poisoned', title: null });
  },
  /** What a person does: sends the event as it should have been, then takes the bad one out of the dead letters. */
  async mend(stage) {
    await syncProduct(stage, { sku: 'sku-poisoned', title: 'A title after all' });
    await Promise.all([0, 1].map((shard) => stage.redis.del(`stream:{products.synced:${shard}}:dead:search`)));
  },
};

const stoppedReplica: Act = {
  name: 'a replica of Redis is killed',
  alerts: ['redis-replica-missing'],
  async bringAbout({ redis, serverPids }) {
    const replica = /^slave\d+:ip=[^,]+,port=(\d+),state=online/m.exec(await redis.info('replication'));
    if (replica === null) throw new Error('the Redis master has no replica, so there is none to kill');
    process.kill((await serverPids()).get(Number(replica[1]))!, 'SIGKILL');
  },
  mend: ({ restoreServers }) => restoreServers(),
};

/** More than the alert allows. */
const heldEntries = 120;

const pausedConsumer: Act = {
  name: 'the inventory consumer hangs with events in its hands',
  alerts: ['streams-pending'],
  async bringAbout(stage) {
    const { redis, crew, signal } = stage;
    const held = async (shard: number): Promise<number> =>
      Number(((await redis.xpending(`stream:{orders.created:${shard}}`, 'inventory')) as [number])[0]);
    const placed = placeOrders(stage, 5_000);
    const busy = async () => ((await Promise.all([0, 1, 2, 3].map(held))).some((count) => count > heldEntries) ? true : undefined);
    const found = await until(busy, { timeoutMs: 30_000, pollMs: 5, signal });
    process.kill(crew.pidOf('inventory'), 'SIGSTOP');
    await placed;
    if (found === undefined) throw new Error(`the inventory consumer never had more than ${heldEntries} events of a stream in its hands`);
  },
  async mend({ crew }) {
    process.kill(crew.pidOf('inventory'), 'SIGCONT');
  },
};

const ballast = 'drill:ballast';

const fullRedis: Act = {
  name: 'Redis is filled to its limit',
  alerts: ['redis-memory', 'redis-writes-refused'],
  async bringAbout({ redis, signal }) {
    const mebibyte = Buffer.alloc(1024 * 1024, 'x');
    while (!signal.aborted) {
      try {
        await redis.rpush(ballast, mebibyte);
      } catch (error) {
        if (error instanceof Error && error.message.startsWith('OOM')) return;
        throw error;
      }
    }
  },
  async mend({ redis }) {
    await redis.unlink(ballast);
  },
};

/** Acts that stand side by side without hiding each other, one scene after the other. */
export const scenes: readonly (readonly Act[])[] = [
  [backlog, poison, stoppedReplica],
  [pausedConsumer, fullRedis],
];

const perTransaction = 500;

async function placeOrders({ pool }: Stage, count: number): Promise<void> {
  for (let placed = 0; placed < count; placed += perTransaction) {
    const orders = Array.from({ length: Math.min(perTransaction, count - placed) }, newOrder);
    await transaction(pool, async (client) => {
      await enqueue(client, orders.map(orderPlaced), { source: '/services/orders' });
    });
  }
}

function newOrder(_: unknown, index: number): Order {
  return { id: randomUUID(), tenantId: 'north', customerId: `customer-${index}`, sku: `sku-${index % 50}`, quantity: 1 };
}

async function syncProduct({ pool }: Stage, product: Product): Promise<void> {
  await transaction(pool, async (client) => {
    const event = { topic: 'products.synced', type: 'product.synced', key: product.sku, data: product };
    await enqueue(client, [event], { source: '/services/catalogue' });
  });
}
