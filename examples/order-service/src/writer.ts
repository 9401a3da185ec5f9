import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { loadBinding } from 'millrace/binding';
import { connectPostgres } from 'millrace/connections/postgres';
import type { Pool } from 'pg';
import { nowMs, openJournal } from './journal.ts';
import { writeLedger } from './ledger.ts';
import { type Order, payOrder, placeOrder } from './orders.ts';
import { stopSignal } from './stop-signal.ts';
import { transaction } from './transaction.ts';

/** Transactions at once; each holds a connection. */
const lanes = 6;
const ordersPerSecond = Number(process.env.ORDERS_PER_SECOND ?? 50);
/** Every order is placed and later paid. */
const transactionsPerSecond = 2 * ordersPerSecond;
const customers = 200;
const products = 50;
const tenants = ['north', 'south', 'west'];

/** Thrown into a transaction to have it rolled back after its events were enqueued. */
class ChangedMind extends Error {}

const pick = (count: number): number => Math.floor(Math.random() * count);

/** A customer belongs to one tenant for good. */
function newOrder(): Order {
  const customer = pick(customers);
  const tenantId = tenants[customer % tenants.length]!;
  return { id: randomUUID(), tenantId, customerId: `customer-${customer}`, sku: `sku-${pick(products)}`, quantity: 1 + pick(5) };
}

/** Places and pays orders at a steady rate; one transaction in five is rolled back, one in a hundred takes its time to commit. */
function startTraffic(pool: Pool): { stop(): Promise<void> } {
  const journal = openJournal();
  const unpaid: Order[] = [];
  let stopping = false;
  let begun = 0;
  let slotAt = performance.now();

  const one = async (): Promise<void> => {
    begun += 1;
    const abandon = begun % 5 === 0;
    const slow = begun % 100 === 50;
    const paying = unpaid.length > 20 ? unpaid.splice(pick(unpaid.length), 1)[0] : undefined;
    const order = paying ?? newOrder();
    let eventId = '';
    let commitSentMs = 0;
    try {
      await transaction(pool, async (client) => {
        eventId = await (paying === undefined ? placeOrder(client, order) : payOrder(client, order));
        await writeLedger(client, eventId, paying === undefined ? 'orders.created' : 'orders.updated', order.customerId);
        if (slow) await pause(50 + pick(750));
        if (abandon) throw new ChangedMind();
        commitSentMs = nowMs();
      });
      journal('committed', commitSentMs, eventId);
      if (paying === undefined) unpaid.push(order);
    } catch (error) {
      if (!(error instanceof ChangedMind)) throw error;
      journal('rolled-back', nowMs(), eventId);
      if (paying !== undefined) unpaid.push(paying);
    }
  };
  const lane = async (): Promise<void> => {
    while (!stopping) {
      const now = performance.now();
      // Slots that were missed are not made up for: the rate is an upper bound, not a backlog.
      slotAt = Math.max(slotAt + 1_000 / transactionsPerSecond, now - 100);
      if (slotAt > now) await pause(slotAt - now);
      if (!stopping) await one();
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, lane));
  running.catch(failed);
  return {
    async stop() {
      stopping = true;
      await running;
    },
  };
}

/** A writer that cannot write is a failed demo, not a slower one. */
function failed(error: unknown): void {
  console.error(error);
  process.exit(1);
}

const stop = stopSignal();
const binding = await loadBinding();
await using database = await connectPostgres(binding.service('database', 'postgres'), { name: 'writer', maxConnections: lanes });
const traffic = startTraffic(database.pool);
await stop;
await traffic.stop();
