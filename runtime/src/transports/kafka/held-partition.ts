import { type Entry, keyOf } from '../../consuming/message.ts';
import { enter, forget, type Lane, openSource, type Source } from '../../consuming/source.ts';
import type { Topic } from '../../contracts/topology.ts';
import type { Delivery } from '../../transport.ts';
import type { Note } from './note.ts';
import type { Offsets } from './offsets.ts';
import type { RawRecord } from './protocol/records.ts';

/** An assigned partition, with what was read from it. Its `name` is `TOPIC/PARTITION`. */
export interface HeldPartition extends Source<HeldPartition> {
  readonly partition: number;
  readonly topicId: string;
  /** Higher than those of all holders before; with its scope it is the lease of each delivery. */
  readonly fence: number;
  readonly lease: NonNullable<Delivery['lease']>;
  readonly offsets: Offsets;
  /** Messages below may have begun in a process that ended during them; with the attempts known to have begun, and by whom. */
  readonly suspectsBelow: number;
  readonly attempts: Map<number, number>;
  readonly suspectsBy: string;
  /** Messages below may begin: should this process end, its successor knows that they may have. */
  begunBelow: number;
  /** Lowest offset that was not looked at yet, and where the next fetch begins. */
  fedTo: number;
  fetchAt: number;
  /** Fetched and not looked at yet: from `bufferAt` on, up to the offset `bufferEnd`. */
  buffer: readonly RawRecord[];
  bufferAt: number;
  bufferBytes: number;
  bufferEnd: number;
  /** The first offset of those keys whose later events were left in the log while their first one waits for another attempt. */
  readonly shed: Map<string, number>;
  /** Ids of the dead letters of events that block their keys, by the offsets of the events. */
  readonly blocked: Map<number, string>;
  /** Messages that are no events, until they are set aside. */
  readonly unreadable: Map<string, RawRecord>;
  /** Whether there is something to commit. */
  dirty: boolean;
  /** Behind the newest message that a broker has told of. */
  logEnd: number;
  /** Until when what is fetched is believed to be of the topic with `topicId`, on the monotonic clock. */
  sureOfTopicUntil: number;
  /** After a failure it is not asked for before, on the monotonic clock. */
  fetchNotBefore: number;
  /** How fast it was read in the last interval between commits, and since when it rests. */
  readonly pace: { fedTo: number; perInterval: number; idleSince: number | undefined };
  leader: number | undefined;
}

export type PartitionLane = Lane<HeldPartition>;

/** What the group's coordinator and the log say about a partition when it is taken over. */
export interface Takeover {
  readonly topic: string;
  /** Of fences: of the same group and partition alone, as another group has other holders. */
  readonly scope: string;
  readonly partition: number;
  readonly topicId: string;
  readonly fence: number;
  readonly offsets: Offsets;
  readonly before: Note | undefined;
}

export function holdPartition({ topic, scope, partition, topicId, fence, offsets, before }: Takeover): HeldPartition {
  const isUnclean = before !== undefined && !before.clean;
  const from = offsets.nextOpen(offsets.low);
  return {
    ...openSource<HeldPartition>(`${topic}/${partition}`),
    ...{ partition, topicId, fence, offsets, lease: { scope, fence: BigInt(fence) } },
    suspectsBelow: isUnclean ? before.begun : 0,
    attempts: new Map(isUnclean ? before.attempts : []),
    suspectsBy: before?.by ?? '',
    begunBelow: 0,
    ...{ fedTo: from, fetchAt: from, buffer: [], bufferAt: 0, bufferBytes: 0, bufferEnd: from },
    shed: new Map(),
    blocked: new Map(),
    unreadable: new Map(),
    dirty: true,
    ...{ logEnd: from, sureOfTopicUntil: Number.NEGATIVE_INFINITY, fetchNotBefore: Number.NEGATIVE_INFINITY },
    pace: { fedTo: from, perInterval: 0, idleSince: undefined },
    leader: undefined,
  };
}

/** Reads again from `offset`: something that was left in the log may be handled now. */
export function goBack(held: HeldPartition, offset: number): void {
  if (offset >= held.fedTo) return;
  held.fedTo = offset;
  held.fetchAt = offset;
  held.buffer = [];
  held.bufferAt = 0;
  held.bufferEnd = offset;
}

/**
 * Puts an entry behind the others of its key.
 *
 * @returns the lane when the entry is the first in it and can be handled. Entries stay in the log whose key waits for another attempt, and those behind others
 * that were left there.
 */
export function accept(held: HeldPartition, offset: number, entry: Entry, retry: Topic['retry']): PartitionLane | undefined {
  if (held.known.has(entry.id)) return undefined;
  const key = keyOf(entry);
  const left = held.shed.get(key);
  if (left !== undefined || held.lanes.get(key)?.state === 'waiting') {
    held.shed.set(key, Math.min(left ?? offset, offset));
    return undefined;
  }
  return enter(held, entry, retry);
}

/** Leaves everything behind the first message of a waiting lane in the log, so that one failing key does not fill the memory. */
export function shedFollowers({ key, source: held, queue }: PartitionLane): void {
  for (const message of queue.splice(1)) {
    forget(held, message);
    held.shed.set(key, Math.min(held.shed.get(key) ?? Number.POSITIVE_INFINITY, offsetOf(message.id)));
  }
}

/** The offset of a position. */
export function offsetOf(position: string): number {
  return Number(position.slice(position.indexOf('-') + 1));
}

/** Whether nothing of it is in memory. */
export function isIdle({ load, waiting, running }: HeldPartition): boolean {
  return load === 0 && waiting === 0 && running === 0;
}
