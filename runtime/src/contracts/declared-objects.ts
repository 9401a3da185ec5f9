import type { ExchangeBinding } from './rabbit-objects.ts';
import { carriedBy, ownedBy, routeOver, streamKey, type Topology, tenantsKey } from './topology.ts';

/** A stream that all tenants share, and the groups that consume it. */
export interface DeclaredStream {
  readonly key: string;
  readonly topic: string;
  readonly groups: readonly string[];
}

/** The shared streams on a Redis. A topic's mirror has no groups, because nobody would ever acknowledge there. */
export function streamsOn(topology: Topology, service: string): DeclaredStream[] {
  return carriedBy(topology, 'redis-streams', service).flatMap(([topic, declared]) => {
    if (declared.isolation !== 'shared') return [];
    const isLive = routeOver(declared, 'redis-streams', service)?.phase === 'live';
    const groups = isLive ? declared.consumers.map(({ group }) => group) : [];
    return Array.from({ length: declared.shards }, (_, shard) => ({ key: streamKey(topic, shard), topic, groups }));
  });
}

/** A tenant that a user is bound to: the user may not enter it itself, because who may write the register can find out who is in it. */
export interface DeclaredTenant {
  readonly topic: string;
  readonly tenant: string;
  readonly register: string;
}

/** The tenants whose users publish on a Redis, for each of their topics. */
export function tenantsOn(topology: Topology, service: string): DeclaredTenant[] {
  const carried = carriedBy(topology, 'redis-streams', service);
  const isolated = new Set(carried.flatMap(([name, { isolation }]) => (isolation === 'tenant' ? [name] : [])));
  return ownedBy(topology.aclUsers, service).flatMap(([, { tenant, topics, access }]) =>
    tenant === undefined || access === 'consume' || access === 'observe'
      ? []
      : topics.filter((topic) => isolated.has(topic)).map((topic) => ({ topic, tenant, register: tenantsKey(topic) })),
  );
}

/** The declared bindings of the declared exchanges on a RabbitMQ; those of topics and delays are in `topicObjectsOn`. */
export function bindingsOn({ bindings, exchanges }: Topology, service: string): ExchangeBinding[] {
  const own = new Set(ownedBy(exchanges, service).map(([name]) => name));
  return bindings.filter(({ exchange }) => own.has(exchange)).map(bindingOf);
}

function bindingOf({ exchange, queue, routingKey, headers, match = 'all' }: Topology['bindings'][number]): ExchangeBinding {
  return {
    source: exchange,
    destination: queue,
    destinationType: 'queue',
    routingKey,
    arguments: headers === undefined ? {} : { ...headers, 'x-match': match },
  };
}

/** Names of the lifecycles that indices on an OpenSearch are under, sorted. */
export function lifecyclesOn({ indices, lifecycles }: Topology, service: string): string[] {
  const used = ownedBy(indices, service).flatMap(([, { lifecycle }]) => (lifecycle === undefined ? [] : [lifecycle]));
  return [...new Set(used)].filter((name) => lifecycles[name] !== undefined).sort();
}

/** Of indices that are archived where no snapshot policy names a repository. */
const defaultRepository = 'archive';

/** Names of the repositories that are meant on an OpenSearch, sorted. It has one place for snapshots, so only the first of them can be made. */
export function repositoriesOn(topology: Topology, service: string): string[] {
  const named = ownedBy(topology.snapshots, service).map(([, { repository }]) => repository);
  if (named.length > 0) return [...new Set(named)].sort();
  return lifecyclesOn(topology, service).some((name) => topology.lifecycles[name]!.archive) ? [defaultRepository] : [];
}
