import type { KafkaNodes } from '../../connections/kafka/index.ts';
import { MillraceError } from '../../contracts/errors.ts';
import type { MillraceEvent } from '../../contracts/event.ts';
import { routeOver, type Topic, type Topology } from '../../contracts/topology.ts';
import { shardOf } from '../../hash.ts';
import { answer, answerError } from './protocol/answers.ts';

/** How long leaders are believed without asking; a partition that was added is used after that. */
const freshMs = 30_000;

/** @throws {MillraceError} TOPIC_UNKNOWN when the topology does not route a topic to `service`. */
export function routedTopic(topology: Topology, service: string, name: string): Topic {
  const topic = topology.topics[name];
  if (topic === undefined)
    throw new MillraceError('TOPIC_UNKNOWN', `topic ${name} is not in the topology; declare it and apply the topology`);
  if (routeOver(topic, 'kafka', service) === undefined)
    throw new MillraceError('TOPIC_UNKNOWN', `topic ${name} has no route kafka@${service}; add one to its transports`);
  return topic;
}

/** Node ids by partition, as many as the broker has; undefined while a partition has no leader. */
export type Leaders = readonly (number | undefined)[];

/** Knows for some seconds who leads which partition. */
export interface LeaderMap {
  /** @throws {MillraceError} TOPIC_UNKNOWN when the cluster has no such topic. */
  of(topic: string): Promise<Leaders>;
  /** Has the next question go to the cluster. */
  forget(topic: string): void;
}

export function createLeaderMap(nodes: Pick<KafkaNodes, 'metadata'>): LeaderMap {
  const known = new Map<string, { readonly asked: Promise<Leaders>; readonly until: number }>();
  const ask = async (topic: string): Promise<Leaders> => {
    const found = (await nodes.metadata([topic])).topics[0];
    if (found === undefined || found.errorCode !== answer.ok) {
      throw answerError(found?.errorCode ?? answer.unknownTopic, `topic ${topic}`);
    }
    const leaders = new Array<number | undefined>(found.partitions.length).fill(undefined);
    for (const { partition, leader } of found.partitions) leaders[partition] = leader;
    return leaders;
  };
  return {
    async of(topic) {
      const fresh = known.get(topic);
      if (fresh !== undefined && performance.now() < fresh.until) return fresh.asked;
      const asked = ask(topic);
      const entry = { asked, until: performance.now() + freshMs };
      known.set(topic, entry);
      asked.catch(() => {
        if (known.get(topic) === entry) known.delete(topic);
      });
      return asked;
    },
    forget: (topic) => void known.delete(topic),
  };
}

/** The partition of an event: chosen here, not by the client library, so that every version and every language finds the same. */
export function partitionOf({ partitionkey, id }: Pick<MillraceEvent, 'partitionkey' | 'id'>, partitions: number): number {
  return shardOf(partitionkey ?? id, partitions);
}

/** Place of a message in its topic: `PARTITION-OFFSET`. */
export function positionOf(partition: number, offset: number): string {
  return `${partition}-${offset}`;
}

/** @throws {MillraceError} SUBSCRIPTION_INVALID when it is no position of Kafka's. */
export function parsePosition(position: string): { readonly partition: number; readonly offset: number } {
  const [, partition, offset] = /^(\d{1,9})-(\d{1,15})$/.exec(position) ?? [];
  if (offset === undefined) {
    throw new MillraceError('SUBSCRIPTION_INVALID', `a position on Kafka is PARTITION-OFFSET, as 0-1234, got ${JSON.stringify(position)}`);
  }
  return { partition: Number(partition), offset: Number(offset) };
}
