import { enqueue, type NewEvent } from 'millrace/outbox';
import type { ClientBase } from 'pg';

export interface Order {
  readonly id: string;
  readonly tenantId: string;
  readonly customerId: string;
  readonly sku: string;
  readonly quantity: number;
}

const source = '/services/orders';

/**
 * Places an order in the transaction of `client`: the row and the event are committed together, or neither is.
 *
 * @returns the id of the event.
 */
export async function placeOrder(client: ClientBase, order: Order): Promise<string> {
  const { id, tenantId, customerId, sku, quantity } = order;
  await client.query('insert into orders (id, tenant_id, customer_id, sku, quantity) values ($1, $2, $3, $4, $5)', [
    id,
    tenantId,
    customerId,
    sku,
    quantity,
  ]);
  const [eventId] = await enqueue(client, [orderPlaced(order)], { source });
  return eventId!;
}

/** The key makes the order: events of one customer are delivered in the order of their commits. */
export function orderPlaced(order: Order): NewEvent {
  const { id, tenantId, customerId } = order;
  return { topic: 'orders.created', type: 'order.created', key: customerId, tenantId, subject: id, data: order };
}

/** Notes in the transaction of `client` that an order is paid. @returns the id of the event. */
export async function payOrder(client: ClientBase, order: Order): Promise<string> {
  const { id, tenantId, customerId } = order;
  await client.query("update orders set status = 'paid' where id = $1", [id]);
  const event = { topic: 'orders.updated', type: 'order.paid', key: customerId, tenantId, subject: id, data: order };
  const [eventId] = await enqueue(client, [event], { source });
  return eventId!;
}
