/** What a source has in memory: events that are ready or running, and those that wait for another attempt. */
interface Held {
  readonly load: number;
  readonly waiting: number;
}

/** Events that wait for another attempt keep only themselves in memory; beyond this many times `maxUnhandled` nothing is taken up. */
const waitingShare = 20;

/** Events in memory that do not wait for another attempt. */
export function loadOf(sources: Iterable<Held>): number {
  let load = 0;
  for (const source of sources) load += source.load;
  return load;
}

/** How many events may be taken up besides those in memory; 0 or less when there is no room. */
export function roomIn(sources: Iterable<Held>, maxUnhandled: number): number {
  let load = 0;
  let waiting = 0;
  for (const source of sources) {
    load += source.load;
    waiting += source.waiting;
  }
  return Math.min(maxUnhandled - load, maxUnhandled * waitingShare - waiting);
}
