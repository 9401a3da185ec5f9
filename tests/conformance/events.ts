import type { MillraceEvent } from '../../runtime/src/contracts/event.ts';

export { eventsOf } from '../runtime/support/events.ts';

/** The number of an event of `eventsOf`. */
function numberOf({ sequence }: Pick<MillraceEvent, 'sequence'>): number {
  return Number(sequence);
}

/** The smallest number first seen after a larger one of its key, as a sentence; undefined when every key came in order. Repetitions do not count. */
export function disorderIn(events: readonly MillraceEvent[]): string | undefined {
  const [seen, last] = [new Set<string>(), new Map<string, number>()];
  for (const event of events) {
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    const key = event.partitionkey ?? event.id;
    const before = last.get(key) ?? 0;
    if (numberOf(event) < before) return `${event.id} of ${key} came after event-${before}`;
    last.set(key, numberOf(event));
  }
  return undefined;
}
