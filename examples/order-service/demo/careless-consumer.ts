import type { once } from 'millrace/inbox';
import { runConsumer } from '../src/consumer.ts';
import { releaseForPicking, reserveStock } from '../src/inventory.ts';
import { transaction } from '../src/transaction.ts';

/** The mistake that the inbox prevents: the effect is applied at every delivery. */
const always: typeof once = async (pool, _consumer, { event }, effect) => {
  await transaction(pool, (client) => effect(client, event));
  return 'new';
};

await runConsumer('inventory', { 'orders.created': reserveStock, 'orders.updated': releaseForPicking }, always);
