import type { ClientBase } from 'pg';

/** Events of 400 bytes over 1,000 keys, straight into the log: how fast they are written is another figure. */
export async function fillOutbox(client: ClientBase, topic: string, events: number): Promise<void> {
  await client.query(
    `insert into millrace.outbox (id, event_id, topic, key, type, source, tenant_id, actor_id, data, datacontenttype)
     select nextval('millrace.outbox_id'), millrace.uuid_v7(), $1, 'order-' || (g % 1000), 'order.created', '/services/orders', 'acme', 'user-1',
       convert_to(rpad('{"order":' || g || ',"note":"', 398, 'x') || '"}', 'UTF8'), 'application/json'
     from generate_series(1, $2::integer) as g`,
    [topic, events],
  );
  await client.query('vacuum analyze millrace.outbox');
}
