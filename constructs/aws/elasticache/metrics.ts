import type { MetricSource, MetricTable } from '../../core/metric.ts';
import type { ElastiCacheAttributes } from './props.ts';

/**
 * Figures of each node in the namespace AWS/ElastiCache, with the statistic that shows trouble; `tiered` are nodes whose data lies on a disk as well, `untiered`
 * all others.
 *
 * @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.Redis.html
 */
export const elastiCacheMetrics = {
  /** The one thread that carries out commands. */
  EngineCPUUtilization: { statistic: 'Maximum', of: 'node' },
  /** The whole machine; of nodes with one or two processors the engine's own thread is not to be told from the rest. */
  CPUUtilization: { statistic: 'Maximum', of: 'node' },
  /** Of tiered nodes it is always nearly 100: what is seldom used leaves for the disk only when memory is full. */
  DatabaseMemoryUsagePercentage: { statistic: 'Maximum', of: 'node', on: 'untiered' },
  /** Memory and disk together. */
  DatabaseCapacityUsagePercentage: { statistic: 'Maximum', of: 'node', on: 'tiered' },
  /** Seconds; of replicas. */
  ReplicationLag: { statistic: 'Maximum', of: 'node' },
  Evictions: { statistic: 'Sum', of: 'node' },
  /** Bytes. */
  SwapUsage: { statistic: 'Maximum', of: 'node' },
  NewConnections: { statistic: 'Sum', of: 'node' },
  CurrConnections: { statistic: 'Maximum', of: 'node' },
  /** Microseconds. */
  SuccessfulReadRequestLatency: { statistic: 'Average', of: 'node' },
  /** Microseconds. */
  SuccessfulWriteRequestLatency: { statistic: 'Average', of: 'node' },
  /** Percent. */
  CacheHitRate: { statistic: 'Average', of: 'node' },
  NetworkBandwidthInAllowanceExceeded: { statistic: 'Sum', of: 'node' },
  NetworkBandwidthOutAllowanceExceeded: { statistic: 'Sum', of: 'node' },
  NetworkConntrackAllowanceExceeded: { statistic: 'Sum', of: 'node' },
  NetworkPacketsPerSecondAllowanceExceeded: { statistic: 'Sum', of: 'node' },
  TrafficManagementActive: { statistic: 'Maximum', of: 'node' },
  AuthenticationFailures: { statistic: 'Sum', of: 'node' },
  KeyAuthorizationFailures: { statistic: 'Sum', of: 'node' },
  CommandAuthorizationFailures: { statistic: 'Sum', of: 'node' },
  /** Connections that ended because their token was not renewed within 12 hours. */
  IamAuthenticationExpirations: { statistic: 'Sum', of: 'node' },
  IamAuthenticationThrottling: { statistic: 'Sum', of: 'node' },
} as const satisfies MetricTable<'node', ElastiCacheKind>;

/** Where the data of nodes lies: in memory alone, or on a disk as well. */
type ElastiCacheKind = 'tiered' | 'untiered';

/** The one node of a CacheCluster: a replication group has one for each of its nodes. */
const onlyNode = '0001';

/** Name of a figure of a node. */
export type ElastiCacheMetric = keyof typeof elastiCacheMetrics;

/** What the nodes are, for metrics that some alone have. */
export function elastiCacheKinds({ dataTiering }: ElastiCacheAttributes): ElastiCacheKind[] {
  return [dataTiering === true ? 'tiered' : 'untiered'];
}

/** Every node by its id: `GROUP-001` and so on; of a cluster `GROUP-0001-001`. Latencies, logins by IAM and some others AWS tells under both dimensions alone. */
export function elastiCacheSources({ replicationGroupId, shards, nodes }: ElastiCacheAttributes): Readonly<Record<'node', MetricSource[]>> {
  const prefixes = shards === undefined ? [''] : numbers(shards, 4).map((shard) => `${shard}-`);
  const details = prefixes.flatMap((prefix) => numbers(nodes, 3).map((node) => `${prefix}${node}`));
  return {
    node: details.map((detail) => ({
      namespace: 'AWS/ElastiCache',
      dimensions: { CacheClusterId: `${replicationGroupId}-${detail}`, CacheNodeId: onlyNode },
      detail,
    })),
  };
}

function numbers(count: number, digits: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index + 1).padStart(digits, '0'));
}
