import type { LoadedBinding, ServiceHandle } from '../binding/index.ts';
import type { Topology } from '../contracts/topology.ts';
import type { BatchHandler, BatchOptions, Handler, SubscribeOptions, Subscription, Transport } from '../transport.ts';
import type { TransportOptions } from '../transports/options.ts';
import { openTransportPool } from '../transports/pool.ts';
import { liveRoute } from './routes.ts';

export interface BusOptions extends Omit<TransportOptions, 'service'> {
  readonly binding: LoadedBinding;
}

/** Consumes topics wherever they travel; `close()` drains all subscriptions and closes what they went over. */
export interface Bus extends AsyncDisposable {
  /**
   * Delivers the events of `topic` over its live route. Which broker that is, the topology says: a topic that moves to another takes no change here.
   *
   * Connects as the `aclUser` of the group where the topology names one and the binding has its secret, else as the service's own user.
   *
   * @throws {MillraceError} TOPIC_UNKNOWN when the topology has no such topic; and as `Transport.subscribe` and its driver.
   */
  subscribe(topic: string, options: SubscribeOptions, handler: Handler): Promise<Subscription>;
  /** As `subscribe`, in batches. */
  subscribeBatches(topic: string, options: BatchOptions, handler: BatchHandler): Promise<Subscription>;
  /** The transport of a topic's live route, as `group` connects to it. */
  transport(topic: string, group?: string): Promise<Transport>;
  close(): Promise<void>;
}

/**
 * Opens the way from the topics of a topology to handlers. Nothing is connected before the first subscription.
 *
 * Publishing is not its business: `enqueue` writes to the outbox, and a relay per broker publishes, to the live route and to those that mirror it.
 *
 * @example
 * const binding = await loadBinding();
 * await using bus = openBus({ binding, topology: await readTopology(binding) });
 * await bus.subscribe('orders.created', { group: 'inventory', concurrency: 8 }, async (event, delivery) => {
 *   await once(database.pool, 'inventory', delivery, (client) => reserve(client, event));
 * });
 */
export function openBus({ binding, ...options }: BusOptions): Bus {
  const { topology } = options;
  const pool = openTransportPool(options);
  const transport = async (topic: string, group?: string): Promise<Transport> => {
    const { handle, user } = serviceOf(binding, topology, topic, group);
    return pool.to(`${handle.name} ${user ?? ''}`, handle);
  };
  return {
    subscribe: async (topic, subscribed, handler) => (await transport(topic, subscribed.group)).subscribe(topic, subscribed, handler),
    subscribeBatches: async (topic, subscribed, handler) =>
      (await transport(topic, subscribed.group)).subscribeBatches(topic, subscribed, handler),
    transport,
    close: pool.close,
    [Symbol.asyncDispose]: pool.close,
  };
}

/** Whom a group connects to, and as whom. */
function serviceOf(
  binding: LoadedBinding,
  topology: Topology,
  topicName: string,
  group: string | undefined,
): { handle: ServiceHandle; user: string | undefined } {
  const { topic, route } = liveRoute(topology, topicName);
  const handle = binding.service(route.service);
  const user = topic.consumers.find((consumer) => consumer.group === group)?.aclUser;
  const known = user !== undefined && Object.hasOwn(handle.service.users ?? {}, user);
  return known ? { handle: handle.as(user), user } : { handle, user: undefined };
}
