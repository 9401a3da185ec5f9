import type { CacheUser } from '../constructs/aws/elasticache/props.ts';
import { defaultUsers } from '../constructs/aws/elasticache/users.ts';
import { aclRulesOf } from '../runtime/src/contracts/redis-acl.ts';
import { ownedBy, type Topology } from '../runtime/src/contracts/topology.ts';

/** ACL users of the topology on one service, by name. */
export function aclUsersOf({ aclUsers }: Topology, service: string): string[] {
  return ownedBy(aclUsers, service).map(([name]) => name);
}

/** Users of a cache: the one that services have who ask for none, then those of the topology. */
export function cacheUsersOf(topology: Topology, service: string): readonly CacheUser[] {
  const own = aclUsersOf(topology, service).map((name) => ({ name, accessString: `on ${aclRulesOf(topology, name).join(' ')}` }));
  return [...defaultUsers, ...own];
}

/** What the machines of a set read: each user's rules by name, without any password. */
export function aclDocumentOf(topology: Topology, service: string): string {
  return JSON.stringify(
    Object.fromEntries(aclUsersOf(topology, service).map((name) => [name, aclRulesOf(topology, name).join(' ')])),
    null,
    1,
  );
}

/** Whoever the probe comes as: the user of that name, where the topology declares one; undefined means the one in the binding. */
export function probeUserOf(users: readonly { readonly name: string }[] = []): string | undefined {
  return users.find(({ name }) => name === 'probe')?.name;
}
