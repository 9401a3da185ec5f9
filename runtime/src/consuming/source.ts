import type { MillraceError } from '../contracts/errors.ts';
import type { Topic } from '../contracts/topology.ts';
import { type Entry, keyOf, type Message, messageOf } from './message.ts';

/** The events of one partition key: one at a time, in order. */
export interface Lane<S extends Source<S>> {
  readonly key: string;
  readonly source: S;
  readonly queue: Message[];
  state: 'ready' | 'running' | 'waiting';
  timer?: NodeJS.Timeout;
}

/** One ordered sequence of a topic that this consumer has to itself: a stream under lease, an assigned partition, a queue with one active consumer. */
export interface Source<S extends Source<S>> {
  /** Key of the stream, `TOPIC/PARTITION`, name of the queue. */
  readonly name: string;
  readonly abort: AbortController;
  /** Messages in memory by their ids, until their acknowledgement is confirmed. */
  readonly known: Map<string, Message>;
  readonly lanes: Map<string, Lane<S>>;
  /** Messages in memory that do not wait for another attempt, and those that do. */
  load: number;
  waiting: number;
  running: number;
  /** Nothing further begins: it is being handed on. */
  draining: boolean;
  lost: boolean;
}

/** What one call of the handler is given: the first messages of some lanes. */
export interface Work<S extends Source<S>> {
  readonly parts: readonly { readonly lane: Lane<S>; readonly messages: readonly Message[] }[];
}

/** The parts of a source that every driver has. */
export function openSource<S extends Source<S>>(name: string): Source<S> {
  return {
    name,
    abort: new AbortController(),
    known: new Map(),
    lanes: new Map(),
    load: 0,
    waiting: 0,
    running: 0,
    draining: false,
    lost: false,
  };
}

/**
 * Puts an entry behind the others of its key.
 *
 * @returns the lane when the entry is the first in it and can be handled: give it to the worker. An entry that is in memory already is passed over.
 */
export function enter<S extends Source<S>>(source: S, entry: Entry, retry: Topic['retry']): Lane<S> | undefined {
  if (source.known.has(entry.id)) return undefined;
  const message = messageOf(entry, retry);
  source.known.set(entry.id, message);
  source.load += 1;
  const key = keyOf(entry);
  const lane = source.lanes.get(key);
  if (lane !== undefined) {
    lane.queue.push(message);
    return undefined;
  }
  const opened: Lane<S> = { key, source, queue: [message], state: 'ready' };
  source.lanes.set(key, opened);
  return opened;
}

/** Drops a message that is not counted among the waiting ones. */
export function forget<S extends Source<S>>(source: S, message: Message): void {
  source.known.delete(message.id);
  source.load -= 1;
}

/** Ends what holding the source allowed: signals are aborted, nothing further begins. */
export function letGo<S extends Source<S>>(source: S, reason: MillraceError): void {
  source.lost = true;
  source.abort.abort(reason);
  for (const lane of source.lanes.values()) clearTimeout(lane.timer);
  source.lanes.clear();
}
