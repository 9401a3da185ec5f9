import type { Protocol } from '../../connections/kafka/asker.ts';
import type { KafkaMetadata } from '../../connections/kafka/index.ts';
import { protocolOf } from '../../connections/kafka/protocol.ts';
import { loadPeer } from '../../connections/peer.ts';
import { grouped } from '../../grouped.ts';
import type { Brokers } from './brokers.ts';
import type { Places } from './group-protocol.ts';

/** Offsets of the oldest message and after the newest one, by partition. */
export type TopicOffsets = ReadonlyMap<number, { readonly low: bigint; readonly high: bigint }>;

/** Offsets of those of `topics` of which every partition could be asked: a part of a sum would look like a loss. */
export async function readOffsets(
  brokers: Brokers,
  metadata: KafkaMetadata,
  topics: readonly string[],
): Promise<ReadonlyMap<string, TopicOffsets>> {
  const wanted = new Set(topics);
  const known = metadata.topics.filter(({ name, errorCode }) => wanted.has(name) && errorCode === 0);
  const whole = known.filter(({ partitions }) => partitions.every(({ leader }) => leader !== undefined));
  const led = whole.flatMap(({ name, partitions }) =>
    partitions.map(({ partition, leader }) => ({ topic: name, partition, leader: leader! })),
  );
  const found = await Promise.all(
    grouped(led, ({ leader }) => leader).map(async ([leader, own]) => {
      const places = grouped(own, ({ topic }) => topic).map(([topic, parts]) => ({
        topic,
        partitions: parts.map(({ partition }) => partition),
      }));
      const [lows, highs] = await Promise.all([list(brokers, leader, places, oldest), list(brokers, leader, places, newest)]);
      return own.map(({ topic, partition }) => ({ topic, partition, low: lows(topic, partition), high: highs(topic, partition) }));
    }),
  );
  const byTopic = grouped(found.flat(), ({ topic }) => topic);
  return new Map(byTopic.flatMap(([topic, parts]) => (parts.every(isTold) ? [[topic, offsetsOf(parts)] as const] : [])));
}

interface Found {
  readonly partition: number;
  readonly low: bigint | undefined;
  readonly high: bigint | undefined;
}

interface Told extends Found {
  readonly low: bigint;
  readonly high: bigint;
}

function isTold(found: Found): found is Told {
  return found.low !== undefined && found.high !== undefined;
}

function offsetsOf(parts: readonly Found[]): TopicOffsets {
  return new Map(parts.filter(isTold).map(({ partition, low, high }) => [partition, { low, high }]));
}

const newest = '-1';
const oldest = '-2';

/** Undefined for a partition that the broker does not tell: it leads it no more, or the topic was deleted meanwhile. */
async function list(
  brokers: Brokers,
  leader: number,
  places: readonly Places[],
  timestamp: string,
): Promise<(topic: string, partition: number) => bigint | undefined> {
  const connection = await brokers.node(leader);
  const topics = places.map(({ topic, partitions }) => ({ topic, partitions: partitions.map((partition) => ({ partition, timestamp })) }));
  const { responses } = await connection.ask(await listOffsets(), { replicaId: anyClient, isolationLevel: readUncommitted, topics });
  const told = responses.flatMap(({ topic, partitions }) =>
    partitions.flatMap(({ partition, errorCode, offset }) => (errorCode === 0 ? [[`${topic}:${partition}`, BigInt(offset)] as const] : [])),
  );
  const offsets = new Map(told);
  return (topic, partition) => offsets.get(`${topic}:${partition}`);
}

const anyClient = -1;
const readUncommitted = 0;

interface ListRequest {
  readonly replicaId: number;
  readonly isolationLevel: number;
  readonly topics: readonly { topic: string; partitions: readonly { partition: number; timestamp: string }[] }[];
}

interface ListAnswer {
  readonly responses: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number; readonly offset: string }[];
  }[];
}

/** Version 2, spoken by Kafka since 0.11. */
async function listOffsets(): Promise<Protocol<ListRequest, ListAnswer>> {
  return protocolOf(
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/listOffsets/v2/request.js')),
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/listOffsets/v2/response.js')),
  );
}
