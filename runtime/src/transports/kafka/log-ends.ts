import type { KafkaNodes } from '../../connections/kafka/index.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { requireOk } from './protocol/answers.ts';
import { type ListedOffset, listOffsets, logEnd, logStart } from './protocol/offsets.ts';
import type { LeaderMap } from './topics.ts';

/** Offsets of the oldest message of a partition and behind the newest one. */
export interface LogEnds {
  readonly start: number;
  readonly end: number;
}

/** @throws {MillraceError} TOPIC_UNKNOWN, CONNECTION_FAILED when a partition has no leader that answers. */
export async function readEnds(
  nodes: KafkaNodes,
  leaders: LeaderMap,
  topic: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, LogEnds>> {
  const [starts, ends] = await Promise.all([
    offsetsAt(nodes, leaders, topic, partitions, logStart),
    offsetsAt(nodes, leaders, topic, partitions, logEnd),
  ]);
  return new Map(partitions.map((partition) => [partition, { start: starts.get(partition)!, end: ends.get(partition)! }]));
}

/** The first offset that is not older than a time, by partition; -1 where there is none. @throws as `readEnds` */
export async function offsetsAt(
  nodes: KafkaNodes,
  leaders: LeaderMap,
  topic: string,
  partitions: readonly number[],
  timestamp: number,
): Promise<ReadonlyMap<number, number>> {
  const known = await leaders.of(topic);
  const byNode = new Map<number, number[]>();
  for (const partition of partitions) {
    const leader = known[partition];
    if (leader === undefined) {
      leaders.forget(topic);
      throw new MillraceError('CONNECTION_FAILED', `partition ${partition} of topic ${topic} has no leader now`);
    }
    byNode.set(leader, [...(byNode.get(leader) ?? []), partition]);
  }
  const asking = [...byNode].map(([node, own]) => nodes.ask(node, listOffsets, { topic, partitions: own, timestamp }));
  const answers = (await Promise.all(asking)).flat();
  return new Map(partitions.map((partition) => [partition, offsetOf(topic, partition, answers, leaders)]));
}

function offsetOf(topic: string, partition: number, answers: readonly ListedOffset[], leaders: LeaderMap): number {
  const found = answers.find((each) => each.partition === partition);
  if (found?.errorCode !== 0) leaders.forget(topic);
  requireOk(found?.errorCode ?? -1, `partition ${partition} of topic ${topic}`);
  return found!.offset;
}
