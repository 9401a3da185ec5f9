import type { Redis } from 'ioredis';
import { streamKey, tenantsKey } from '../../contracts/topology.ts';
import type { Routed } from './streams.ts';

/** Registers tenants that publish, once per tenant and connection: a fail-over may have forgotten the registration. */
export interface TenantRegistry {
  register(topic: string, tenants: ReadonlySet<string>): Promise<void>;
}

export function createTenantRegistry(client: Redis): TenantRegistry {
  const registered = new Set<string>();
  client.on('close', () => registered.clear());
  return {
    async register(topic, tenants) {
      const fresh = [...tenants].filter((tenant) => !registered.has(`${topic} ${tenant}`));
      if (fresh.length === 0) return;
      await client.sadd(tenantsKey(topic), fresh);
      for (const tenant of fresh) registered.add(`${topic} ${tenant}`);
    },
  };
}

/** Keys of the streams of a topic at present, of one tenant when it is named. */
export async function currentStreams(client: Redis, routed: Routed, tenant?: string): Promise<readonly string[]> {
  if (routed.topic.isolation !== 'tenant') return routed.shards;
  const tenants = tenant === undefined ? (await client.smembers(tenantsKey(routed.name))).sort() : [tenant];
  return tenants.map((name) => streamKey(routed.name, 0, name));
}
