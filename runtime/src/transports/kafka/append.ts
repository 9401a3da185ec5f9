import { setTimeout as pause } from 'node:timers/promises';
import { backoffMs } from '../../connections/backoff.ts';
import type { KafkaNodes } from '../../connections/kafka/index.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { answerError } from './protocol/answers.ts';
import { type ProducedPartition, produce } from './protocol/produce.ts';
import type { LeaderMap } from './topics.ts';

/** Time in which replicas in sync must have a batch. */
const requestTimeoutMs = 5_000;
/** Long enough for a leader that moves in good order; a cluster that is away is for the caller to wait for. */
const repeatForMs = 1_000;
const longestPauseMs = 200;

/** Appends record batches to partitions. */
export interface Appender {
  /**
   * Appends to several partitions of a topic at once; the calls for a topic one after the other, or a repetition of the first could land behind the second.
   *
   * @returns for each batch, in the order given, the offset of its first record, or why it was not acknowledged; then it may have been written all the same.
   */
  append(topic: string, batches: readonly PartitionBatch[]): Promise<readonly (number | MillraceError)[]>;
}

export interface PartitionBatch {
  readonly partition: number;
  readonly count: number;
  readonly records: Buffer;
}

/**
 * Not kafkajs's producer, which has one outcome for all partitions of a call: one without leader would have the others published again. Like that one it is not
 * idempotent in Kafka's sense: a duplicate is removed by the inbox, and a sequence number that is used twice loses events (see connections/kafka/producer.ts).
 */
export function createAppender(nodes: KafkaNodes, leaders: LeaderMap): Appender {
  const acknowledged = createAcknowledgements();
  const once = async (topic: string, batches: readonly PartitionBatch[]): Promise<(number | MillraceError)[]> => {
    const known = await leaders.of(topic);
    const byNode = new Map<number, number[]>();
    const outcomes = batches.map(({ partition }, index): number | MillraceError => {
      const leader = known[partition];
      if (leader === undefined) return new MillraceError('PUBLISH_FAILED', `partition ${partition} of topic ${topic} has no leader now`);
      byNode.set(leader, [...(byNode.get(leader) ?? []), index]);
      return notAnswered(topic, partition);
    });
    await Promise.all(
      [...byNode].map(async ([node, indices]) => {
        const sent = indices.map((index) => batches[index]!);
        const results = await ask(nodes, node, topic, sent);
        for (const index of indices) {
          const batch = batches[index]!;
          outcomes[index] = results instanceof MillraceError ? results : verdict(topic, batch, results, acknowledged);
        }
      }),
    );
    return outcomes;
  };
  const appendNow = async (topic: string, batches: readonly PartitionBatch[]): Promise<readonly (number | MillraceError)[]> => {
    const outcomes = new Array<number | MillraceError>(batches.length);
    const giveUpAt = performance.now() + repeatForMs;
    let open = batches.map((_, index) => index);
    for (let attempt = 1; open.length > 0; attempt++) {
      if (attempt > 1) await pause(backoffMs(attempt - 1, longestPauseMs));
      const asked = open.map((index) => batches[index]!);
      const tried = await once(topic, asked).catch((error: unknown) => asked.map(() => failure(error, topic)));
      for (const [place, index] of open.entries()) outcomes[index] = tried[place]!;
      open = open.filter((index) => isPassing(outcomes[index]!));
      if (open.length > 0) leaders.forget(topic);
      if (performance.now() > giveUpAt) break;
    }
    return outcomes;
  };
  const turns = new Map<string, Promise<unknown>>();
  return {
    async append(topic, batches) {
      const turn = (turns.get(topic) ?? Promise.resolve()).then(() => appendNow(topic, batches));
      turns.set(topic, turn);
      const outcomes = await turn;
      if (turns.get(topic) === turn) turns.delete(topic);
      return outcomes;
    },
  };
}

async function ask(
  nodes: KafkaNodes,
  node: number,
  topic: string,
  batches: readonly PartitionBatch[],
): Promise<readonly ProducedPartition[] | MillraceError> {
  try {
    return await nodes.ask(node, produce, { topic, batches, timeoutMs: requestTimeoutMs });
  } catch (error) {
    return failure(error, topic);
  }
}

/** An answer that leaves a partition out, or whose offsets are not new, is no acknowledgement. */
function verdict(
  topic: string,
  { partition, count }: PartitionBatch,
  results: readonly ProducedPartition[],
  acknowledged: Acknowledgements,
): number | MillraceError {
  const result = results.find((each) => each.partition === partition);
  if (result === undefined) return notAnswered(topic, partition);
  if (result.errorCode !== 0) return asPublishing(answerError(result.errorCode, `partition ${partition} of topic ${topic}`));
  if (result.baseOffset < 0) return notAnswered(topic, partition);
  return acknowledged.note(topic, partition, result.baseOffset, count);
}

/** What was acknowledged last, by partition. */
interface Acknowledgements {
  /** @returns the offset, or BROKER_LOST_EVENTS when it was given out before: what lay there is gone. */
  note(topic: string, partition: number, offset: number, count: number): number | MillraceError;
}

export function createAcknowledgements(): Acknowledgements {
  const ends = new Map<string, number>();
  return {
    note(topic, partition, offset, count) {
      const key = `${topic}/${partition}`;
      const end = ends.get(key) ?? 0;
      ends.set(key, offset + count);
      if (offset >= end) return offset;
      return new MillraceError(
        'BROKER_LOST_EVENTS',
        `partition ${partition} of topic ${topic} has acknowledged offsets up to ${end - 1} and now begins again at ${offset}; rewind the sink`,
      );
    },
  };
}

function notAnswered(topic: string, partition: number): MillraceError {
  return new MillraceError('PUBLISH_FAILED', `the cluster gave no offset for partition ${partition} of topic ${topic}`);
}

function failure(error: unknown, topic: string): MillraceError {
  if (isMillraceError(error)) return asPublishing(error);
  return new MillraceError('PUBLISH_FAILED', `topic ${topic} did not acknowledge messages: ${String(error)}`, { cause: error });
}

/** A connection that fails means an event that was not acknowledged. */
export function asPublishing(error: MillraceError): MillraceError {
  const about = error.code === 'CONNECTION_FAILED' || error.code === 'CONNECTION_TIMEOUT';
  return about ? new MillraceError('PUBLISH_FAILED', error.message, { cause: error }) : error;
}

/** Worth another attempt at once: the leader moves, or the topic is being made. A request that was not answered is left to the caller. */
function isPassing(outcome: number | MillraceError): boolean {
  if (typeof outcome === 'number') return false;
  return outcome.code === 'PUBLISH_FAILED' && !isMillraceError(outcome.cause, 'CONNECTION_TIMEOUT');
}
