import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import type { ServiceHandle } from '../../binding/index.ts';
import { connectRedis, type RedisConnection } from '../../connections/redis/index.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { consumersKey } from '../../contracts/redis-keys.ts';
import type { Topology } from '../../contracts/topology.ts';
import type { Capabilities, Handler, SubscribeOptions, Subscription, Transport } from '../../transport.ts';
import type { ConsumerLogger, Loss } from './consumer.ts';
import { createFences } from './fences.ts';
import { readHistory } from './history.ts';
import { trackIncarnation } from './incarnation.ts';
import { streamLag } from './lag.ts';
import { createPublish } from './publish.ts';
import { blockMs } from './reader.ts';
import { createRouter, type Router } from './streams.ts';
import { startSubscription } from './subscription.ts';
import { createTenantRegistry, currentStreams } from './tenants.ts';

export type { ConsumerLogger, Loss } from './consumer.ts';

export interface RedisStreamsOptions {
  /** A Redis service with the role `events`: standalone or behind sentinels, never evicting. */
  readonly service: ServiceHandle;
  readonly topology: Topology;
  /** Name of this process in consumer groups, for people who look. @default host name and process id */
  readonly consumerName?: string;
  /** How long a consumer that vanished keeps its streams from the others; renewed every third of it. @default 4_000 */
  readonly leaseMs?: number;
  /** Events in memory per subscription, handlers' and waiting ones. @default 500 */
  readonly maxUnhandled?: number;
  /** How long `close()` lets running handlers go on before it aborts their signals. @default 10_000 */
  readonly drainMs?: number;
  /** Told of entries that vanished before a group had handled them; they are logged besides. */
  readonly onLoss?: (loss: Loss) => void;
  /** @default warnings and errors to standard output */
  readonly logger?: ConsumerLogger;
}

const capabilities: Capabilities = { order: 'key', history: true, redelivery: true, groups: true, delay: false, fencing: true };

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
    subscribe: (topic, subscribeOptions, handler) => subscriptions.open(topic, subscribeOptions, handler),
    async *read(topic, { from, signal }) {
      const streams = await currentStreams(client, router(topic));
      yield* readHistory(client, topic, streams, from, signal ?? new AbortController().signal);
    },
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
    ping: (signal) => ping(client, signal),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Subscriptions {
  open(topic: string, options: SubscribeOptions, handler: Handler): Promise<Subscription>;
  close(): Promise<void>;
}

/** Opens subscriptions. They share a connection for short commands, made with the first; each has one for its blocking reads. */
function createSubscriptions(options: RedisStreamsOptions, router: Router): Subscriptions {
  const { service, leaseMs = 4_000, maxUnhandled = 500, drainMs = 10_000 } = options;
  const log = options.logger ?? pino({ name: 'millrace', level: 'warn' });
  const name = options.consumerName ?? `${hostname()}-${process.pid}`;
  const open = new Set<Subscription>();
  let control: Promise<RedisConnection> | undefined;
  let closed = false;
  return {
    async open(topicName, { group, tenant, run = '', concurrency }, handler) {
      if (closed) throw new MillraceError('CONNECTION_CLOSED', 'the transport is closed');
      const routed = router(topicName);
      if (tenant !== undefined && routed.topic.isolation !== 'tenant') {
        throw new MillraceError(
          'SUBSCRIPTION_INVALID',
          `topic ${topicName} does not isolate tenants, so tenant ${tenant} alone cannot be subscribed to`,
        );
      }
      control ??= connectRedis(service, { forStreams: true, name: 'millrace control' }).catch((error: unknown) => {
        control = undefined;
        throw error;
      });
      const { client } = await control;
      const reading = await connectRedis(service, { profile: 'consumer', forStreams: true, name: 'millrace read', maxBlockMs: blockMs });
      if (closed) {
        await reading.close();
        throw new MillraceError('CONNECTION_CLOSED', 'the transport was closed meanwhile');
      }
      const declared = routed.topic.consumers.find((consumer) => consumer.group === group);
      const started = startSubscription({
        consumer: {
          id: `${name}/${randomUUID()}`,
          consumer: name,
          group,
          leaseMs,
          topicName,
          topic: routed.topic,
          run,
          maxUnhandled,
          handler,
          control: client,
          log,
          concurrency: concurrency ?? declared?.concurrency ?? 1,
          onLoss: options.onLoss ?? (() => undefined),
        },
        reading,
        registry: consumersKey(topicName, group, tenant),
        streams: () => currentStreams(client, routed, tenant),
        drainMs,
      });
      const close = (): Promise<void> => started.close().finally(() => open.delete(subscription));
      const subscription: Subscription = { close, [Symbol.asyncDispose]: close };
      open.add(subscription);
      return subscription;
    },
    async close() {
      closed = true;
      await Promise.all([...open].map((subscription) => subscription.close()));
      await (await control)?.close();
    },
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

async function ping(client: Redis, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason);
  });
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([client.ping(), aborted]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
