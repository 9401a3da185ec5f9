import { runConsumer } from './consumer.ts';
import { releaseForPicking, reserveStock } from './inventory.ts';

await runConsumer('inventory', { 'orders.created': reserveStock, 'orders.updated': releaseForPicking });
