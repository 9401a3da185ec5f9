import type { ServiceKind } from '../runtime/src/contracts/binding.ts';
import type { TopologyInput, TransportKind } from '../runtime/src/contracts/topology.ts';
import type { EnvironmentInput } from './declaration.ts';

type Topics = NonNullable<TopologyInput['topics']>;
type TopicSettings = Omit<Topics[string], 'transports'> & { readonly on: readonly TransportKind[] };

const day = 24;
const year = 365 * day;

/** What Redis keeps of an event stream when its memory cannot hold the whole retention: a week, enough to rebuild a read model. */
const window = { windowHours: 7 * day };

/**
 * The reference topics. `on` is in order of preference: the first transport that the environment has is live, the others mirror it, so that a topic can be
 * moved later without a gap.
 */
const topics: Readonly<Record<string, TopicSettings>> = {
  'orders.created': {
    on: ['redis-streams', 'kafka'],
    shards: 4,
    partitions: 6,
    retentionHours: 30 * day,
    ...window,
    consumers: [
      { group: 'inventory', aclUser: 'inventory' },
      { group: 'emails', aclUser: 'emails' },
    ],
  },
  'orders.updated': {
    on: ['redis-streams', 'kafka'],
    shards: 4,
    partitions: 6,
    retentionHours: 30 * day,
    ...window,
    consumers: [{ group: 'inventory', aclUser: 'inventory' }],
  },
  'products.synced': {
    on: ['redis-streams', 'kafka'],
    shards: 2,
    retentionHours: 7 * day,
    tenantless: true,
    consumers: [{ group: 'search' }],
  },
  'users.activity': { on: ['redis-streams', 'kafka'], shards: 2, retentionHours: 90 * day, ...window },
  /** Compliance: two years in the log, the archive keeps what the law asks for. */
  'audit.logs': {
    on: ['redis-streams', 'kafka'],
    retentionHours: 2 * year,
    ...window,
    onExhausted: 'block',
    consumers: [{ group: 'audit', aclUser: 'audit' }],
  },
  'analytics.events': { on: ['kafka'], partitions: 12, retentionHours: year, ordered: false },
  /** Buffer between the services' logs and OpenSearch: long enough for a weekend without it. */
  'service.logs': { on: ['kafka'], partitions: 6, retentionHours: 3 * day, ordered: false, tenantless: true },
  notifications: { on: ['redis-streams'], isolation: 'tenant', retentionHours: day },
  activity: { on: ['redis-streams'], isolation: 'tenant', retentionHours: 7 * day },
  chat: { on: ['redis-streams'], isolation: 'tenant', retentionHours: 30 * day },
  metrics: { on: ['redis-streams'], shards: 2, retentionHours: 1, ordered: false, tenantless: true },
};

/** One user per consumer group and service role, with the keys and commands of its own topics alone. */
const aclUsers: Readonly<Record<string, Omit<NonNullable<TopologyInput['aclUsers']>[string], 'service'>>> = {
  relay: { topics: Object.keys(topics).filter((name) => topics[name]!.on.includes('redis-streams')), access: 'produce' },
  inventory: { topics: ['orders.created', 'orders.updated'], groups: ['inventory'], access: 'consume' },
  emails: { topics: ['orders.created'], groups: ['emails'], access: 'consume' },
  audit: { topics: ['audit.logs'], groups: ['audit'], access: 'consume' },
  gateway: { topics: ['notifications', 'activity', 'chat'], access: 'consume' },
};

/**
 * The reference topology, restricted to what the declared services can carry: declaring one more service is all it takes to use it.
 *
 * @example
 * const services = { cache: { kind: 'redis', role: 'cache' } } as const;
 * export const mine: EnvironmentInput = { ..., services, topology: referenceTopology(services, 'process') };
 */
export function referenceTopology(
  services: NonNullable<EnvironmentInput['services']>,
  engine: EnvironmentInput['engine']['kind'],
): TopologyInput {
  const find = (...kinds: ServiceKind[]) =>
    Object.entries(services).find(([, { kind, role }]) => kinds.includes(kind) && role !== 'cache' && role !== 'jobs')?.[0];
  const carriers = { 'redis-streams': find('redis', 'redis-sentinel'), kafka: find('kafka'), rabbitmq: find('rabbitmq') };
  return {
    topics: routedTopics(carriers),
    ...(carriers['redis-streams'] === undefined ? {} : { aclUsers: usersOf(carriers['redis-streams']) }),
    ...tasks(carriers.rabbitmq),
    ...search(find('opensearch'), engine === 'aws' ? 1 : 0),
  };
}

function routedTopics(carriers: Readonly<Record<TransportKind, string | undefined>>): Topics {
  const rows = Object.entries(topics).flatMap(([name, { on, consumers = [], ...settings }]) => {
    const transports = on.flatMap((kind) => (carriers[kind] === undefined ? [] : [{ kind, service: carriers[kind] }]));
    const routed = transports.map((route, index) => ({ ...route, phase: index === 0 ? ('live' as const) : ('mirror' as const) }));
    const onRedis = routed.some(({ kind }) => kind === 'redis-streams');
    const groups = consumers.map(({ aclUser, ...consumer }) => (onRedis && aclUser !== undefined ? { ...consumer, aclUser } : consumer));
    return routed.length === 0 ? [] : [[name, { ...settings, transports: routed, consumers: groups }] as const];
  });
  return Object.fromEntries(rows);
}

function usersOf(service: string): NonNullable<TopologyInput['aclUsers']> {
  return Object.fromEntries(Object.entries(aclUsers).map(([name, user]) => [name, { service, ...user }]));
}

/** Work queues with their dead letters, and the two exchanges that feed them. */
function tasks(service: string | undefined): Pick<TopologyInput, 'queues' | 'exchanges' | 'bindings'> {
  if (service === undefined) return {};
  const deadLetterQueue = 'tasks.dlq';
  return {
    queues: {
      emails: { service, ttlSeconds: day * 3_600, prefetch: 50, maxRetries: 5, deadLetterQueue },
      pdfs: { service, prefetch: 2, maxRetries: 5, deadLetterQueue },
      webhooks: { service, maxRetries: 3, deadLetterQueue },
      /** Thumbnails can be made again, so they may be in a classic queue, the one type that knows priorities. */
      images: { service, type: 'classic', maxPriority: 5, prefetch: 5, deadLetterQueue },
      'tasks.dlq': { service },
    },
    exchanges: { notifications: { service, type: 'fanout' }, events: { service, type: 'topic' } },
    bindings: [
      { exchange: 'notifications', queue: 'emails' },
      { exchange: 'notifications', queue: 'webhooks' },
      { exchange: 'events', queue: 'pdfs', routingKey: 'orders.#' },
      { exchange: 'events', queue: 'images', routingKey: 'products.image.*' },
    ],
  };
}

/** Logs, events and domain entities; what has an end is archived to S3 before it is deleted. */
function search(service: string | undefined, replicas: number): Pick<TopologyInput, 'indices' | 'lifecycles' | 'snapshots'> {
  if (service === undefined) return {};
  const dated = { service, dataStream: true, lifecycle: 'year', replicas };
  return {
    indices: {
      logs: { ...dated, refresh: 'default' },
      events: { ...dated, refresh: 'historical' },
      'domain-entities': { service, refresh: 'real-time', replicas },
    },
    lifecycles: { year: { hotDays: 7, warmDays: 30, coldDays: 90, deleteDays: 365, archive: true } },
    snapshots: { archive: { service, repository: 'archive', everyHours: 24, keepDays: 365 } },
  };
}
