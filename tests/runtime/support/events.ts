import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';

/** Events `from` to `from + count - 1` by log id, spread over keys. */
export function eventsOf(
  count: number,
  { keys = 1, from = 1, ...more }: { keys?: number; from?: number } & Partial<MillraceEvent> = {},
): MillraceEvent[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `event-${from + i}`,
    source: '/services/orders',
    type: 'com.example.order.created',
    time: '2026-11-21T06:00:00.000Z',
    partitionkey: `key-${(from + i) % keys}`,
    sequence: String(from + i),
    data: Buffer.from(`{"n":${from + i}}`),
    ...more,
  }));
}
