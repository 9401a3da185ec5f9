import { isMillraceError, type MillraceError } from '../../contracts/errors.ts';
import type { MillraceEvent } from '../../contracts/event.ts';
import type { Topic } from '../../contracts/topology.ts';
import type { Lease } from './lease.ts';
import { attemptsBeforeSetAside } from './retry.ts';

/** One failed attempt, as dead letters tell it. */
interface Failure {
  readonly attempt: number;
  /** RFC 3339; absent where the process that failed could not say. */
  readonly at?: string;
  readonly message: string;
  readonly consumer: string;
}

/** An entry as it came from the server. */
export interface Entry {
  readonly id: string;
  readonly event: MillraceEvent | MillraceError;
  /** Attempts begun before this delivery, and by whom. */
  readonly made: number;
  readonly by: string;
  /** Whether the process that began the last attempt went away during it, for all we know. */
  readonly orphaned: boolean;
}

/** An entry in memory: waiting for its handler, in its hands, or waiting for its acknowledgement to be confirmed. */
export interface Message {
  readonly id: string;
  readonly event: MillraceEvent;
  /** The attempt that is next or running, from 1. */
  attempt: number;
  begun: boolean;
  /** The last chance of an event that may be killing its process: it runs alone, so that no innocent event is set aside for it. */
  readonly alone: boolean;
  /** To be set aside without being handled. */
  readonly doomed: boolean;
  readonly failures: Failure[];
}

/** The events of one partition key: one at a time, in order. */
export interface Lane {
  readonly key: string;
  readonly held: HeldStream;
  readonly queue: Message[];
  state: 'ready' | 'running' | 'waiting';
  /** Later events of the key were left on the server while its first one waits for another attempt. */
  shed: boolean;
  timer?: NodeJS.Timeout;
}

/** A stream whose lease is ours, with what was read from it. */
export interface HeldStream {
  readonly stream: string;
  readonly lease: Lease;
  readonly abort: AbortController;
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
  readonly known: Map<string, Message>;
  /** Entries read and left on the server before they were begun: the attempts made on them. */
  readonly unbegun: Map<string, number>;
  readonly lanes: Map<string, Lane>;
  blocked: ReadonlySet<string>;
  /** Messages in memory that do not wait for another attempt, and those that do. */
  load: number;
  waiting: number;
  running: number;
  fetching: number;
  readonly acks: string[];
  acknowledging: boolean;
  draining: boolean;
  lost: boolean;
}

export function holdStream(lease: Lease, blocked: ReadonlySet<string>): HeldStream {
  return {
    stream: lease.stream,
    lease,
    abort: new AbortController(),
    phase: 'pending',
    cursor: '-',
    generation: 0,
    swept: false,
    hasMore: true,
    newsAfter: '0-0',
    known: new Map(),
    unbegun: new Map(),
    lanes: new Map(),
    blocked,
    load: 0,
    waiting: 0,
    running: 0,
    fetching: 0,
    acks: [],
    acknowledging: false,
    draining: false,
    lost: false,
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
export function accept(held: HeldStream, entry: Entry, retry: Topic['retry']): Lane | undefined {
  if (held.known.has(entry.id)) return undefined;
  const key = isMillraceError(entry.event) ? entry.id : (entry.event.partitionkey ?? entry.id);
  const lane = held.lanes.get(key);
  if (held.blocked.has(key) || lane?.state === 'waiting' || lane?.shed === true) {
    held.unbegun.set(entry.id, entry.made);
    if (lane !== undefined) lane.shed = true;
    return undefined;
  }
  const message = messageOf(entry, retry);
  held.known.set(entry.id, message);
  held.unbegun.delete(entry.id);
  held.load += 1;
  if (lane !== undefined) {
    lane.queue.push(message);
    return undefined;
  }
  const opened: Lane = { key, held, queue: [message], state: 'ready', shed: false };
  held.lanes.set(key, opened);
  return opened;
}

function messageOf({ id, event, made, by, orphaned }: Entry, retry: Topic['retry']): Message {
  const limit = attemptsBeforeSetAside(retry);
  const before: Failure[] =
    made === 0 ? [] : [{ attempt: made, message: 'delivered before, to a consumer that did not answer for it', consumer: by }];
  if (isMillraceError(event)) {
    const failures = [...before, { attempt: made, message: event.message, consumer: by }];
    return { id, event: unreadable(id), attempt: made + 1, begun: false, alone: false, doomed: true, failures };
  }
  return {
    id,
    event,
    attempt: made + 1,
    begun: false,
    alone: orphaned && made + 1 === limit,
    doomed: made >= limit,
    failures: before,
  };
}

/** Stands for an entry that is no event; it is never shown to a handler. */
function unreadable(id: string): MillraceEvent {
  return { id, source: '', type: '', time: '' };
}

/** Leaves everything behind the first message of a waiting lane on the server, so that one failing key does not fill the memory. */
export function shedFollowers(lane: Lane): void {
  const { held, queue } = lane;
  for (const message of queue.splice(1)) {
    forget(held, message);
    held.unbegun.set(message.id, message.attempt - 1);
    lane.shed = true;
  }
}

/** Drops a message that is not counted among the waiting ones. */
export function forget(held: HeldStream, message: Message): void {
  held.known.delete(message.id);
  held.load -= 1;
}

/** Ends what the lease allowed: signals are aborted, nothing further begins. */
export function letGo(held: HeldStream, reason: MillraceError): void {
  held.lost = true;
  held.abort.abort(reason);
  for (const lane of held.lanes.values()) clearTimeout(lane.timer);
  held.lanes.clear();
}

/** Pairs of id and attempts made, of all that was read and not begun. */
export function unbegunOf(held: HeldStream): string[] {
  const pairs: string[] = [];
  for (const [id, made] of held.unbegun) pairs.push(id, String(made));
  for (const { id, attempt, begun } of held.known.values()) if (!begun) pairs.push(id, String(attempt - 1));
  return pairs;
}
