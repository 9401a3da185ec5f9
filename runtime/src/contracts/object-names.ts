import type { ServiceKind } from './binding.ts';
import { canonicalLine } from './canonical-json.ts';
import { bindingsOn, lifecyclesOn, repositoriesOn, streamsOn, tenantsOn } from './declared-objects.ts';
import { type ExchangeBinding, topicObjectsOn } from './rabbit-objects.ts';
import { carriedBy, deadLetterTopics, ownedBy, servicesOf, type Topology } from './topology.ts';

const redisKinds = ['stream', 'group', 'tenant', 'tenant-streams', 'user'] as const;

/** Kinds of objects on each kind of server that has a driver, as the names of changes have them; in an order in which they can be made. */
export const objectKinds = {
  kafka: ['topic'],
  rabbitmq: ['queue', 'exchange', 'binding'],
  redis: redisKinds,
  'redis-sentinel': redisKinds,
  opensearch: ['repository', 'snapshots', 'lifecycle', 'template', 'data-stream', 'alias', 'role'],
} as const satisfies { readonly [K in ServiceKind]?: readonly string[] };
/** Kinds of servers with objects on them. */
export type DrivenKind = keyof typeof objectKinds;
export type ObjectKind = (typeof objectKinds)[DrivenKind][number];

/** `SERVICE/KIND/NAME`; some names have parts: `events/group/stream:{orders:0}/emails`. */
export function objectName(service: string, kind: ObjectKind, ...parts: readonly [string, ...string[]]): string {
  return [service, kind, ...parts].join('/');
}

/**
 * `EXCHANGE/QUEUE/ROUTING-KEY`, with `HEADER=VALUE,...` after it where there are any and `exchange:` before a destination that is one. No two bindings share
 * it: what separates is percent-encoded within the parts, and a value that is no text follows `:=`.
 */
export function bindingName(binding: ExchangeBinding): string {
  const { source, destination, destinationType, routingKey, arguments: headers } = binding;
  const to = `${destinationType === 'exchange' ? 'exchange:' : ''}${encoded(destination)}`;
  const conditions = Object.keys(headers)
    .sort()
    .map((name) => `${encoded(name)}${conditionOf(headers[name])}`)
    .join(',');
  return [encoded(source), to, encoded(routingKey, /[%/,=]/g), conditions].filter((part, index) => index < 2 || part !== '').join('/');
}

function conditionOf(value: unknown): string {
  return typeof value === 'string' ? `=${encoded(value)}` : `:=${encoded(canonicalLine(value))}`;
}

function encoded(text: string, separators = /[%/,=:]/g): string {
  return text.replace(separators, encodeURIComponent);
}

/** Names of every object that the topology declares, in no certain order. What a server turns out not to take, for want of a plugin, is among them. */
export function declaredNames(topology: Topology): string[] {
  return servicesOf(topology).flatMap((service) => [
    ...topicNames(topology, service),
    ...brokerNames(topology, service),
    ...redisNames(topology, service),
    ...searchNames(topology, service),
  ]);
}

function topicNames(topology: Topology, service: string): string[] {
  return carriedBy(topology, 'kafka', service)
    .flatMap(([name, topic]) => [name, ...deadLetterTopics(name, topic)])
    .map((name) => objectName(service, 'topic', name));
}

function brokerNames(topology: Topology, service: string): string[] {
  const forTopics = topicObjectsOn(topology, service);
  const names = (objects: readonly { readonly name: string }[]) => objects.map(({ name }) => name);
  return [
    ...[...ownedBy(topology.queues, service).map(([name]) => name), ...names(forTopics.queues)].map((name) =>
      objectName(service, 'queue', name),
    ),
    ...[...ownedBy(topology.exchanges, service).map(([name]) => name), ...names(forTopics.exchanges)].map((name) =>
      objectName(service, 'exchange', name),
    ),
    ...[...bindingsOn(topology, service), ...forTopics.bindings].map((binding) => objectName(service, 'binding', bindingName(binding))),
  ];
}

function redisNames(topology: Topology, service: string): string[] {
  return [
    ...streamsOn(topology, service).flatMap(({ key, groups }) => groups.map((group) => objectName(service, 'group', key, group))),
    ...tenantsOn(topology, service).map(({ topic, tenant }) => objectName(service, 'tenant', topic, tenant)),
    ...ownedBy(topology.aclUsers, service).map(([name]) => objectName(service, 'user', name)),
  ];
}

function searchNames(topology: Topology, service: string): string[] {
  return [
    ...repositoriesOn(topology, service).map((name) => objectName(service, 'repository', name)),
    ...ownedBy(topology.snapshots, service).map(([name]) => objectName(service, 'snapshots', name)),
    ...lifecyclesOn(topology, service).map((name) => objectName(service, 'lifecycle', name)),
    ...ownedBy(topology.indices, service).flatMap(([name, { dataStream }]) => [
      objectName(service, 'template', name),
      objectName(service, dataStream ? 'data-stream' : 'alias', name),
    ]),
    ...ownedBy(topology.searchRoles, service).map(([name]) => objectName(service, 'role', name)),
  ];
}

/** Tells whether a name is one of the patterns; `*` stands for any text. */
export function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(literally).join('[^]*')}$`));
  return (name) => expressions.some((expression) => expression.test(name));
}

function literally(text: string): string {
  return text.replace(/[\\^$.|?+()[\]{}]/g, '\\$&');
}
