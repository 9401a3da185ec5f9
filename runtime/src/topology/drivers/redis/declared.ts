import type { BoundService } from '../../../contracts/binding.ts';
import { aclRulesOf } from '../../../contracts/redis-acl.ts';
import { streamKey, type Topology, tenantsKey } from '../../../contracts/topology.ts';

/** A stream and the groups that consume it. */
export interface DeclaredStream {
  readonly key: string;
  readonly topic: string;
  readonly groups: readonly string[];
}

export interface DeclaredUser {
  /** Name in the topology. */
  readonly name: string;
  /** Name on the server. */
  readonly username: string;
  readonly rules: readonly string[];
}

/** A tenant that a user is bound to: the user may not enter it itself, because who may write the register can find out who is in it. */
export interface DeclaredTenant {
  readonly topic: string;
  readonly tenant: string;
  readonly register: string;
}

/** What the topology means on one Redis. */
export interface DeclaredRedis {
  readonly streams: readonly DeclaredStream[];
  /** Streams of shards that a topic had before, if it had any. */
  readonly formerStreams: readonly { readonly key: string; readonly topic: string }[];
  readonly tenants: readonly DeclaredTenant[];
  readonly users: readonly DeclaredUser[];
}

/** As far above the declared number former shards are looked for. */
const formerShards = 32;

/**
 * Streams themselves are made by the first event. Those of tenants and their groups come with the tenants, whom nobody declares: publishers enter them, and
 * consumers then make their groups. A topic's mirror has no groups, because nobody would ever acknowledge there.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID as `aclRulesOf`.
 */
export function declaredOn(topology: Topology, service: string, users: BoundService['users'] = {}): DeclaredRedis {
  const routes = Object.entries(topology.topics).flatMap(([name, topic]) =>
    topic.transports
      .filter((route) => route.kind === 'redis-streams' && route.service === service)
      .map((route) => ({ name, topic, route })),
  );
  const shared = routes.filter(({ topic }) => topic.isolation === 'shared');
  const own = Object.entries(topology.aclUsers).filter(([, user]) => user.service === service);
  const isolated = new Set(routes.filter(({ topic }) => topic.isolation === 'tenant').map(({ name }) => name));
  return {
    streams: shared.flatMap(({ name, topic, route }) => {
      const groups = route.phase === 'live' ? topic.consumers.map(({ group }) => group) : [];
      return shards(0, topic.shards).map((shard) => ({ key: streamKey(name, shard), topic: name, groups }));
    }),
    formerStreams: shared.flatMap(({ name, topic }) =>
      shards(topic.shards, formerShards).map((shard) => ({ key: streamKey(name, shard), topic: name })),
    ),
    tenants: own.flatMap(([, { tenant, topics, access }]) =>
      tenant === undefined || access === 'consume'
        ? []
        : topics.filter((topic) => isolated.has(topic)).map((topic) => ({ topic, tenant, register: tenantsKey(topic) })),
    ),
    users: own.map(([name]) => ({ name, username: users[name]?.username ?? name, rules: aclRulesOf(topology, name) })),
  };
}

function shards(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}
