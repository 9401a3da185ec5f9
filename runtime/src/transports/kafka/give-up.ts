import type { Writer } from '../../connections/kafka/wire.ts';
import type { GivenUp } from '../../consuming/consumer.ts';
import type { Message } from '../../consuming/message.ts';
import type { Failure } from '../../dead-letters.ts';
import type { Blocked } from './blocked.ts';
import { type Header, type OwnHeaders, readHeaders, writeEvent, writePlain } from './codec.ts';
import type { Consumer } from './consumer.ts';
import { type DeadLog, formatLetterId, openDeadLog } from './dead-log.ts';
import { offsetOf, type PartitionLane } from './held-partition.ts';
import type { RawRecord } from './protocol/records.ts';

/** Room that topics of dead letters have for the history of errors is 64 KiB. */
const maxFailuresBytes = 48_000;
const maxMessageChars = 4_000;

async function writeLetter(
  deadLog: DeadLog,
  id: string,
  message: Message,
  unreadable: RawRecord | undefined,
  own: OwnHeaders,
): Promise<void> {
  const write = (to: Writer): void => {
    if (unreadable === undefined) writeEvent(to, message.event, own, id);
    // Without a value it would be a tombstone.
    else writePlain(to, id, ...contentOf(unreadable, own));
  };
  await deadLog.append(id, write);
}

/** Value and headers; of a message that is damaged itself nothing but where it lies. */
function contentOf(record: RawRecord, own: OwnHeaders): [value: Buffer, own: OwnHeaders, headers: Header[]] {
  try {
    return [record.value() ?? Buffer.alloc(0), own, readHeaders(record)];
  } catch {
    return [Buffer.alloc(0), own, []];
  }
}

/** Sets messages aside after their last attempt, as their topic says: into the dead letters or not, their key going on or held back. */
export function createGiveUp(consumer: Consumer, blocked: Blocked): (lane: PartitionLane, message: Message) => Promise<GivenUp> {
  const { topic, topicName, group, groupId, tenant, shared, leaders, appender } = consumer;
  const deadLog = openDeadLog(shared, leaders, appender, topicName, group);
  return async (lane, message) => {
    const { source: held } = lane;
    const offset = offsetOf(message.id);
    const unreadable = held.unreadable.get(message.id);
    const blocks = topic.onExhausted === 'block' && unreadable === undefined && message.event.partitionkey !== undefined;
    if (blocks && blocked.isDropped(held, offset)) return 'given up';
    if (topic.deadLetter && !held.blocked.has(offset)) {
      const about = {
        at: new Date().toISOString(),
        'by-group': groupId,
        failures: failuresText(message.failures),
        blocking: blocks ? '1' : '0',
      };
      const id = formatLetterId({ position: message.id, topicId: held.topicId, tenant });
      await writeLetter(deadLog, id, message, unreadable, about);
      if (blocks) held.blocked.set(offset, id);
    }
    if (!blocks) return 'given up';
    blocked.watch(lane);
    // They are in the letter; without them the next attempt is made, after its pause.
    message.failures.length = 0;
    return 'again';
  };
}

/** The first failure and the last ones, as many as there is room for. */
export function failuresText(failures: readonly Failure[]): string {
  const short = failures.map((failure) => ({ ...failure, message: failure.message.slice(0, maxMessageChars) }));
  const [first, ...later] = short;
  if (first === undefined) return '[]';
  const kept: Failure[] = [];
  let bytes = Buffer.byteLength(JSON.stringify(first)) + 2;
  for (const failure of later.reverse()) {
    bytes += Buffer.byteLength(JSON.stringify(failure)) + 1;
    if (bytes > maxFailuresBytes) break;
    kept.unshift(failure);
  }
  return JSON.stringify([first, ...kept]);
}
