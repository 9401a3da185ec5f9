import type { Entry } from '../../consuming/message.ts';
import { loadOf, roomIn } from '../../consuming/room.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import { readMessage } from './codec.ts';
import type { Consumer } from './consumer.ts';
import { accept, type HeldPartition, type PartitionLane } from './held-partition.ts';
import type { RawRecord } from './protocol/records.ts';
import { positionOf } from './topics.ts';

/** Taken from one partition before the next one has its turn. */
const turn = 50;

interface FeederParts {
  readonly consumer: Consumer;
  add(lane: PartitionLane): void;
  /** Something was taken up, so that there is room for what is fetched next. */
  onTaken(): void;
}

/** Takes up what was fetched, as far as there is room. @returns to be called whenever there may be room or something new */
export function createFeeder({ consumer, add, onTaken }: FeederParts): () => void {
  const { held: partitions, maxUnhandled, group, log } = consumer;
  let feeding = false;
  const takeTurn = (held: HeldPartition, room: number): number => {
    const until = Math.min(held.buffer.length, held.bufferAt + Math.min(turn, room));
    const from = held.bufferAt;
    while (held.bufferAt < until && !held.lost) {
      const record = held.buffer[held.bufferAt++]!;
      const lane = takeUp(consumer, held, record);
      if (lane !== undefined) add(lane);
    }
    if (held.bufferAt === held.buffer.length && held.fedTo < held.bufferEnd) {
      passGap(held, held.bufferEnd);
      held.fedTo = held.bufferEnd;
    }
    return held.bufferAt - from;
  };
  /** Taken over again it begins behind what was handled, so that nothing is passed over. */
  const takeTurnOrLose = (held: HeldPartition, room: number): number => {
    try {
      return takeTurn(held, room);
    } catch (error) {
      log.error({ stream: held.name, group, error: String(error) }, 'messages could not be taken up');
      consumer.lose(held);
      return 0;
    }
  };
  const takeAll = (): number => {
    let taken = 0;
    for (let last = 1; last > 0; taken += last) {
      last = 0;
      for (const held of [...partitions.values()]) {
        const room = roomIn(partitions.values(), maxUnhandled);
        if (room <= 0) break;
        if (!held.draining && !held.lost) last += takeTurnOrLose(held, room);
      }
    }
    return taken;
  };
  return () => {
    // Half at a time: to look for every event that has ended costs as much as the event.
    if (feeding || loadOf(partitions.values()) > maxUnhandled / 2) return;
    feeding = true;
    let taken = 0;
    try {
      taken = takeAll();
    } finally {
      feeding = false;
    }
    if (taken > 0) onTaken();
  };
}

function takeUp({ tenant, groupId, topic }: Consumer, held: HeldPartition, record: RawRecord): PartitionLane | undefined {
  const { offset } = record;
  if (offset > held.fedTo) passGap(held, offset);
  held.fedTo = offset + 1;
  if (held.offsets.isDone(offset)) return undefined;
  const { event, addressee } = readMessage(record);
  const isUnreadable = isMillraceError(event);
  if ((addressee !== undefined && addressee !== groupId) || (tenant !== undefined && (isUnreadable || event.tenantid !== tenant))) {
    held.offsets.finish(offset);
    held.dirty = true;
    return undefined;
  }
  const id = positionOf(held.partition, offset);
  if (isUnreadable) held.unreadable.set(id, record);
  const isSuspect = offset < held.suspectsBelow;
  const made = isSuspect ? (held.attempts.get(offset) ?? 1) : 0;
  const entry: Entry = { id, event, made, by: isSuspect ? held.suspectsBy : '', orphaned: isSuspect };
  return accept(held, offset, entry, topic.retry);
}

/** Offsets without a message: markers of transactions, and what compaction has removed. */
function passGap(held: HeldPartition, to: number): void {
  if (held.offsets.nextOpen(held.fedTo) >= to) return;
  held.offsets.finish(held.fedTo, to);
  held.dirty = true;
}
