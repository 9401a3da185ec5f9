import type { Topic } from './topology.ts';

/** Objects on a RabbitMQ that carry a topic. The exchange has the name of the topic. */

/** Queue of the events of one shard for a group, `orders.created.inventory.0`; one consumer of the group takes from it at a time. */
export function groupQueue(topic: string, group: string, shard: number): string {
  return `${topic}.${group}.${shard}`;
}

/** Queue of the attempts that a group has begun and not ended, for one shard: by it a message that kills its process is found out. */
export function attemptsQueue(topic: string, group: string, shard: number): string {
  return `${groupQueue(topic, group, shard)}.attempts`;
}

/** Queue of what `group` has given up. */
export function deadLetterQueue(topic: string, group: string): string {
  return `${topic}.dead.${group}`;
}

/** The group of a consumer that is bound to one tenant: it has queues of its own, so that no other tenant's event ever reaches it. */
export function tenantGroup(group: string, tenant: string): string {
  return `${group}@${tenantWord(tenant) ?? ''}`;
}

/** Whether a queue is one that a tenant-bound consumer of `topic` has made for itself. */
export function isTenantQueue(topic: string, queue: string): boolean {
  return queue.startsWith(`${topic}.`) && /^(?:dead\.)?[a-z0-9-]+@[^.]+(?:\.\d+(?:\.attempts)?)?$/.test(queue.slice(topic.length + 1));
}

/** Events of shard `shard` and tenant `tenant`, `3.acme`; `3.-` of none, and of one whose name is too long to be bound by. */
export function eventRoutingKey(shard: number, tenant: string | undefined): string {
  return `${shard}.${(tenant === undefined ? undefined : tenantWord(tenant)) ?? '-'}`;
}

/** What a group's queue takes: its shard, of all tenants or of one. */
export function eventBindingKey(shard: number, tenant?: string): string {
  return tenant === undefined ? `${shard}.*` : eventRoutingKey(shard, tenant);
}

/** Lanes of a topic on RabbitMQ; tenants have none of their own there. */
export function shardsOf({ shards }: Pick<Topic, 'shards'>): number[] {
  return Array.from({ length: shards }, (_, shard) => shard);
}

/** Characters of a topic's name on RabbitMQ. Names of queues and routing keys have room for 255, with group, tenant, shard and delay in them. */
export const longestTopicOnRabbit = 100;
/** Characters of a tenant in a routing key. */
export const longestTenantWord = 64;

const tenantWords = new Map<string, string | undefined>();
const rememberedTenants = 10_000;

/** A tenant as one word of a routing key that stands for itself; no two tenants share one. Undefined when it would be too long. */
export function tenantWord(tenant: string): string | undefined {
  if (tenantWords.has(tenant)) return tenantWords.get(tenant);
  const word = encodedWord(tenant);
  if (tenantWords.size >= rememberedTenants) tenantWords.clear();
  tenantWords.set(tenant, word);
  return word;
}

/** What has a meaning in patterns and names of queues, and what percent-encoding leaves of it; `-` alone means none. */
const meaningful = /[.!~*'()]|^-$/g;

function encodedWord(text: string): string | undefined {
  if (text === '' || text.length > longestTenantWord || /\p{Surrogate}/u.test(text)) return undefined;
  const word = encodeURIComponent(text).replace(meaningful, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  return word.length > longestTenantWord ? undefined : word;
}
