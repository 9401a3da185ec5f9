import type { RabbitConnection, RabbitPublisher } from '../../connections/rabbitmq/index.ts';
import { type ConsumerDefaults, consumerSettings, type Wish } from '../../consuming/settings.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { tenantGroup } from '../../contracts/rabbit-names.ts';
import type { Subscription } from '../../transport.ts';
import type { OwnConsumers } from './lag.ts';
import { tenantProblem } from './refusals.ts';
import { createRunningKeys } from './running-keys.ts';
import { type QueueSubscription, startSubscription } from './subscription.ts';
import { makeTenantQueues } from './tenants.ts';
import type { Routed, Router } from './topics.ts';

export interface Subscriptions {
  open(topic: string, wish: Wish): Promise<Subscription>;
  own(queue: string): OwnConsumers;
  close(): Promise<void>;
}

interface SubscriptionsParts {
  readonly router: Router;
  readonly defaults: ConsumerDefaults;
  readonly holdMs: number;
  readonly publisher: RabbitPublisher;
  /** Open from the first subscription on. */
  readonly connection: () => Promise<RabbitConnection>;
}

export function createSubscriptions({ router, defaults, holdMs, publisher, connection }: SubscriptionsParts): Subscriptions {
  const open = new Set<QueueSubscription>();
  let closed = false;
  return {
    async open(topicName, wish) {
      if (closed) throw new MillraceError('CONNECTION_CLOSED', 'the transport is closed');
      const routed = router(topicName);
      const { group, tenant } = wish.options;
      requireOffered(routed, wish);
      const consuming = await connection();
      if (tenant !== undefined) await makeTenantQueues(consuming, routed, group, tenant);
      const runningKeys = createRunningKeys();
      const settings = consumerSettings(topicName, routed.topic, wish, defaults);
      const started = await startSubscription({
        ...{ connection: consuming, publisher, tenant, holdMs, drainMs: defaults.drainMs },
        settings: { ...settings, handler: runningKeys.noting(settings.handler) },
        runningKeys,
        queueGroup: tenant === undefined ? group : tenantGroup(group, tenant),
      });
      const close = (): Promise<void> => started.close().finally(() => open.delete(subscription));
      const subscription: QueueSubscription = { ...started, close, [Symbol.asyncDispose]: close };
      open.add(subscription);
      if (closed) await close();
      return subscription;
    },
    own(queue) {
      const counts = [...open].flatMap((subscription) => subscription.unsettled(queue) ?? []);
      return { consumers: counts.length, unsettled: counts.reduce((sum, count) => sum + count, 0) };
    },
    async close() {
      closed = true;
      await Promise.all([...open].map((subscription) => subscription.close()));
    },
  };
}

/** @throws {MillraceError} SUBSCRIPTION_INVALID */
function requireOffered({ name, topic }: Routed, { options: { group, tenant } }: Wish): void {
  const refuse = (sentence: string): never => {
    throw new MillraceError('SUBSCRIPTION_INVALID', sentence);
  };
  if (topic.onExhausted === 'block') {
    refuse(`topic ${name} blocks keys behind what was given up, which RabbitMQ cannot; set onExhausted to skip, or route it elsewhere`);
  }
  if (tenant !== undefined) {
    if (topic.isolation !== 'tenant') refuse(`topic ${name} does not isolate tenants, so tenant ${tenant} alone cannot be subscribed to`);
    const problem = tenantProblem(tenant);
    if (problem !== undefined) refuse(`tenant ${problem}`);
  } else if (!topic.consumers.some((consumer) => consumer.group === group)) {
    refuse(
      `topic ${name} declares no consumer of group ${group}, so RabbitMQ keeps nothing for it; add it to consumers and apply the topology`,
    );
  }
}
