import type { BoundService } from '../../../contracts/binding.ts';
import { type DeclaredStream, type DeclaredTenant, streamsOn, tenantsOn } from '../../../contracts/declared-objects.ts';
import { aclRulesOf } from '../../../contracts/redis-acl.ts';
import { carriedBy, ownedBy, streamKey, type Topology } from '../../../contracts/topology.ts';

export interface DeclaredUser {
  /** Name in the topology. */
  readonly name: string;
  /** Name on the server. */
  readonly username: string;
  readonly rules: readonly string[];
}

/** What the topology means on one Redis. */
export interface DeclaredRedis {
  readonly streams: readonly DeclaredStream[];
  /** Shared topics whose events are ordered by key, with their streams: more of them move keys. */
  readonly ordered: readonly { readonly topic: string; readonly keys: readonly string[] }[];
  /** Topics with streams for each tenant. */
  readonly tenantTopics: readonly string[];
  readonly tenants: readonly DeclaredTenant[];
  readonly users: readonly DeclaredUser[];
}

/**
 * Streams themselves are made by the first event. Those of tenants and their groups come with the tenants, whom nobody declares: publishers enter them, and
 * consumers then make their groups.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID as `aclRulesOf`.
 */
export function declaredOn(topology: Topology, service: string, users: BoundService['users'] = {}): DeclaredRedis {
  const carried = carriedBy(topology, 'redis-streams', service);
  return {
    streams: streamsOn(topology, service),
    ordered: carried.flatMap(([topic, { isolation, ordered, shards }]) =>
      isolation === 'shared' && ordered ? [{ topic, keys: Array.from({ length: shards }, (_, shard) => streamKey(topic, shard)) }] : [],
    ),
    tenantTopics: carried.flatMap(([topic, { isolation }]) => (isolation === 'tenant' ? [topic] : [])),
    tenants: tenantsOn(topology, service),
    users: ownedBy(topology.aclUsers, service).map(([name]) => ({
      name,
      username: users[name]?.username ?? name,
      rules: aclRulesOf(topology, name),
    })),
  };
}
