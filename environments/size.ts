import type { ServiceKind } from '../runtime/src/contracts/binding.ts';
import type { Environment, EvictionPolicy, ServiceDeclaration, Size } from './declaration.ts';

/** The columns of each kind, as renderers and constructs read them. */
export interface ServiceSettings {
  /** `memoryMiB` is what the node type of each of the `shards` leaves for data after the 25 % that AWS advises to reserve. */
  redis: { nodeType: string; replicas: number; memoryMiB: number; shards: number };
  'redis-sentinel': { instanceType: string; memoryMiB: number; diskGiB: number; downAfterMs: number; failoverTimeoutMs: number };
  /** `diskGiB` is per broker and grows by itself up to `maxDiskGiB`; `memoryMiB` is a broker's heap where Millrace runs it itself. */
  kafka: {
    brokerType: string;
    brokers: number;
    diskGiB: number;
    maxDiskGiB: number;
    replicationFactor: number;
    minInSyncReplicas: number;
    memoryMiB: number;
  };
  rabbitmq: { instanceType: string; nodes: 1 | 3; memoryMiB: number };
  /** `diskGiB` is per data node, `memoryMiB` a node's heap where Millrace runs it itself. */
  opensearch: {
    dataNodeType: string;
    dataNodes: number;
    dedicatedMasters: 0 | 3;
    masterNodeType: string;
    warmNodes: number;
    warmNodeType: string;
    coldStorage: boolean;
    diskGiB: number;
    memoryMiB: number;
  };
  /** `memoryMiB` becomes shared_buffers. */
  postgres: { memoryMiB: number; maxConnections: number; settings: Readonly<Record<string, string>> };
  prometheus: { retentionDays: number; scrapeIntervalSeconds: number };
  /** `retentionHours`: how long it remembers silences and what it has notified of. */
  alertmanager: { retentionHours: number };
}

/** A row of the table: what AWS gets, and in `local` what differs where several servers share one machine (docker and process engines). */
type Row<K extends ServiceKind> = ServiceSettings[K] & { readonly local: Partial<ServiceSettings[K]> };

const sentinel = { downAfterMs: 5_000, failoverTimeoutMs: 10_000 };
/** Seen on the process engine within 3 s: nothing but a stopped process silences a server on loopback for a second. */
const quickSentinel = { downAfterMs: 1_000, failoverTimeoutMs: 5_000 };
/** Three copies, two of which must acknowledge: one broker may be patched while producers go on. */
const threeCopies = { replicationFactor: 3, minInSyncReplicas: 2 };
const oneBroker = { brokers: 1, replicationFactor: 1, minInSyncReplicas: 1 };
const withoutWarm = { warmNodes: 0, warmNodeType: 'ultrawarm1.medium.search', coldStorage: false } as const;
const mastersWithin = { dedicatedMasters: 0, masterNodeType: 'm7g.large.search', ...withoutWarm } as const;
const mastersApart = { dedicatedMasters: 3, masterNodeType: 'm7g.large.search' } as const;
const oneNode = { dataNodes: 1, dedicatedMasters: 0, warmNodes: 0 } as const;

/**
 * Every default that depends on the size, one table per kind. `small`, `medium` and `large` are meant for less than 1, 10 and 100 million requests a day.
 *
 * Instance types keep to the monthly budget that stands above each table, at on-demand prices and as far as security and availability allow: a replica or
 * a third broker is never saved.
 */
export const sizes: { readonly [K in ServiceKind]: Readonly<Record<Size, Row<K>>> } = {
  // 15-30, 100-200, 500-1,000 USD
  redis: {
    small: { nodeType: 'cache.t4g.micro', replicas: 1, memoryMiB: 384, shards: 1, local: { replicas: 0, memoryMiB: 64 } },
    medium: { nodeType: 'cache.t4g.medium', replicas: 2, memoryMiB: 2_372, shards: 1, local: { replicas: 0, memoryMiB: 128 } },
    large: { nodeType: 'cache.r7g.xlarge', replicas: 2, memoryMiB: 20_214, shards: 1, local: { replicas: 0, memoryMiB: 256 } },
  },
  // 500-1,000 USD for the whole event bus. One master, two replicas, a sentinel beside each. Redis gets 60 % of the machine, because a fork for RDB or an AOF
  // rewrite copies the pages written meanwhile; the disk holds RDB, AOF and the AOF being rewritten, so it is at least four times the memory.
  'redis-sentinel': {
    small: { instanceType: 't4g.small', memoryMiB: 1_228, diskGiB: 20, ...sentinel, local: { memoryMiB: 128, ...quickSentinel } },
    medium: { instanceType: 'm7g.large', memoryMiB: 4_915, diskGiB: 50, ...sentinel, local: { memoryMiB: 256, ...quickSentinel } },
    large: { instanceType: 'r7g.xlarge', memoryMiB: 19_660, diskGiB: 100, ...sentinel, local: { memoryMiB: 512, ...quickSentinel } },
  },
  // 100-200, 500-1,000, 3,000-10,000 USD
  kafka: {
    small: {
      brokerType: 'kafka.t3.small',
      brokers: 3,
      diskGiB: 50,
      maxDiskGiB: 250,
      ...threeCopies,
      memoryMiB: 1_024,
      local: { ...oneBroker, memoryMiB: 256 },
    },
    medium: {
      brokerType: 'kafka.m7g.large',
      brokers: 3,
      diskGiB: 250,
      maxDiskGiB: 1_000,
      ...threeCopies,
      memoryMiB: 4_096,
      local: { ...oneBroker, memoryMiB: 384 },
    },
    large: {
      brokerType: 'kafka.m7g.2xlarge',
      brokers: 6,
      diskGiB: 1_000,
      maxDiskGiB: 4_000,
      ...threeCopies,
      memoryMiB: 8_192,
      local: { brokers: 3, memoryMiB: 384 },
    },
  },
  // 50-100, 200-400, 1,000-2,000 USD. Amazon MQ has one node or three; RabbitMQ 4.2 runs on the m7g family alone. AWS advises m7g.medium for tests of
  // performance alone, but three m7g.large cost about 600 USD.
  rabbitmq: {
    small: { instanceType: 'mq.m7g.medium', nodes: 1, memoryMiB: 2_048, local: { nodes: 1, memoryMiB: 256 } },
    medium: { instanceType: 'mq.m7g.medium', nodes: 3, memoryMiB: 2_048, local: { nodes: 1, memoryMiB: 256 } },
    large: { instanceType: 'mq.m7g.xlarge', nodes: 3, memoryMiB: 8_192, local: { nodes: 3, memoryMiB: 256 } },
  },
  // 50-100, 300-500, 2,000-5,000 USD. Three data nodes from the start (Opensearch.6); dedicated masters (Opensearch.11) where the budget has room for them.
  opensearch: {
    small: {
      dataNodeType: 't3.small.search',
      dataNodes: 3,
      ...mastersWithin,
      diskGiB: 20,
      memoryMiB: 1_024,
      local: { ...oneNode, memoryMiB: 256 },
    },
    medium: {
      dataNodeType: 'm7g.large.search',
      dataNodes: 3,
      ...mastersApart,
      ...withoutWarm,
      diskGiB: 100,
      memoryMiB: 4_096,
      local: { ...oneNode, memoryMiB: 512 },
    },
    large: {
      dataNodeType: 'r7g.2xlarge.search',
      dataNodes: 6,
      ...mastersApart,
      warmNodes: 2,
      warmNodeType: 'ultrawarm1.medium.search',
      coldStorage: true,
      diskGiB: 1_000,
      memoryMiB: 31_744,
      local: { ...oneNode, memoryMiB: 512 },
    },
  },
  // Never provisioned on AWS: bring your own, named by `existing` in the declaration.
  postgres: {
    small: { memoryMiB: 128, maxConnections: 100, settings: {}, local: {} },
    medium: { memoryMiB: 256, maxConnections: 200, settings: {}, local: {} },
    large: { memoryMiB: 512, maxConnections: 400, settings: {}, local: {} },
  },
  // On AWS CloudWatch does what these two do elsewhere. 15 s is Prometheus' own advice; 15 d its default, 120 h that of Alertmanager.
  prometheus: {
    small: { retentionDays: 15, scrapeIntervalSeconds: 15, local: { scrapeIntervalSeconds: 5 } },
    medium: { retentionDays: 15, scrapeIntervalSeconds: 15, local: { scrapeIntervalSeconds: 5 } },
    large: { retentionDays: 30, scrapeIntervalSeconds: 15, local: { scrapeIntervalSeconds: 5 } },
  },
  alertmanager: {
    small: { retentionHours: 120, local: {} },
    medium: { retentionHours: 120, local: {} },
    large: { retentionHours: 120, local: {} },
  },
};

type MaxMemoryPolicy<K extends ServiceKind> = K extends 'redis' | 'redis-sentinel' ? { readonly maxMemoryPolicy: EvictionPolicy } : unknown;
/** What a service of kind `K` gets. */
export type ResolvedSettings<K extends ServiceKind = ServiceKind> = Readonly<ServiceSettings[K]> & MaxMemoryPolicy<K>;

/**
 * Settings of one declared service: the row of its size, what the engine changes about it, then the declaration's overrides.
 *
 * A Redis service also gets `maxMemoryPolicy`: `allkeys-lru` for the role `cache`, `noeviction` for every other.
 *
 * @example const { memoryMiB } = resolveSettings({ kind: 'redis', role: 'cache' }, { size: 'small', engine: { kind: 'process' } });
 */
export function resolveSettings<K extends ServiceKind>(
  service: Extract<ServiceDeclaration, { kind: K }>,
  environment: { readonly size: Size; readonly engine: { readonly kind: Environment['engine']['kind'] } },
): ResolvedSettings<K> {
  const { local, ...provisioned } = sizes[service.kind][environment.size];
  return {
    ...provisioned,
    ...(environment.engine.kind === 'aws' ? {} : local),
    ...(isRedis(service) ? { maxMemoryPolicy: service.role === 'cache' ? 'allkeys-lru' : 'noeviction' } : {}),
    ...service.overrides,
  } as unknown as ResolvedSettings<K>;
}

/** Whether the service is a Redis server, in whichever form. */
export function isRedis(service: { readonly kind: ServiceKind }): boolean {
  return service.kind === 'redis' || service.kind === 'redis-sentinel';
}
