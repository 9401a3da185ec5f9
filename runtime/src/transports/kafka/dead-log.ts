import type { KafkaNodes } from '../../connections/kafka/index.ts';
import type { Writer } from '../../connections/kafka/wire.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { deadLetterTopic } from '../../contracts/topology.ts';
import type { Failure } from '../../dead-letters.ts';
import { hash32 } from '../../hash.ts';
import type { Appender } from './append.ts';
import { ownHeaders, timeOf } from './codec.ts';
import { readEnds } from './log-ends.ts';
import { readPartition } from './partition-reader.ts';
import { batchWriter } from './protocol/batch.ts';
import { deleteRecords } from './protocol/offsets.ts';
import type { RawRecord } from './protocol/records.ts';
import type { LeaderMap } from './topics.ts';

/** Why a dead letter is one no more: sent again, forgotten, or its event was handled after all. */
export type Ending = 'redrive' | 'drop' | 'handled';

/** A dead letter as it lies in its topic: the event as it was, with headers of ours. */
export interface Letter {
  /** Key of the message; see `LetterId`. */
  readonly id: string;
  readonly partition: number;
  readonly record: RawRecord;
  /** The group that has given it up. */
  readonly groupId: string;
  readonly at: string;
  readonly failures: readonly Failure[];
  readonly blocking: boolean;
}

/** The topic in which a group puts what it gives up of another topic. */
export interface DeadLog {
  readonly name: string;
  /** All letters and endings, in their order. @param from offsets by partition, from where; they are moved on behind what was read. */
  read(signal?: AbortSignal, from?: Map<number, number>): AsyncGenerator<LetterRecord>;
  /** Appends a letter or a tombstone. @throws {MillraceError} TOPIC_UNKNOWN, EVENT_TOO_LARGE, PUBLISH_FAILED */
  append(id: string, write: (to: Writer) => void): Promise<void>;
  /** Removes what lies before `offset`. */
  cut(partition: number, offset: number): Promise<void>;
  /** @throws {MillraceError} TOPIC_UNKNOWN when there is none. */
  require(): Promise<void>;
}

/** One message of it: a letter, or the ending of one. */
export interface LetterRecord {
  readonly id: string;
  readonly partition: number;
  readonly offset: number;
  readonly letter: Letter | undefined;
  readonly ending: Ending | undefined;
}

const cutTimeoutMs = 5_000;
const idPattern = /^(\d{1,9}-\d{1,15})(?::([\w-]{1,40}))?(?:@(.+))?$/;

/**
 * What the id of a dead letter tells: `POSITION:TOPIC_ID`, and `@TENANT` behind it where its group is bound to one, as groups of different tenants share the
 * topic of their dead letters. A topic that is made anew gives out the same positions again.
 */
export interface LetterId {
  readonly position: string;
  /** Undefined in letters that were written before ids told it: they are taken to be of the topic that there is. */
  readonly topicId: string | undefined;
  readonly tenant: string | undefined;
}

export function formatLetterId({ position, topicId, tenant }: LetterId): string {
  return [position, topicId === undefined ? '' : `:${topicId}`, tenant === undefined ? '' : `@${tenant}`].join('');
}

export function parseLetterId(id: string): LetterId {
  const [, position = id, topicId, tenant] = idPattern.exec(id) ?? [];
  return { position, topicId, tenant };
}

/** Whether a letter is about an event of the topic with this id. */
export function isOfTopic({ topicId }: LetterId, id: string): boolean {
  return topicId === undefined || topicId === id;
}

/** @param group of the topology, without the tenant. */
export function openDeadLog(nodes: KafkaNodes, leaders: LeaderMap, appender: Appender, topic: string, group: string): DeadLog {
  const name = deadLetterTopic(topic, group);
  const partitions = async (): Promise<number[]> => [...(await leaders.of(name)).keys()];
  return {
    name,
    async *read(signal, from = new Map()) {
      const all = await partitions();
      const ends = await readEnds(nodes, leaders, name, all);
      for (const partition of all) {
        const { start, end } = ends.get(partition)!;
        const part = { topic: name, partition, from: Math.max(start, from.get(partition) ?? 0), to: end };
        for await (const record of readPartition(nodes, leaders, part, signal)) {
          // What somebody else has put there is no letter.
          if (idPattern.test(record.key()?.toString() ?? '')) yield asLetter(partition, record);
        }
        from.set(partition, end);
      }
    },
    async append(id, write) {
      const writer = batchWriter(Date.now());
      writer.add(write);
      const partition = hash32(id) % (await partitions()).length;
      const [outcome] = await appender.append(name, [{ partition, count: 1, records: writer.finish() }]);
      if (outcome instanceof Error) throw outcome;
    },
    async cut(partition, before) {
      const leader = (await leaders.of(name))[partition];
      if (leader === undefined) throw new MillraceError('CONNECTION_FAILED', `partition ${partition} of topic ${name} has no leader now`);
      await nodes.ask(leader, deleteRecords, { topic: name, partition, before, timeoutMs: cutTimeoutMs });
    },
    async require() {
      await partitions();
    },
  };
}

function asLetter(partition: number, record: RawRecord): LetterRecord {
  const own = ownHeaders(record);
  const { offset } = record;
  const id = record.key()?.toString() ?? '';
  const ending = own.get('ending') as Ending | undefined;
  if (ending !== undefined || record.value() === undefined) return { id, partition, offset, letter: undefined, ending: ending ?? 'drop' };
  const letter: Letter = {
    ...{ id, partition, record },
    groupId: own.get('by-group') ?? '',
    at: own.get('at') ?? timeOf(record) ?? new Date(0).toISOString(),
    failures: failuresOf(own.get('failures')),
    blocking: own.get('blocking') === '1',
  };
  return { id, partition, offset, letter, ending: undefined };
}

function failuresOf(json: string | undefined): readonly Failure[] {
  if (json === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(json);
    return Array.isArray(parsed) ? (parsed as Failure[]) : [];
  } catch {
    return []; // written by something else
  }
}
