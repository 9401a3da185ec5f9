import { jsonData, type MillraceEvent } from 'millrace/contracts/event';
import type { ClientBase } from 'pg';

export interface Product {
  readonly sku: string;
  readonly title: string | null;
}

const sql = 'insert into catalogue (sku, title) values ($1, $2) on conflict (sku) do update set title = excluded.title';

/** Shows a product as it is now; the last event of a product wins, which their order per key makes the newest. */
export async function showProduct(client: ClientBase, event: MillraceEvent): Promise<void> {
  const { sku, title } = jsonData<Product>(event)!;
  await client.query(sql, [sku, title]);
}
