import { connectKafka, type KafkaConnection, type KafkaNodes } from '../../connections/kafka/index.ts';
import { once } from '../../connections/once.ts';
import { unlessAborted } from '../../connections/unless-aborted.ts';
import { consumerDefaults, consumerSettings, inBatches, singly, type Wish } from '../../consuming/settings.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import type { Capabilities, Subscription, Transport } from '../../transport.ts';
import type { TransportOptions } from '../options.ts';
import { type Appender, createAppender } from './append.ts';
import { groupIdOf } from './consumer.ts';
import { deadLettersOf } from './dead-letters.ts';
import { openDeadLog } from './dead-log.ts';
import { groupLag, startGroup } from './groups.ts';
import { readHistory } from './history.ts';
import { createIncarnation } from './incarnation.ts';
import { createPublish } from './publish.ts';
import { startSubscription } from './subscription.ts';
import { createLeaderMap, type LeaderMap, routedTopic } from './topics.ts';

/** `service` is a Kafka cluster on which the topology was applied. */
export interface KafkaTopicsOptions extends TransportOptions {
  /**
   * After this silence the group takes a consumer for dead and gives its partitions to others: so long a key can wait when a process is killed, and so long the
   * event loop may be blocked.
   *
   * @default 6_000, the least that brokers accept unless told otherwise (`group.min.session.timeout.ms`)
   */
  readonly sessionTimeoutMs?: number;
}

const defaultSessionMs = 6_000;

const capabilities: Capabilities = {
  order: 'key',
  history: true,
  redelivery: true,
  groups: true,
  delay: false,
  fencing: false,
  blocking: true,
};

/**
 * Events over Kafka: CloudEvents in binary mode, one topic a topic, the partition chosen by the key.
 *
 * A partition is held by one consumer of a group at a time; within it the events of a key are handled one after the other, in the order they were published, and
 * those of different keys at once. A group's progress is kept by the cluster: the lowest offset that is not handled, and what was handled above it.
 *
 * Not guaranteed: order per key across a change of the number of partitions. A relay that was superseded is not kept out by the broker (`capabilities.fencing`).
 *
 * @throws {MillraceError} as `connectKafka`: CONNECTION_FAILED, CONNECTION_REFUSED_CREDENTIALS, CONNECTION_TLS_FAILED.
 * @example
 * await using events = await kafkaTopics({ service: binding.service('log'), topology: await readTopology(binding) });
 * await events.subscribe('orders', { group: 'inventory', concurrency: 8 }, async (event, delivery) => { await reserve(event); });
 */
export async function kafkaTopics(options: KafkaTopicsOptions): Promise<Transport> {
  const { service, topology } = options;
  const connection = await connectKafka(service, { name: `millrace ${consumerDefaults(options).consumer}` });
  const shared = await connection.nodes();
  const leaders = createLeaderMap(shared);
  const appender = createAppender(shared, leaders);
  const ground = { shared, leaders, appender };
  const topicOf = (name: string) => routedTopic(topology, service.name, name);
  const subscriptions = createSubscriptions(options, { ...ground, connection });
  const close = once(async () => {
    await subscriptions.close();
    await connection.close();
  });
  return {
    kind: 'kafka',
    capabilities,
    publish: createPublish({ topicOf, leaders, appender }),
    subscribe: (topic, subscribed, handler) => subscriptions.open(topic, singly(subscribed, handler)),
    subscribeBatches: (topic, subscribed, handler) => subscriptions.open(topic, inBatches(subscribed, handler)),
    async *read(topic, asked) {
      topicOf(topic);
      yield* readHistory(shared, leaders, topic, asked);
    },
    async startGroup(topic, group, from) {
      topicOf(topic);
      const { log } = consumerDefaults(options);
      await startGroup({ ...ground, log, sessionTimeoutMs: options.sessionTimeoutMs ?? defaultSessionMs }, topic, group, from);
    },
    deadLetters(topic, group) {
      topicOf(topic);
      return deadLettersOf(ground, topic, group);
    },
    async lag(topic, group) {
      topicOf(topic);
      return groupLag(ground, topic, group);
    },
    incarnation: createIncarnation(connection, topology, service.name),
    async ping(signal) {
      await unlessAborted(connection.metadata(), signal);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Ground {
  readonly connection: KafkaConnection;
  readonly shared: KafkaNodes;
  readonly leaders: LeaderMap;
  readonly appender: Appender;
}

interface Subscriptions {
  open(topic: string, wish: Wish): Promise<Subscription>;
  close(): Promise<void>;
}

function createSubscriptions(options: KafkaTopicsOptions, { connection, ...ground }: Ground): Subscriptions {
  const { service, topology, sessionTimeoutMs = defaultSessionMs } = options;
  const defaults = consumerDefaults(options);
  const open = new Set<Subscription>();
  let closed = false;
  const requireOpen = (): void => {
    if (closed) throw new MillraceError('CONNECTION_CLOSED', 'the transport is closed');
  };
  return {
    async open(topicName, wish) {
      requireOpen();
      const { group, tenant } = wish.options;
      const topic = routedTopic(topology, service.name, topicName);
      const settings = consumerSettings(topicName, topic, wish, defaults);
      if (tenant !== undefined && topic.isolation !== 'tenant') {
        throw new MillraceError(
          'SUBSCRIPTION_INVALID',
          `topic ${topicName} does not isolate tenants, so tenant ${tenant} alone cannot be subscribed to`,
        );
      }
      await ground.leaders.of(topicName);
      if (settings.topic.deadLetter) await requireDeadLog(ground, topicName, group);
      const nodes = await connection.nodes();
      if (closed) await nodes.close();
      requireOpen();
      const subscription: Subscription = startSubscription(
        {
          ...settings,
          ...ground,
          ...{ nodes, tenant, sessionTimeoutMs, service: service.name, drainMs: defaults.drainMs },
          groupId: groupIdOf(group, tenant),
          onLoss: options.onLoss ?? (() => undefined),
        },
        () => open.delete(subscription),
      );
      open.add(subscription);
      return subscription;
    },
    async close() {
      closed = true;
      await Promise.all([...open].map((subscription) => subscription.close()));
    },
  };
}

/** Better now than when the first event is to be set aside. */
async function requireDeadLog({ shared, leaders, appender }: Omit<Ground, 'connection'>, topic: string, group: string): Promise<void> {
  const deadLog = openDeadLog(shared, leaders, appender, topic, group);
  try {
    await deadLog.require();
  } catch (cause) {
    if (!isMillraceError(cause, 'TOPIC_UNKNOWN')) throw cause;
    throw new MillraceError(
      'TOPIC_UNKNOWN',
      `topic ${deadLog.name} for what group ${group} gives up is not on the cluster; declare the group among the consumers of ${topic} and apply the ` +
        'topology, or subscribe with deadLetter: false',
      { cause },
    );
  }
}
