import type { ClientBase } from 'pg';

/** Counts on the customer's row, so that `place` follows the order of commits whatever the outbox does. */
const sql = `
with customer as (
  insert into customers as c (id, events) values ($3, 1) on conflict (id) do update set events = c.events + 1 returning events
)
insert into ledger (event_id, topic, customer_id, place) select $1, $2, $3, events from customer`;

/** Notes in the business transaction that an event exists: what the deliveries are judged against. */
export async function writeLedger(client: ClientBase, eventId: string, topic: string, customerId: string): Promise<void> {
  await client.query({ name: 'ledger', text: sql, values: [eventId, topic, customerId] });
}
