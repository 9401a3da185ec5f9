import type * as Kafkajs from 'kafkajs';
import { MillraceError } from '../../contracts/errors.ts';
import { settledWithin } from '../once.ts';
import { type ClientSource, connectPart, dropSilentSockets, type KafkaClient, retryBehaviour } from './client.ts';
import { clusterCatcher, type InnerCluster } from './cluster.ts';
import type { ResolvedConsumerOptions } from './consumer-options.ts';

/** One life of a consumer: kafkajs's own, from joining the group to its crash. */
export interface GroupMember {
  readonly consumer: Kafkajs.Consumer;
  /** Resolves with the reason when it has ended by itself, is stuck or has lost its connection; never rejects. */
  readonly ended: Promise<Error>;
  /** Leaves the group in the time allowed, then cuts its sockets. */
  leave(limitMs: number): Promise<void>;
}

/** Told of what a member does. */
export interface MemberEvents {
  /** A sign of life: it fetched, beat or finished a batch. */
  moved(): void;
  joined(memberId: string, assigned: Readonly<Record<string, readonly number[]>>): void;
  silentForMs(): number;
}

/**
 * Connects, subscribes and begins to consume; the group is joined in the background.
 *
 * @param formerId id under which this process was in the group before. The group would wait for that member until its session ends: after the death of a
 * coordinator 13.2 s went by before the next message came, and 3.4 s when the former member is taken out first (broker session 3 s).
 */
export async function joinGroup(
  source: ClientSource,
  options: ResolvedConsumerOptions,
  events: MemberEvents,
  formerId?: string,
): Promise<GroupMember> {
  const client = await source.open();
  const catcher = clusterCatcher(client.kafkajs);
  const consumer = client.kafka.consumer({ ...consumerConfig(options), partitionAssigners: [catcher.assigner] });
  const batches = countedBatches(options.eachBatch, events);
  const ended = endOf(consumer, options, events, batches.inHand);
  listen(consumer, client, events);
  const leave = async (limitMs: number): Promise<void> => {
    ended.left();
    await settledWithin(consumer.disconnect().catch(source.tell), limitMs);
    client.sockets.end();
  };
  const starting = (async () => {
    await connectPart(source, client, consumer.connect());
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: options.fromBeginning });
    if (formerId !== undefined) await leaveAs(formerId, options.groupId, catcher.cluster());
    run(consumer, options, batches.eachBatch);
  })();
  try {
    // Joining may have to wait for the other members, and is not waited for.
    const reason = await Promise.race([starting, ended.reason]);
    if (reason instanceof Error) throw reason;
  } catch (error) {
    starting.catch(() => undefined);
    await leave(0);
    throw error;
  }
  return { consumer, ended: ended.reason, leave };
}

function run(consumer: Kafkajs.Consumer, options: ResolvedConsumerOptions, eachBatch: Kafkajs.EachBatchHandler): void {
  const { autoCommit, autoResolve, partitionsConsumedConcurrently } = options;
  consumer
    .run({ eachBatch, autoCommit, eachBatchAutoResolve: autoResolve, partitionsConsumedConcurrently })
    // Whatever goes wrong in there is a CRASH.
    .catch(() => undefined);
}

async function leaveAs(memberId: string, groupId: string, cluster: InnerCluster): Promise<void> {
  try {
    await (await cluster.findGroupCoordinator({ groupId })).leaveGroup({ groupId, memberId });
  } catch (error) {
    // The session has ended already, or the member could still leave by itself.
    if ((error as { type?: unknown }).type !== 'UNKNOWN_MEMBER_ID') throw error;
  }
}

function consumerConfig(options: ResolvedConsumerOptions): Kafkajs.ConsumerConfig {
  return {
    groupId: options.groupId,
    sessionTimeout: options.sessionTimeoutMs,
    heartbeatInterval: options.heartbeatIntervalMs,
    rebalanceTimeout: options.rebalanceTimeoutMs,
    maxWaitTimeInMs: options.maxWaitMs,
    allowAutoTopicCreation: false,
    // One that restarts itself keeps what it knew of the cluster, such as a coordinator that is gone; the supervisor builds one that knows nothing.
    retry: { ...retryBehaviour, restartOnFailure: async () => false },
  };
}

/** kafkajs does not tell of the end of a batch whose handler threw. */
function countedBatches(handler: ResolvedConsumerOptions['eachBatch'], { moved }: MemberEvents) {
  let count = 0;
  return {
    inHand: () => count,
    async eachBatch(payload: Kafkajs.EachBatchPayload): Promise<void> {
      count += 1;
      moved();
      try {
        await handler(payload);
      } finally {
        count -= 1;
        moved();
      }
    },
  };
}

function listen(consumer: Kafkajs.Consumer, client: KafkaClient, { moved, joined }: MemberEvents): void {
  const { FETCH, HEARTBEAT, GROUP_JOIN, REQUEST_TIMEOUT } = consumer.events;
  consumer.on(FETCH, moved);
  consumer.on(HEARTBEAT, moved);
  consumer.on(GROUP_JOIN, ({ payload }) => {
    moved();
    joined(payload.memberId, payload.memberAssignment);
  });
  dropSilentSockets(consumer, REQUEST_TIMEOUT, client);
}

/** A crash, an end that nobody asked for, or silence while there is nothing in hand: a handler that hangs is not mended by another consumer. */
function endOf(
  consumer: Kafkajs.Consumer,
  { groupId, maxSilenceMs }: ResolvedConsumerOptions,
  { silentForMs }: MemberEvents,
  inHand: () => number,
): { reason: Promise<Error>; left(): void } {
  let watch: NodeJS.Timeout | undefined;
  let left = (): void => undefined;
  const reason = new Promise<Error>((resolve) => {
    const { CRASH, DISCONNECT } = consumer.events;
    consumer.on(CRASH, ({ payload }) => resolve(payload.error));
    consumer.on(DISCONNECT, () => {
      // CRASH follows at once where there was one, and says more.
      setImmediate(() => resolve(new MillraceError('CONNECTION_FAILED', `consumer of group ${groupId} was disconnected`)));
    });
    left = () => resolve(new MillraceError('CONNECTION_CLOSED', `consumer of group ${groupId} has left`));
    watch = setInterval(
      () => {
        if (inHand() > 0 || silentForMs() <= maxSilenceMs) return;
        resolve(
          new MillraceError('CONNECTION_TIMEOUT', `consumer of group ${groupId} has done nothing for ${Math.round(silentForMs())} ms`),
        );
      },
      Math.ceil(maxSilenceMs / 10),
    ).unref();
  });
  return {
    reason,
    left() {
      clearInterval(watch);
      left();
    },
  };
}
