import type { ServiceKind } from '../runtime/src/contracts/binding.ts';
import type { TopologyInput, TransportKind } from '../runtime/src/contracts/topology.ts';
import type { EnvironmentInput } from './declaration.ts';

type Topics = NonNullable<TopologyInput['topics']>;
type TopicSettings = Omit<Topics[string], 'transports' | 'volume'> & {
  readonly on: readonly TransportKind[];
  /** Its part of the events that the environment is declared for. */
  readonly share: number;
};

/** What the reference topology is told of an environment. */
export interface ReferenceOptions {
  /** Business events a day over all tenants; lines of logs and events of analytics come on top of them. @default 10000, of about a hundred tenants */
  readonly eventsPerDay?: number;
  /**
   * ARNs of the IAM roles on AWS that may read and write documents in OpenSearch; a `*` stands for any text.
   *
   * @default none on AWS: then no role of OpenSearch is declared. Elsewhere what a directory calls `search-readers` and `search-writers`
   */
  readonly searchClients?: readonly string[];
}

const day = 24;
const year = 365 * day;

/** What Redis keeps of an event stream when its memory cannot hold the whole retention: a week, enough to rebuild a read model. */
const window = { windowHours: 7 * day };

/**
 * The reference topics. `on` is in order of preference: the first transport that the environment has is live, the others mirror it, so that a topic can be
 * moved later without a gap. The shares of what services do add up to 1; what machines say of it comes on top.
 */
const topics: Readonly<Record<string, TopicSettings>> = {
  'orders.created': {
    on: ['redis-streams', 'kafka'],
    share: 0.1,
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
    share: 0.2,
    shards: 4,
    partitions: 6,
    retentionHours: 30 * day,
    ...window,
    consumers: [{ group: 'inventory', aclUser: 'inventory' }],
  },
  'products.synced': {
    on: ['redis-streams', 'kafka'],
    share: 0.1,
    shards: 2,
    retentionHours: 7 * day,
    tenantless: true,
    /** The next synchronisation brings the product again: what failed four times within seconds is set aside for a person. */
    retry: { attempts: 4, initialDelayMs: 500, maxDelayMs: 10_000 },
    consumers: [{ group: 'search', aclUser: 'search' }],
  },
  'users.activity': { on: ['redis-streams', 'kafka'], share: 0.3, shards: 2, retentionHours: 90 * day, ...window },
  /** Compliance: two years in the log, the archive keeps what the law asks for. */
  'audit.logs': {
    on: ['redis-streams', 'kafka'],
    share: 0.15,
    retentionHours: 2 * year,
    ...window,
    onExhausted: 'block',
    consumers: [{ group: 'audit', aclUser: 'audit' }],
  },
  'analytics.events': { on: ['kafka'], share: 2, partitions: 12, retentionHours: year, ordered: false },
  /** Buffer between the services' logs and OpenSearch: long enough for a weekend without it. */
  'service.logs': { on: ['kafka'], share: 4, partitions: 6, retentionHours: 3 * day, ordered: false, tenantless: true },
  notifications: { on: ['redis-streams'], share: 0.05, isolation: 'tenant', retentionHours: day },
  activity: { on: ['redis-streams'], share: 0.05, isolation: 'tenant', retentionHours: 7 * day },
  chat: { on: ['redis-streams'], share: 0.05, isolation: 'tenant', retentionHours: 30 * day },
  metrics: { on: ['redis-streams'], share: 1, shards: 2, retentionHours: 1, ordered: false, tenantless: true },
};

const onStreams = Object.keys(topics).filter((name) => topics[name]!.on.includes('redis-streams'));

/** One user per consumer group and service role, with the keys and commands of its own topics alone. */
const aclUsers: Readonly<Record<string, Omit<NonNullable<TopologyInput['aclUsers']>[string], 'service'>>> = {
  relay: { topics: onStreams, access: 'produce' },
  /** Trims every stream, and looks first what groups have not acknowledged. */
  janitor: { topics: onStreams, access: 'admin' },
  /** Asks what waits, what hangs and what was given up. */
  probe: { topics: onStreams, access: 'observe' },
  inventory: { topics: ['orders.created', 'orders.updated'], groups: ['inventory'], access: 'consume' },
  emails: { topics: ['orders.created'], groups: ['emails'], access: 'consume' },
  search: { topics: ['products.synced'], groups: ['search'], access: 'consume' },
  audit: { topics: ['audit.logs'], groups: ['audit'], access: 'consume' },
  /** Feeds browsers: streams for what they missed, channels for what is new. */
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
  { eventsPerDay = 10_000, searchClients }: ReferenceOptions = {},
): TopologyInput {
  const find = (...kinds: ServiceKind[]) =>
    Object.entries(services).find(([, { kind, role }]) => kinds.includes(kind) && role !== 'cache' && role !== 'jobs')?.[0];
  const carriers = { 'redis-streams': find('redis', 'redis-sentinel'), kafka: find('kafka'), rabbitmq: find('rabbitmq') };
  return {
    topics: routedTopics(carriers, eventsPerDay),
    ...(carriers['redis-streams'] === undefined ? {} : { aclUsers: usersOf(carriers['redis-streams']) }),
    ...tasks(carriers.rabbitmq),
    ...search(find('opensearch'), {
      replicas: engine === 'aws' ? 1 : 0,
      eventsPerDay,
      clients: engine === 'aws' ? (searchClients ?? []) : searchClients,
    }),
  };
}

function routedTopics(carriers: Readonly<Record<TransportKind, string | undefined>>, eventsPerDay: number): Topics {
  const rows = Object.entries(topics).flatMap(([name, { on, share, consumers = [], ...settings }]) => {
    const transports = on.flatMap((kind) => (carriers[kind] === undefined ? [] : [{ kind, service: carriers[kind] }]));
    const routed = transports.map((route, index) => ({ ...route, phase: index === 0 ? ('live' as const) : ('mirror' as const) }));
    const onRedis = routed.some(({ kind }) => kind === 'redis-streams');
    const groups = consumers.map(({ aclUser, ...consumer }) => (onRedis && aclUser !== undefined ? { ...consumer, aclUser } : consumer));
    return routed.length === 0
      ? []
      : [
          [
            name,
            { ...settings, volume: { eventsPerDay: Math.ceil(eventsPerDay * share) }, transports: routed, consumers: groups },
          ] as const,
        ];
  });
  return Object.fromEntries(rows);
}

function usersOf(service: string): NonNullable<TopologyInput['aclUsers']> {
  return Object.fromEntries(Object.entries(aclUsers).map(([name, user]) => [name, { service, ...user }]));
}

/** Work queues with their dead letters, and an exchange of each type that feeds them. */
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
    exchanges: {
      notifications: { service, type: 'fanout' },
      events: { service, type: 'topic' },
      tasks: { service, type: 'direct' },
      documents: { service, type: 'headers' },
    },
    bindings: [
      { exchange: 'notifications', queue: 'emails' },
      { exchange: 'notifications', queue: 'webhooks' },
      { exchange: 'events', queue: 'pdfs', routingKey: 'orders.#' },
      { exchange: 'events', queue: 'images', routingKey: 'products.image.*' },
      ...['emails', 'pdfs', 'webhooks', 'images'].map((queue) => ({ exchange: 'tasks', queue, routingKey: queue })),
      { exchange: 'documents', queue: 'pdfs', headers: { format: 'pdf', kind: 'invoice' }, match: 'all' },
      { exchange: 'documents', queue: 'images', headers: { format: 'png', preview: 'yes' }, match: 'any' },
    ],
  };
}

interface SearchOptions {
  readonly replicas: number;
  readonly eventsPerDay: number;
  /** Who may read and write; undefined for what a directory gives. */
  readonly clients: readonly string[] | undefined;
}

type SearchTopology = Pick<TopologyInput, 'indices' | 'lifecycles' | 'snapshots' | 'searchRoles'>;

/** Logs, events and domain entities; what has an end is archived to S3 before it is deleted. */
function search(service: string | undefined, { replicas, eventsPerDay, clients }: SearchOptions): SearchTopology {
  if (service === undefined) return {};
  const dated = { service, dataStream: true, lifecycle: 'year', replicas };
  return {
    indices: {
      logs: { ...dated, refresh: 'default', volume: { eventsPerDay: Math.ceil(eventsPerDay * topics['service.logs']!.share) } },
      events: { ...dated, refresh: 'historical', volume: { eventsPerDay } },
      'domain-entities': { service, refresh: 'real-time', replicas },
    },
    lifecycles: { year: { hotDays: 7, warmDays: 30, coldDays: 90, deleteDays: 365, archive: true } },
    snapshots: { archive: { service, repository: 'archive', everyHours: 24, keepDays: 365 } },
    searchRoles: searchRoles(service, clients),
  };
}

/** Apart, so that a service that only searches can be let in to read alone. */
function searchRoles(service: string, clients: readonly string[] | undefined): NonNullable<TopologyInput['searchRoles']> {
  const roles = [
    ['search-readers', { access: 'read', indices: ['logs', 'events', 'domain-entities'] }],
    ['search-writers', { access: 'write', indices: ['logs', 'events', 'domain-entities'] }],
  ] as const;
  if (clients?.length === 0) return {};
  return Object.fromEntries(
    roles.map(([name, { access, indices }]) => [name, { service, access, indices: [...indices], backendRoles: [...(clients ?? [name])] }]),
  );
}
