import type { Redis } from 'ioredis';
import { isMillraceError } from '../../contracts/errors.ts';
import { streamKey, type Topology, tenantsKey } from '../../contracts/topology.ts';
import type { Routed } from './streams.ts';

/** Registers tenants that publish, once per tenant and connection: a fail-over may have forgotten the registration. */
export interface TenantRegistry {
  register(topic: string, tenants: ReadonlySet<string>): Promise<void>;
}

/** Users of one tenant are refused; `millrace apply` has entered the tenants that users are bound to. */
export function createTenantRegistry(client: Redis, topology: Topology): TenantRegistry {
  const isEntered = (topic: string, tenant: string): boolean =>
    Object.values(topology.aclUsers).some((user) => user.tenant === tenant && user.topics.includes(topic));
  const registered = new Set<string>();
  client.on('close', () => registered.clear());
  return {
    async register(topic, tenants) {
      const fresh = [...tenants].filter((tenant) => !registered.has(`${topic} ${tenant}`));
      if (fresh.length === 0) return;
      try {
        await client.sadd(tenantsKey(topic), fresh);
      } catch (error) {
        if (!isMillraceError(error, 'ACCESS_DENIED') || !fresh.every((tenant) => isEntered(topic, tenant))) throw error;
      }
      for (const tenant of fresh) registered.add(`${topic} ${tenant}`);
    },
  };
}

/** Keys of the streams of a topic at present, of one tenant when it is named. */
export async function currentStreams(client: Pick<Redis, 'smembers'>, routed: Routed, tenant?: string): Promise<readonly string[]> {
  if (routed.topic.isolation !== 'tenant') return routed.shards;
  const tenants = tenant === undefined ? (await client.smembers(tenantsKey(routed.name))).sort() : [tenant];
  return tenants.map((name) => streamKey(routed.name, 0, name));
}

const tenantPrefix = 'tenant:{';

/** The tenant of a stream, `tenant:{TENANT}:stream:TOPIC`; undefined for one that is shared. */
export function tenantOf(stream: string): string | undefined {
  return stream.startsWith(tenantPrefix) ? stream.slice(tenantPrefix.length, stream.indexOf('}')) : undefined;
}
