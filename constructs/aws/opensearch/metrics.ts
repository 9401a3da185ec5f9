import type { MetricSource, MetricTable } from '../../core/metric.ts';
import type { OpenSearchAttributes } from './props.ts';

/**
 * The metrics that are worth an alarm or a place on a dashboard, each with the statistic that does not hide what is wrong.
 *
 * AWS names nodes only once they stand, so there is one series of each; `Maximum` and `Minimum` are those of the worst node. Counts of
 * refused writes are since the last start of each node: their rise counts.
 *
 * @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/cloudwatch-alarms.html
 */
export const openSearchMetrics = {
  'ClusterStatus.red': { statistic: 'Maximum', of: 'domain' },
  'ClusterStatus.yellow': { statistic: 'Maximum', of: 'domain' },
  FreeStorageSpace: { statistic: 'Minimum', of: 'domain' },
  ClusterIndexWritesBlocked: { statistic: 'Maximum', of: 'domain' },
  Nodes: { statistic: 'Minimum', of: 'domain' },
  AutomatedSnapshotFailure: { statistic: 'Maximum', of: 'domain' },
  CPUUtilization: { statistic: 'Maximum', of: 'domain' },
  JVMMemoryPressure: { statistic: 'Maximum', of: 'domain' },
  OldGenJVMMemoryPressure: { statistic: 'Maximum', of: 'domain' },
  KMSKeyError: { statistic: 'Maximum', of: 'domain' },
  KMSKeyInaccessible: { statistic: 'Maximum', of: 'domain' },
  'Shards.active': { statistic: 'Maximum', of: 'domain' },
  'Shards.unassigned': { statistic: 'Maximum', of: 'domain' },
  ThreadpoolWriteQueue: { statistic: 'Average', of: 'domain' },
  ThreadpoolSearchQueue: { statistic: 'Maximum', of: 'domain' },
  ThreadpoolWriteRejected: { statistic: 'Sum', of: 'domain' },
  CoordinatingWriteRejected: { statistic: 'Sum', of: 'domain' },
  PrimaryWriteRejected: { statistic: 'Sum', of: 'domain' },
  ReplicaWriteRejected: { statistic: 'Sum', of: 'domain' },
  ThreadpoolSearchRejected: { statistic: 'Sum', of: 'domain' },
  '2xx': { statistic: 'Sum', of: 'domain' },
  '4xx': { statistic: 'Sum', of: 'domain' },
  '5xx': { statistic: 'Sum', of: 'domain' },
  OpenSearchRequests: { statistic: 'Sum', of: 'domain' },
  SearchLatency: { statistic: 'Average', of: 'domain' },
  IndexingLatency: { statistic: 'Average', of: 'domain' },
  DiskQueueDepth: { statistic: 'Maximum', of: 'domain' },
  IopsThrottle: { statistic: 'Maximum', of: 'domain' },
  ThroughputThrottle: { statistic: 'Maximum', of: 'domain' },
  MasterCPUUtilization: { statistic: 'Maximum', of: 'masters' },
  MasterJVMMemoryPressure: { statistic: 'Maximum', of: 'masters' },
  MasterOldGenJVMMemoryPressure: { statistic: 'Maximum', of: 'masters' },
  MasterReachableFromNode: { statistic: 'Minimum', of: 'masters' },
  WarmCPUUtilization: { statistic: 'Maximum', of: 'warm' },
  /** MiB, of the warm tier as a whole, which lies in S3; right only in periods of a minute. */
  WarmFreeStorageSpace: { statistic: 'Sum', of: 'warm' },
  WarmJVMMemoryPressure: { statistic: 'Maximum', of: 'warm' },
} as const satisfies MetricTable<'domain' | 'masters' | 'warm'>;

/** Name of a metric of a domain. */
export type OpenSearchMetric = keyof typeof openSearchMetrics;

/** The domain, once for each sort of nodes that it has. */
export function openSearchSources({ domainName, account, dedicatedMasters, warmNodes }: OpenSearchAttributes) {
  const domain = [{ namespace: 'AWS/ES', dimensions: { DomainName: domainName, ClientId: account } }];
  return { domain, masters: dedicatedMasters > 0 ? domain : [], warm: warmNodes > 0 ? domain : [] } satisfies Record<
    string,
    MetricSource[]
  >;
}
