import { enqueue, type NewEvent } from 'millrace/outbox';
import type { ClientBase } from 'pg';

export interface Order {
  readonly id: string;
  readonly customer: string;
  readonly cents: number;
}

/** Writes orders and their events: all of them, or none. */
export async function placeOrders(client: ClientBase, orders: readonly Order[], tenantId: string): Promise<void> {
  await client.query('begin');
  for (const { id, cents } of orders) await client.query('insert into tour.orders (id, cents) values ($1, $2)', [id, cents]);
  const events = orders.map(
    (order): NewEvent => ({ topic: 'orders.created', type: 'order.created', key: order.customer, tenantId, data: order }),
  );
  await enqueue(client, events, { source: '/examples/event-tour' });
  await client.query('commit');
}
