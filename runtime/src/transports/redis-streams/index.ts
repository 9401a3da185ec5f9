import { randomUUID } from 'node:crypto';
import { connectRedis } from '../../connections/redis/index.ts';
import { unlessAborted } from '../../connections/unless-aborted.ts';
import { whenAsked } from '../../connections/when-asked.ts';
import { consumerDefaults, consumerSettings, inBatches, singly, type Wish } from '../../consuming/settings.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { consumersKey } from '../../contracts/redis-keys.ts';
import type { Capabilities, Subscription, Transport } from '../../transport.ts';
import type { TransportOptions } from '../options.ts';
import { streamDeadLetters } from './dead-letters.ts';
import { createFences } from './fences.ts';
import { readHistory } from './history.ts';
import { trackIncarnation } from './incarnation.ts';
import { streamLag } from './lag.ts';
import { createPublish } from './publish.ts';
import { blockMs } from './reader.ts';
import { startGroup } from './start-group.ts';
import { createRouter, type Router } from './streams.ts';
import { startSubscription } from './subscription.ts';
import { createTenantRegistry, currentStreams } from './tenants.ts';

export type { ConsumerLogger, Loss } from '../../consuming/consumer.ts';

/** `service` is a Redis with the role `events`: standalone or behind sentinels, never evicting. */
export interface RedisStreamsOptions extends TransportOptions {
  /** How long a consumer that vanished keeps its streams from the others; renewed every third of it. @default 4_000 */
  readonly leaseMs?: number;
}

const capabilities: Capabilities = {
  order: 'key',
  history: true,
  redelivery: true,
  groups: true,
  delay: false,
  fencing: true,
  blocking: true,
};

/**
 * Events over Redis Streams: one stream per shard of a topic, or per tenant of an isolated one.
 *
 * A stream is held by one consumer of a group at a time, so the events of a key are handled one after the other, in the order they were published.
 * Redis acknowledges before it replicates: after a fail-over acknowledged events may be missing, which `incarnation()` and the fence tell the publisher.
 *
 * @throws {MillraceError} as `connectRedis`: CONNECTION_FAILED, CONNECTION_REFUSED_CREDENTIALS, REDIS_EVICTS, REDIS_NOT_MASTER.
 * @example
 * await using events = await redisStreams({ service: binding.service('events'), topology: await readTopology(binding) });
 * await events.subscribe('orders', { group: 'inventory' }, async (event, delivery) => { await reserve(event); });
 */
export async function redisStreams(options: RedisStreamsOptions): Promise<Transport> {
  const { service, topology } = options;
  const connection = await connectRedis(service, { forStreams: true, name: 'millrace publish' });
  const { client } = connection;
  const router = createRouter(topology, service.name);
  const fences = createFences();
  const incarnation = trackIncarnation(client, () => fences.forget());
  const subscriptions = createSubscriptions(options, router);
  const close = async (): Promise<void> => {
    await subscriptions.close();
    await connection.close();
  };
  return {
    kind: 'redis-streams',
    capabilities,
    publish: createPublish({ client, router, fences, incarnation, tenants: createTenantRegistry(client, topology) }),
    subscribe: (topic, subscribeOptions, handler) => subscriptions.open(topic, singly(subscribeOptions, handler)),
    subscribeBatches: (topic, batchOptions, handler) => subscriptions.open(topic, inBatches(batchOptions, handler)),
    async *read(topic, { from, tenant, signal }) {
      const streams = await currentStreams(client, router(topic), tenant);
      for await (const past of readHistory(client, topic, streams, from, signal ?? new AbortController().signal)) {
        if (tenant === undefined || past.event.tenantid === tenant) yield past;
      }
    },
    async startGroup(topic, group, from) {
      const streams = await currentStreams(client, router(topic));
      await startGroup(client, topic, streams, group, from);
    },
    deadLetters: (topic, group) => streamDeadLetters(client, router(topic), group),
    async lag(topic, group) {
      const streams = await currentStreams(client, router(topic));
      const lags = await Promise.all(streams.map((stream) => streamLag(client, stream, group)));
      return { pending: sum(lags.map(({ pending }) => pending)), undelivered: sum(lags.map(({ undelivered }) => undelivered)) };
    },
    async incarnation() {
      const current = await incarnation.ask();
      fences.forgetLoss();
      return current;
    },
    async ping(signal) {
      await unlessAborted(client.ping(), signal);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Subscriptions {
  open(topic: string, wish: Wish): Promise<Subscription>;
  close(): Promise<void>;
}

/** Opens subscriptions. They share a connection for short commands, made with the first; each has one for its blocking reads. */
function createSubscriptions(options: RedisStreamsOptions, router: Router): Subscriptions {
  const { service, leaseMs = 4_000 } = options;
  const defaults = consumerDefaults(options);
  const open = new Set<Subscription>();
  const control = whenAsked(() => connectRedis(service, { forStreams: true, name: 'millrace control' }));
  let closed = false;
  return {
    async open(topicName, wish) {
      const { group, tenant } = wish.options;
      if (closed) throw new MillraceError('CONNECTION_CLOSED', 'the transport is closed');
      const routed = router(topicName);
      if (tenant !== undefined && routed.topic.isolation !== 'tenant') {
        throw new MillraceError(
          'SUBSCRIPTION_INVALID',
          `topic ${topicName} does not isolate tenants, so tenant ${tenant} alone cannot be subscribed to`,
        );
      }
      const { client } = await control.get();
      const reading = await connectRedis(service, { profile: 'consumer', forStreams: true, name: 'millrace read', maxBlockMs: blockMs });
      if (closed) {
        await reading.close();
        throw new MillraceError('CONNECTION_CLOSED', 'the transport was closed meanwhile');
      }
      const started = startSubscription({
        consumer: {
          ...consumerSettings(topicName, routed.topic, wish, defaults),
          id: `${defaults.consumer}/${randomUUID()}`,
          leaseMs,
          control: client,
          onLoss: options.onLoss ?? (() => undefined),
        },
        reading,
        registry: consumersKey(topicName, group, tenant),
        streams: () => currentStreams(client, routed, tenant),
        drainMs: defaults.drainMs,
      });
      const close = (): Promise<void> => started.close().finally(() => open.delete(subscription));
      const subscription: Subscription = { close, [Symbol.asyncDispose]: close };
      open.add(subscription);
      return subscription;
    },
    async close() {
      closed = true;
      await Promise.all([...open].map((subscription) => subscription.close()));
      await control.close();
    },
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
