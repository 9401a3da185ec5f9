import type { KafkaNodes } from '../../connections/kafka/index.ts';
import type { ConsumerSettings, Loss } from '../../consuming/consumer.ts';
import type { Appender } from './append.ts';
import type { HeldPartition } from './held-partition.ts';
import type { LeaderMap } from './topics.ts';

/** What the parts of one subscription share. */
export interface Consumer extends ConsumerSettings {
  /** Name of the group on the cluster; of a consumer that is bound to a tenant it is a group of its own. */
  readonly groupId: string;
  readonly tenant: string | undefined;
  /** Name of the service, for the scope of fences. */
  readonly service: string;
  readonly sessionTimeoutMs: number;
  readonly drainMs: number;
  /** Brokers, over sockets of this subscription's own: what others wait for must not keep a heartbeat waiting. */
  readonly nodes: KafkaNodes;
  /** Brokers, over the transport's sockets. */
  readonly shared: KafkaNodes;
  readonly leaders: LeaderMap;
  /** For dead letters. */
  readonly appender: Appender;
  readonly onLoss: (loss: Loss) => void;
  readonly held: Map<number, HeldPartition>;
  /** Partitions that were lost because their topic was made anew, until they are taken over again. */
  readonly gone: Map<number, HeldPartition>;
  /** Gives up a partition that is not, or not surely, ours any more. */
  lose(held: HeldPartition): void;
}

/** A consumer that is bound to a tenant must not take its events from the consumers of all. */
export function groupIdOf(group: string, tenant: string | undefined): string {
  return tenant === undefined ? group : `${group}@${tenant}`;
}
