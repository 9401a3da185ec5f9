import { once } from '../../connections/once.ts';
import { connectRabbit, type RabbitConnection } from '../../connections/rabbitmq/index.ts';
import { managementOf, type RabbitManagement } from '../../connections/rabbitmq/management.ts';
import { whenAsked } from '../../connections/when-asked.ts';
import { consumerDefaults, inBatches, singly } from '../../consuming/settings.ts';
import type { Capabilities, Transport } from '../../transport.ts';
import type { TransportOptions } from '../options.ts';
import { deadLettersOf } from './dead-letters.ts';
import { createExchanges } from './exchanges.ts';
import { incarnationOf } from './incarnation.ts';
import { lagOf } from './lag.ts';
import { createPinger } from './ping.ts';
import { createPublish } from './publish.ts';
import { createSubscriptions } from './subscriptions.ts';
import { createRouter } from './topics.ts';
import { createTurns } from './turns.ts';
import { createWindow } from './window.ts';

export interface RabbitQueuesOptions extends TransportOptions {
  /**
   * How long a message may be in memory before it is given back and comes again, in milliseconds; below `consumer_timeout` of the broker, which ends the
   * channel of a consumer that keeps one longer. @default 1_200_000, of the broker's 30 minutes
   */
  readonly holdMs?: number;
}

const capabilities: Capabilities = {
  order: 'key',
  history: false,
  redelivery: true,
  groups: true,
  delay: true,
  fencing: false,
  blocking: false,
};

/** Messages that wait for a confirm. */
const windowSize = 400;

/**
 * Events over RabbitMQ: a topic exchange, and for each group of the topic one quorum queue a shard, which one consumer of the group has at a time. `millrace
 * apply` makes them.
 *
 * Nothing is kept but for the groups that the topology declares: what a topic without groups is given counts as published and is gone. Not guaranteed: that
 * every group has its queue, for the broker tells a publisher only that some queue took a message; `millrace apply --check` shows what is missing. The order of
 * a key holds over the end of a process where the consumers of a group have the same `maxUnhandled`: a queue appends what it is given back to what it was
 * given back before.
 *
 * @throws {MillraceError} as `connectRabbit`: CONNECTION_FAILED, CONNECTION_REFUSED_CREDENTIALS, CONNECTION_TLS_FAILED, ACCESS_DENIED.
 * @example
 * await using events = await rabbitQueues({ service: binding.service('tasks', 'rabbitmq'), topology: await readTopology(binding) });
 * await events.subscribe('orders', { group: 'inventory' }, async (event, delivery) => { await reserve(event); });
 */
export async function rabbitQueues(options: RabbitQueuesOptions): Promise<Transport> {
  const { service, topology, holdMs = 1_200_000 } = options;
  const router = createRouter(topology, service.name);
  const publishing = await connectRabbit(service, { name: 'millrace publish' });
  const publisher = await openOrClose(publishing, () => publishing.openPublisher());
  const consuming = whenAsked(() => connectRabbit(service, { name: 'millrace consume' }));
  const management = managementWhereBound(options);
  const defaults = consumerDefaults(options);
  const subscriptions = createSubscriptions({ router, defaults, holdMs, publisher, connection: consuming.get });
  const close = once(async () => {
    await subscriptions.close();
    await Promise.all([consuming.close(), publishing.close(), management?.[Symbol.asyncDispose]()]);
  });
  return {
    kind: 'rabbitmq',
    capabilities,
    publish: createPublish({
      ...{ publisher, router, exchanges: createExchanges(publishing) },
      ...{ window: createWindow(windowSize), turns: createTurns() },
    }),
    subscribe: (topic, subscribeOptions, handler) => subscriptions.open(topic, singly(subscribeOptions, handler)),
    subscribeBatches: (topic, batchOptions, handler) => subscriptions.open(topic, inBatches(batchOptions, handler)),
    deadLetters: (topic, group) => deadLettersOf({ routed: router(topic), group, publisher, management, connection: consuming.get }),
    lag: (topic, group) => lagOf({ connection: consuming.get, management, own: subscriptions.own }, router(topic), group),
    incarnation: () => incarnationOf(management),
    ping: createPinger(publishing),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function openOrClose<T>(connection: RabbitConnection, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function managementWhereBound({ service }: TransportOptions): RabbitManagement | undefined {
  return service.service.endpoints.some(({ purpose }) => purpose === 'management') ? managementOf(service) : undefined;
}
