import type { MillraceEvent } from '../src/contracts/event.ts';
import { uuidv7 } from '../src/outbox/uuid.ts';
import type { Transport } from '../src/transport.ts';

const data = Buffer.from(`{"note":"${'x'.repeat(388)}"}`);

/** Events of 400 bytes over 1,000 keys, with the attributes that those of the outbox have. */
export function eventsOf(count: number, from = 0): MillraceEvent[] {
  return Array.from({ length: count }, (_, i) => ({
    ...{
      id: uuidv7(),
      source: '/services/orders',
      type: 'order.created',
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
    },
    ...{ tenantid: 'acme', actorid: 'user-1', partitionkey: `order-${(from + i) % 1_000}`, sequence: String(from + i), data },
  }));
}

/** @throws what the first event that was refused was refused with. */
export async function publishAll(transport: Transport, topic: string, events: readonly MillraceEvent[]): Promise<void> {
  for (const result of await transport.publish(topic, events)) if (result.status === 'failed') throw result.error;
}
