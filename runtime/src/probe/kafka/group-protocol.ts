import type { Protocol } from '../../connections/kafka/asker.ts';
import { protocolOf } from '../../connections/kafka/protocol.ts';
import { loadPeer } from '../../connections/peer.ts';

/** Partitions of a topic. */
export interface Places {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** Broker that looks after a group. Version 1, spoken by Kafka since 0.11. */
export async function findCoordinator(): Promise<
  Protocol<
    { readonly coordinatorKey: string; readonly coordinatorType: number },
    { readonly errorCode: number; readonly coordinator: { readonly nodeId: number } }
  >
> {
  return protocolOf(
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/findCoordinator/v1/request.js')),
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/findCoordinator/v1/response.js')),
  );
}

/** What a group has committed; -1 where it is nothing. */
export interface CommittedAnswer {
  readonly errorCode: number;
  readonly responses: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number; readonly offset: string }[];
  }[];
}

/** Version 3, spoken by Kafka since 0.11; of several groups at once only versions can ask that older brokers do not know. */
export async function fetchOffsets(): Promise<
  Protocol<
    { readonly groupId: string; readonly topics: readonly { topic: string; partitions: readonly { partition: number }[] }[] },
    CommittedAnswer
  >
> {
  return protocolOf(
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/offsetFetch/v3/request.js')),
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/offsetFetch/v3/response.js')),
  );
}

export interface GroupDescription {
  readonly groupId: string;
  readonly errorCode: number;
  /** `Stable`, `Empty` and others; `Dead` is one that the coordinator does not know. */
  readonly state: string;
  readonly members: readonly unknown[];
}

/** Members of groups that have the same coordinator. Version 2, spoken by Kafka since 2.0. */
export async function describeGroups(): Promise<
  Protocol<{ readonly groupIds: readonly string[] }, { readonly groups: readonly GroupDescription[] }>
> {
  return protocolOf(
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/describeGroups/v2/request.js')),
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/describeGroups/v2/response.js')),
  );
}
