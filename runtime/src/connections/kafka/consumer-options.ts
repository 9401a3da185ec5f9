import type * as Kafkajs from 'kafkajs';

/** Options of `KafkaConnection.consumer`. */
export interface KafkaConsumerOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /**
   * Gets the batches of a partition one after the other. What it has resolved when it returns is committed, unless `autoCommit` is off. Throwing has the rest
   * delivered again, here or elsewhere; a handler that is slow must call `heartbeat()` within `sessionTimeoutMs`.
   */
  readonly eachBatch: (payload: Kafkajs.EachBatchPayload) => Promise<void>;
  /** Where a group without committed offsets begins. @default true */
  readonly fromBeginning?: boolean;
  /** Commit what was resolved after each batch. @default true */
  readonly autoCommit?: boolean;
  /** Resolve all of a batch when `eachBatch` returns. @default true */
  readonly autoResolve?: boolean;
  /** Partitions handled at a time. @default 1 */
  readonly partitionsConsumedConcurrently?: number;
  /** After this silence the group takes a member for dead; brokers accept 6_000 and more unless told otherwise. @default 10_000 */
  readonly sessionTimeoutMs?: number;
  /** @default a fifth of `sessionTimeoutMs` */
  readonly heartbeatIntervalMs?: number;
  /** Time the members have to rejoin in a rebalance; a batch in hand counts. @default 10_000 */
  readonly rebalanceTimeoutMs?: number;
  /** Time a broker holds back an empty answer; long ones make rebalances as long. @default 200 */
  readonly maxWaitMs?: number;
  /** A consumer that fetches, joins and beats nothing for so long, with no batch in hand, is built anew. @default `rebalanceTimeoutMs` + 5_000 */
  readonly maxSilenceMs?: number;
}

export type ResolvedConsumerOptions = Required<KafkaConsumerOptions>;

/** Every default. */
export function resolveConsumerOptions(options: KafkaConsumerOptions): ResolvedConsumerOptions {
  const sessionTimeoutMs = options.sessionTimeoutMs ?? 10_000;
  const rebalanceTimeoutMs = options.rebalanceTimeoutMs ?? 10_000;
  return {
    groupId: options.groupId,
    topics: options.topics,
    eachBatch: options.eachBatch,
    fromBeginning: options.fromBeginning ?? true,
    autoCommit: options.autoCommit ?? true,
    autoResolve: options.autoResolve ?? true,
    partitionsConsumedConcurrently: options.partitionsConsumedConcurrently ?? 1,
    sessionTimeoutMs,
    heartbeatIntervalMs: options.heartbeatIntervalMs ?? Math.ceil(sessionTimeoutMs / 5),
    rebalanceTimeoutMs,
    maxWaitMs: options.maxWaitMs ?? 200,
    maxSilenceMs: options.maxSilenceMs ?? rebalanceTimeoutMs + 5_000,
  };
}
