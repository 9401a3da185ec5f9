import type { RabbitConnection } from '../../connections/rabbitmq/index.ts';
import type { RabbitManagement } from '../../connections/rabbitmq/management.ts';
import { deadLetterQueue } from '../../contracts/rabbit-names.ts';
import { groupObjects } from '../../contracts/rabbit-objects.ts';
import { withChannel } from './exchanges.ts';
import type { Routed } from './topics.ts';

/** Makes the queues of a consumer that is bound to one tenant. They get what is published from now on, and stay when the consumer goes. */
export async function makeTenantQueues(
  connection: RabbitConnection,
  { name, topic }: Routed,
  group: string,
  tenant: string,
): Promise<void> {
  const { queues, bindings } = groupObjects(name, topic, group, tenant);
  await withChannel(connection, async (channel) => {
    for (const queue of queues) await channel.assertQueue(queue.name, { durable: true, arguments: queue.arguments });
    for (const { destination, source, routingKey } of bindings) await channel.bindQueue(destination, source, routingKey);
  });
}

/**
 * The groups, as `tenantGroup` names them, of the consumers of `group` that are bound to one tenant: those whose queues of dead letters are on the broker.
 *
 * @throws {MillraceError} as `RabbitManagement.ask`: ACCESS_DENIED for a user without the tag `management`.
 */
export async function tenantGroupsOf(management: RabbitManagement, topic: string, group: string): Promise<string[]> {
  const { body } = await management.ask({ path: `/queues/${encodeURIComponent(management.vhost)}?columns=name` });
  const [queue, rows] = [deadLetterQueue(topic, group), Array.isArray(body) ? (body as { readonly name?: unknown }[]) : []];
  return rows
    .flatMap(({ name }) => (typeof name === 'string' && name.startsWith(`${queue}@`) ? [group + name.slice(queue.length)] : []))
    .sort();
}
