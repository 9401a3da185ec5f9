import type { RabbitConnection } from '../../connections/rabbitmq/index.ts';
import type { RabbitManagement } from '../../connections/rabbitmq/management.ts';
import { groupQueue, shardsOf } from '../../contracts/rabbit-names.ts';
import { explained, withChannel } from './exchanges.ts';
import type { Routed } from './topics.ts';

/** Consumers of this transport on one queue. */
export interface OwnConsumers {
  readonly consumers: number;
  readonly unsettled: number;
}

interface LagParts {
  /** Not the one that publishes: a broker short of memory does not read from that one. */
  readonly connection: () => Promise<RabbitConnection>;
  /** Undefined where the binding has none. */
  readonly management: RabbitManagement | undefined;
  readonly own: (queue: string) => OwnConsumers;
}

export interface Lag {
  readonly pending: number;
  readonly undelivered: number;
}

/**
 * How far a group is behind. What is ready is counted now; what others have in hand is known to the management interface alone, as of up to 5 s ago, and not
 * counted where the binding has none.
 */
export async function lagOf({ connection, management, own }: LagParts, { name, topic }: Routed, group: string): Promise<Lag> {
  const queues = shardsOf(topic).map((shard) => groupQueue(name, group, shard));
  const asking = await connection();
  const states = await withChannel(asking, async (channel) => {
    const all = [];
    for (const queue of queues) all.push({ ...(await channel.checkQueue(queue)), queue });
    return all;
  }).catch((error: unknown) => {
    throw explained(error, asking, `queue of group ${group} for topic ${name}`);
  });
  const pending = await Promise.all(
    states.map(async ({ queue, consumerCount }) => {
      const { consumers, unsettled } = own(queue);
      if (consumerCount <= consumers || management === undefined) return unsettled;
      return Math.max(unsettled, await unacknowledgedIn(management, queue));
    }),
  );
  return { pending: sum(pending), undelivered: sum(states.map(({ messageCount }) => messageCount)) };
}

async function unacknowledgedIn(management: RabbitManagement, queue: string): Promise<number> {
  const path = `/queues/${encodeURIComponent(management.vhost)}/${encodeURIComponent(queue)}?columns=messages_unacknowledged`;
  const { body } = await management.ask({ path });
  const { messages_unacknowledged: count } = (body ?? {}) as { messages_unacknowledged?: unknown };
  return typeof count === 'number' ? count : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
