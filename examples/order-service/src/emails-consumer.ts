import { runConsumer } from './consumer.ts';
import { writeConfirmation } from './emails.ts';

await runConsumer('emails', { 'orders.created': writeConfirmation });
