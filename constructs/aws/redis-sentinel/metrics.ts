import type { MetricSource, MetricTable } from '../../core/metric.ts';
import type { RedisSentinelAttributes } from './props.ts';

/**
 * Figures of every machine, with the statistic that shows trouble. What a `node` knows of itself its machine writes into its logs, in the embedded metric
 * format. What needs a look into streams and groups, the probe asks Redis.
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
  CPUCreditBalance: { statistic: 'Minimum', of: 'instance', on: 'burstable' },
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
  /** 1 while a snapshot, a rewrite or the append-only file could not be written, for lack of disk above all: Redis then refuses writes. */
  RedisPersistenceFailed: { statistic: 'Maximum', of: 'node' },
  /**
   * Since the newest complete backup in S3 was begun, whoever took it: what the loss of all machines would cost. Before the first one, since the volume
   * was made. Of every machine, asked of the bucket every ten minutes, so that the others still tell when one cannot.
   */
  BackupAgeSeconds: { statistic: 'Maximum', of: 'node' },
  /** The same of snapshots alone. */
  SnapshotAgeSeconds: { statistic: 'Maximum', of: 'node' },
  /** Of the machine's certificate, which is renewed at 30, or of the set's authority if that ends sooner. */
  CertificateDaysLeft: { statistic: 'Minimum', of: 'node' },
} as const satisfies MetricTable<'instance' | 'volume' | 'node', 'burstable'>;

/** Name of a figure of a machine. */
export type RedisSentinelMetric = keyof typeof redisSentinelMetrics;

/** What the machines are, for metrics that some alone have: those of the families t have processor credits. */
export function redisSentinelKinds({ instanceType }: RedisSentinelAttributes): 'burstable'[] {
  return instanceType?.startsWith('t') === true ? ['burstable'] : [];
}

/** Every machine in their order, by its number in EC2, by that of its disk for data, and by its name. */
export function redisSentinelSources({ service, nodes }: RedisSentinelAttributes, environment: string) {
  return {
    instance: nodes.map(({ name, instanceId }) => ({
      namespace: 'AWS/EC2',
      dimensions: { InstanceId: instanceId },
      detail: detailOf(service, name),
    })),
    volume: nodes.map(({ name, volumeId }) => ({
      namespace: 'AWS/EBS',
      dimensions: { VolumeId: volumeId },
      detail: detailOf(service, name),
    })),
    node: nodes.map(({ name }) => ({
      namespace: 'Millrace/RedisSentinel',
      dimensions: { Environment: environment, Service: service, Node: name },
      detail: detailOf(service, name),
    })),
  } satisfies Record<string, MetricSource[]>;
}

/** `1` of `events-1`: the rest stands before it in the name of every alarm. */
function detailOf(service: string, node: string): string {
  return node.startsWith(`${service}-`) ? node.slice(service.length + 1) : node;
}
