import type { MetricReference } from '../../core/metric.ts';
import type { RedisSentinelAttributes, SentinelNodeReference } from './props.ts';

/** How to read one metric of a set. */
interface RedisSentinelMetricRow {
  readonly statistic: 'Average' | 'Maximum' | 'Minimum' | 'Sum';
  /** What a series is of; what a `node` knows of itself its machine writes into its logs, in the embedded metric format. */
  readonly of: 'instance' | 'volume' | 'node';
}

/**
 * Figures of every machine, with the statistic that shows trouble. What needs a look into streams and groups, the probe asks Redis.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/using_cloudwatch_ebs.html
 */
export const redisSentinelMetrics = {
  StatusCheckFailed: { statistic: 'Maximum', of: 'instance' },
  StatusCheckFailed_System: { statistic: 'Maximum', of: 'instance' },
  StatusCheckFailed_Instance: { statistic: 'Maximum', of: 'instance' },
  StatusCheckFailed_AttachedEBS: { statistic: 'Maximum', of: 'instance' },
  CPUUtilization: { statistic: 'Maximum', of: 'instance' },
  /** Of the families t3 and t4g alone. */
  CPUCreditBalance: { statistic: 'Minimum', of: 'instance' },
  /** Percent of what the machine may do beyond its baseline; of smaller sizes alone. */
  'EBSIOBalance%': { statistic: 'Minimum', of: 'instance' },
  'EBSByteBalance%': { statistic: 'Minimum', of: 'instance' },
  NetworkIn: { statistic: 'Sum', of: 'instance' },
  NetworkOut: { statistic: 'Sum', of: 'instance' },
  VolumeQueueLength: { statistic: 'Average', of: 'volume' },
  VolumeReadBytes: { statistic: 'Sum', of: 'volume' },
  VolumeWriteBytes: { statistic: 'Sum', of: 'volume' },
  VolumeIOPSExceededCheck: { statistic: 'Maximum', of: 'volume' },
  VolumeThroughputExceededCheck: { statistic: 'Maximum', of: 'volume' },
  VolumeStalledIOCheck: { statistic: 'Maximum', of: 'volume' },
  /** Of the volume of data. */
  DiskUsedPercent: { statistic: 'Maximum', of: 'node' },
  /** Of the machine. */
  MemoryUsedPercent: { statistic: 'Maximum', of: 'node' },
  /** 1 where Redis answers. */
  RedisUp: { statistic: 'Minimum', of: 'node' },
  /** 1 on one machine, 0 on the others. */
  RedisIsMaster: { statistic: 'Maximum', of: 'node' },
  /** Of `maxmemory`, at which writes are refused. */
  RedisMemoryUsedPercent: { statistic: 'Maximum', of: 'node' },
  /** Of the master alone. */
  ConnectedReplicas: { statistic: 'Minimum', of: 'node' },
} as const satisfies Readonly<Record<string, RedisSentinelMetricRow>>;

/** Name of a figure of a machine. */
export type RedisSentinelMetric = keyof typeof redisSentinelMetrics;

/** The series of `metricName`, one a machine in their order: which of them is the master changes. */
export function seriesOf(
  { service, nodes }: RedisSentinelAttributes,
  metricName: RedisSentinelMetric,
  environment: string,
): MetricReference[] {
  const sources = {
    instance: ({ instanceId }: SentinelNodeReference) => ({ namespace: 'AWS/EC2', dimensions: { InstanceId: instanceId } }),
    volume: ({ volumeId }: SentinelNodeReference) => ({ namespace: 'AWS/EBS', dimensions: { VolumeId: volumeId } }),
    node: ({ name }: SentinelNodeReference) => ({
      namespace: 'Millrace/RedisSentinel',
      dimensions: { Environment: environment, Service: service, Node: name },
    }),
  };
  return nodes.map((node) => ({ metricName, ...sources[redisSentinelMetrics[metricName].of](node) }));
}
