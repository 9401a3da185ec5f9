import { createHash } from 'node:crypto';
import { MillraceError } from '../contracts/errors.ts';
import { attributeNames, type MillraceEvent } from '../contracts/event.ts';
import type { Transport } from '../transport.ts';

export interface CompareOptions {
  readonly topic: string;
  /** Events enqueued from this time on. */
  readonly from: Date;
  /** Events enqueued before this time: late enough ago that both relays have published them. */
  readonly to: Date;
  /** Told how many events have been read so far, over both. */
  readonly onProgress?: (events: number) => void;
}

/** What differs between two brokers that carry the same topic. Ids of events, at most `maxShown` in each list. */
export interface Comparison {
  readonly topic: string;
  /** Events that both have and that are equal. */
  readonly equal: number;
  readonly missingLeft: Sightings;
  readonly missingRight: Sightings;
  /** Attributes or data differ. */
  readonly different: Sightings;
  /** Keys whose first deliveries come in another order. */
  readonly reordered: Sightings;
  /** Entries that repeat an event: at least once is the promise, inboxes drop them. */
  readonly repeatedLeft: number;
  readonly repeatedRight: number;
}

export interface Sightings {
  readonly count: number;
  readonly shown: readonly string[];
}

const maxShown = 20;
/** Events are published after they were enqueued, and clocks differ: what is read begins a little earlier than what is compared. */
const clockSlackMs = 60_000;

/**
 * Compares what two brokers keep of a topic: the same events, with the same attributes and data, in the same order for each key.
 *
 * Holds an id and a digest of each event in memory: about 250 MB for a million.
 *
 * @throws {MillraceError} HISTORY_UNSUPPORTED when one of them keeps no history.
 */
export async function compareRoutes(left: Transport, right: Transport, options: CompareOptions): Promise<Comparison> {
  let events = 0;
  const onEvent = (): void => {
    events += 1;
    if (events % 10_000 === 0) options.onProgress?.(events);
  };
  const [a, b] = await Promise.all([collect(left, options, onEvent), collect(right, options, onEvent)]);
  const missingRight = [...a.digests.keys()].filter((id) => !b.digests.has(id));
  const missingLeft = [...b.digests.keys()].filter((id) => !a.digests.has(id));
  const both = [...a.digests].filter(([id]) => b.digests.has(id));
  const different = both.filter(([id, digest]) => b.digests.get(id) !== digest).map(([id]) => id);
  return {
    topic: options.topic,
    equal: both.length - different.length,
    missingLeft: sightings(missingLeft),
    missingRight: sightings(missingRight),
    different: sightings(different),
    reordered: sightings(reorderedKeys(a, b)),
    repeatedLeft: a.repeated,
    repeatedRight: b.repeated,
  };
}

/** Whether there is nothing to look into. Repeated entries are none. */
export function isEqual({ missingLeft, missingRight, different, reordered }: Comparison): boolean {
  return [missingLeft, missingRight, different, reordered].every(({ count }) => count === 0);
}

interface Collected {
  /** By event id, in the order of first sight. */
  readonly digests: Map<string, string>;
  readonly keys: Map<string, string[]>;
  repeated: number;
}

async function collect(transport: Transport, { topic, from, to }: CompareOptions, onEvent: () => void): Promise<Collected> {
  if (transport.read === undefined)
    throw new MillraceError('HISTORY_UNSUPPORTED', `${transport.kind} keeps no history of topic ${topic}, so it cannot be compared`);
  const collected: Collected = { digests: new Map(), keys: new Map(), repeated: 0 };
  const since = new Date(Math.max(0, from.getTime() - clockSlackMs));
  for await (const { event } of transport.read(topic, { from: since })) {
    onEvent();
    const at = Date.parse(event.time);
    if (at < from.getTime() || at >= to.getTime()) continue;
    note(collected, event);
  }
  return collected;
}

function note(collected: Collected, event: MillraceEvent): void {
  const { digests, keys } = collected;
  if (digests.has(event.id)) {
    collected.repeated += 1;
    return;
  }
  digests.set(event.id, digestOf(event));
  if (event.partitionkey === undefined) return;
  const ids = keys.get(event.partitionkey);
  if (ids === undefined) keys.set(event.partitionkey, [event.id]);
  else ids.push(event.id);
}

function digestOf(event: MillraceEvent): string {
  const hash = createHash('sha1');
  for (const name of attributeNames) hash.update(`${name}=${event[name] ?? ''}\n`);
  const extensions = Object.entries(event.extensions ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of extensions) hash.update(`${name}=${value}\n`);
  return hash
    .update(event.data ?? '')
    .digest('base64')
    .slice(0, 16);
}

/** Events that only one of them has do not count here: they are told as missing. */
function reorderedKeys(a: Collected, b: Collected): string[] {
  const shared = (ids: readonly string[], other: Collected): string => ids.filter((id) => other.digests.has(id)).join();
  return [...a.keys].filter(([key, ids]) => shared(ids, b) !== shared(b.keys.get(key) ?? [], a)).map(([key]) => key);
}

function sightings(all: readonly string[]): Sightings {
  return { count: all.length, shown: all.slice(0, maxShown) };
}
