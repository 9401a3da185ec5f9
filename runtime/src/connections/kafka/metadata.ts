import type * as Kafkajs from 'kafkajs';
import { loadPeer } from '../peer.ts';
import type { Asker } from './asker.ts';
import { protocolOf } from './protocol.ts';

/** What a broker says about its cluster, errors of single topics and partitions included. */
export interface KafkaMetadata {
  readonly clusterId: string;
  /** Undefined while there is none. */
  readonly controllerId: number | undefined;
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number; readonly rack: string | null }[];
  readonly topics: readonly KafkaTopicMetadata[];
}

export interface KafkaTopicMetadata {
  readonly name: string;
  /** Error code of the protocol, 0 for none: 3 there is no such topic, 29 the user may not see it. */
  readonly errorCode: number;
  readonly partitions: readonly KafkaPartitionMetadata[];
}

export interface KafkaPartitionMetadata {
  readonly partition: number;
  /** Node id; undefined while there is none. */
  readonly leader: number | undefined;
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
}

interface MetadataAnswer {
  clusterId: string;
  controllerId: number;
  brokers: KafkaMetadata['brokers'];
  topicMetadata: { topic: string; topicErrorCode: number; partitionMetadata: Kafkajs.PartitionMetadata[] }[];
}

/** Version 6 of the request: with error codes, cluster id and controller, spoken by Kafka since 2.0. */
export async function readMetadata(asker: Asker, topics: readonly string[] | 'all'): Promise<KafkaMetadata> {
  const protocol = protocolOf<{ topics: readonly string[]; allowAutoTopicCreation: boolean }, MetadataAnswer>(
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/metadata/v6/request.js')),
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/metadata/v6/response.js')),
  );
  // An empty list means all topics, `.` is a name that none can have.
  const asked = topics === 'all' ? [] : topics.length > 0 ? topics : ['.'];
  return metadataOf(await asker.ask(protocol, { topics: asked, allowAutoTopicCreation: false }), topics);
}

function metadataOf({ clusterId, controllerId, brokers, topicMetadata }: MetadataAnswer, topics: readonly string[] | 'all'): KafkaMetadata {
  const known = topicMetadata.filter(({ topic }) => topics === 'all' || topics.includes(topic));
  return {
    clusterId,
    controllerId: controllerId < 0 ? undefined : controllerId,
    brokers,
    topics: known.map(({ topic, topicErrorCode, partitionMetadata }) => ({
      name: topic,
      errorCode: topicErrorCode,
      partitions: partitionMetadata.map(({ partitionId, leader, replicas, isr }) => ({
        partition: partitionId,
        leader: leader < 0 ? undefined : leader,
        replicas,
        inSync: isr,
      })),
    })),
  };
}
