import { type Entry, keyOf, type Message } from '../../consuming/message.ts';
import { enter, forget, type Lane, openSource, type Source } from '../../consuming/source.ts';
import type { Topic } from '../../contracts/topology.ts';
import type { Lease } from './lease.ts';
import { tenantOf } from './tenants.ts';

/** A stream whose lease is ours, with what was read from it. Its `name` is its key. */
export interface HeldStream extends Source<HeldStream> {
  readonly lease: Lease;
  /** Whose stream it is; undefined for one that is shared. */
  readonly tenant: string | undefined;
  /** Delivered entries are taken up first (`pending`), new ones after that (`live`). */
  phase: 'pending' | 'live';
  /** Where the delivered entries go on, for XPENDING. */
  cursor: string;
  /** Counts how often taking up began anew; what was asked for before that is not used when it arrives. */
  generation: number;
  swept: boolean;
  /** Whether there may be new entries; if not, they will come after `newsAfter`. */
  hasMore: boolean;
  newsAfter: string;
  /** Entries read and left on the server before they were begun. */
  readonly unbegun: Map<string, Unbegun>;
  /** Keys whose later events were left on the server while their first one waits for another attempt. */
  readonly shed: Set<string>;
  blocked: ReadonlySet<string>;
  fetching: number;
  readonly acks: string[];
  acknowledging: boolean;
}

/** What is remembered of an entry that is not in memory: of thousands behind a blocked key. */
interface Unbegun {
  readonly key: string;
  /** Attempts made. */
  readonly made: number;
}

export type StreamLane = Lane<HeldStream>;

export function holdStream(lease: Lease, blocked: ReadonlySet<string>): HeldStream {
  return {
    ...openSource<HeldStream>(lease.stream),
    lease,
    tenant: tenantOf(lease.stream),
    phase: 'pending',
    cursor: '-',
    generation: 0,
    swept: false,
    hasMore: true,
    newsAfter: '0-0',
    unbegun: new Map(),
    shed: new Set(),
    blocked,
    fetching: 0,
    acks: [],
    acknowledging: false,
  };
}

/** Goes through the delivered entries from the first: some that are not in memory may be handled now. */
export function takeUpAgain(held: HeldStream): void {
  held.generation += 1;
  held.phase = 'pending';
  held.cursor = '-';
}

/**
 * Puts an entry behind the others of its key.
 *
 * @returns the lane when the entry is the first in it and can be handled. Entries stay on the server whose key is blocked or
 * waits for another attempt, and those behind others that were left there.
 */
export function accept(held: HeldStream, entry: Entry, retry: Topic['retry']): StreamLane | undefined {
  if (held.known.has(entry.id)) return undefined;
  const key = keyOf(entry);
  const lane = held.lanes.get(key);
  if (held.blocked.has(key) || lane?.state === 'waiting' || held.shed.has(key)) {
    held.unbegun.set(entry.id, { key, made: entry.made });
    if (lane !== undefined) held.shed.add(key);
    return undefined;
  }
  held.unbegun.delete(entry.id);
  return enter(held, entry, retry);
}

/** Leaves everything behind the first message of a waiting lane on the server, so that one failing key does not fill the memory. */
export function shedFollowers({ key, source: held, queue }: StreamLane): void {
  for (const message of queue.splice(1)) {
    forget(held, message);
    leave(held, key, message);
    held.shed.add(key);
  }
}

/** Leaves a message on the server that was in memory. */
export function leave(held: HeldStream, key: string, { id, attempt }: Pick<Message, 'id' | 'attempt'>): void {
  held.unbegun.set(id, { key, made: attempt - 1 });
}

/** Whether an entry was left on the server and would be again. It need not be asked for: 50,000 behind a blocked key would be sent anew whenever another key fails. */
export function staysLeft({ unbegun, blocked, shed }: HeldStream, id: string): boolean {
  const left = unbegun.get(id);
  return left !== undefined && (blocked.has(left.key) || shed.has(left.key));
}

/** Pairs of id and attempts made, of all that was read and not begun. */
export function unbegunOf(held: HeldStream): string[] {
  const pairs: string[] = [];
  for (const [id, { made }] of held.unbegun) pairs.push(id, String(made));
  for (const { id, attempt, begun } of held.known.values()) if (!begun) pairs.push(id, String(attempt - 1));
  return pairs;
}

/** Whether everything that was begun on a stream has ended and its acknowledgements are confirmed. */
export function isDrained(held: HeldStream): boolean {
  return held.running === 0 && isQuiet(held);
}

/** Whether nothing is asked of the server, handlers that still run aside. */
export function isQuiet({ fetching, acks, acknowledging }: HeldStream): boolean {
  return fetching === 0 && acks.length === 0 && !acknowledging;
}
