import { jsonData, type MillraceEvent } from 'millrace/contracts/event';
import type { ClientBase } from 'pg';
import type { Order } from './orders.ts';

const sql = 'insert into stock_movements (event_id, order_id, sku, quantity, reason) values ($1, $2, $3, $4, $5)';

/** Takes the goods of a new order out of the free stock. */
export async function reserveStock(client: ClientBase, event: MillraceEvent): Promise<void> {
  const { id, sku, quantity } = jsonData<Order>(event)!;
  await client.query(sql, [event.id, id, sku, -quantity, 'reserved']);
}

/** A paid order changes no quantity, but the warehouse may pick its goods from now on. */
export async function releaseForPicking(client: ClientBase, event: MillraceEvent): Promise<void> {
  const { id, sku } = jsonData<Order>(event)!;
  await client.query(sql, [event.id, id, sku, 0, 'to pick']);
}
