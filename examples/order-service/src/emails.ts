import { jsonData, type MillraceEvent } from 'millrace/contracts/event';
import type { ClientBase } from 'pg';
import type { Order } from './orders.ts';

/**
 * Writes the confirmation of an order down for sending.
 *
 * The inbox covers what this transaction writes and nothing outside the database: whoever hands the row to a mail server passes the event id on as its
 * idempotency key.
 */
export async function writeConfirmation(client: ClientBase, event: MillraceEvent): Promise<void> {
  const { id, customerId } = jsonData<Order>(event)!;
  await client.query('insert into emails (event_id, order_id, recipient, subject) values ($1, $2, $3, $4)', [
    event.id,
    id,
    `${customerId}@example.com`,
    `Your order ${id}`,
  ]);
}
