import { showProduct } from './catalogue.ts';
import { runConsumer } from './consumer.ts';

await runConsumer('search', { 'products.synced': showProduct });
