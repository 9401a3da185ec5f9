import type { MetricReference } from '../../core/metric.ts';
import { burstableBroker, isExpress } from './brokers.ts';
import type { MskAttributes } from './props.ts';

/** How to read one metric of MSK. */
interface MskMetric {
  readonly statistic: 'Average' | 'Maximum' | 'Sum';
  /** What one series is of; a `listener` is a way in of one broker. */
  readonly of: 'cluster' | 'broker' | 'listener';
  /** Brokers that have it. @default all */
  readonly on?: 'standard' | 'express' | 'burstable';
}

/** Metrics of brokers and clusters that are worth watching. @see https://docs.aws.amazon.com/msk/latest/developerguide/metrics-details.html */
export const mskMetrics = {
  CpuUser: { statistic: 'Average', of: 'broker' },
  CpuSystem: { statistic: 'Average', of: 'broker' },
  CPUCreditBalance: { statistic: 'Average', of: 'broker', on: 'burstable' },
  HeapMemoryAfterGC: { statistic: 'Average', of: 'broker', on: 'standard' },
  KafkaDataLogsDiskUsed: { statistic: 'Maximum', of: 'broker', on: 'standard' },
  StorageUsed: { statistic: 'Maximum', of: 'cluster', on: 'express' },
  VolumeReadBytes: { statistic: 'Sum', of: 'broker', on: 'standard' },
  VolumeWriteBytes: { statistic: 'Sum', of: 'broker', on: 'standard' },
  BytesInPerSec: { statistic: 'Average', of: 'broker' },
  BytesOutPerSec: { statistic: 'Average', of: 'broker' },
  MessagesInPerSec: { statistic: 'Average', of: 'broker' },
  BwInAllowanceExceeded: { statistic: 'Sum', of: 'broker', on: 'standard' },
  BwOutAllowanceExceeded: { statistic: 'Sum', of: 'broker', on: 'standard' },
  UnderReplicatedPartitions: { statistic: 'Sum', of: 'broker', on: 'standard' },
  UnderMinIsrPartitionCount: { statistic: 'Maximum', of: 'broker', on: 'standard' },
  PartitionCount: { statistic: 'Maximum', of: 'broker' },
  OfflinePartitionsCount: { statistic: 'Sum', of: 'cluster', on: 'standard' },
  ActiveControllerCount: { statistic: 'Maximum', of: 'cluster' },
  GlobalPartitionCount: { statistic: 'Maximum', of: 'cluster' },
  GlobalTopicCount: { statistic: 'Maximum', of: 'cluster' },
  RequestHandlerAvgIdlePercent: { statistic: 'Average', of: 'broker' },
  NetworkProcessorAvgIdlePercent: { statistic: 'Average', of: 'broker' },
  ConnectionCreationRate: { statistic: 'Sum', of: 'broker' },
  ClientConnectionCount: { statistic: 'Sum', of: 'listener' },
  IAMTooManyConnections: { statistic: 'Sum', of: 'broker' },
  ProduceThrottleTime: { statistic: 'Average', of: 'broker' },
  FetchThrottleTime: { statistic: 'Average', of: 'broker' },
} as const satisfies Record<string, MskMetric>;

export type MskMetricName = keyof typeof mskMetrics;

/**
 * How far consumer groups are behind, per group and topic; of a serverless cluster too.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/consumer-lag.html
 */
export const groupMetrics = {
  MaxOffsetLag: { statistic: 'Maximum' },
  SumOffsetLag: { statistic: 'Average' },
  EstimatedMaxTimeLag: { statistic: 'Maximum' },
} as const satisfies Record<string, Pick<MskMetric, 'statistic'>>;

export type GroupMetricName = keyof typeof groupMetrics;

/** Namespace of every metric of MSK. */
const namespace = 'AWS/Kafka';

/**
 * The series of one metric: of every broker, and of every way into it, where an aggregate would hide a hot one.
 *
 * Empty where such brokers do not have it.
 */
export function mskMetric(attributes: MskAttributes, metricName: MskMetricName): MetricReference[] {
  const { clusterName, brokers, brokerType, scramUsers } = attributes;
  const { of, on }: MskMetric = mskMetrics[metricName];
  if (on !== undefined && !kindsOf(brokerType).includes(on)) return [];
  const cluster = { 'Cluster Name': clusterName };
  if (of === 'cluster') return [{ namespace, metricName, dimensions: cluster }];
  // Ids count from 1. After brokers were taken away they may have gaps; those that are gone have no data.
  const perBroker = Array.from({ length: brokers }, (_, index) => ({ ...cluster, 'Broker ID': String(index + 1) }));
  if (of === 'broker') return perBroker.map((dimensions) => ({ namespace, metricName, dimensions }));
  const listeners = scramUsers.length > 0 ? ['IAM', 'SASL_SCRAM'] : ['IAM'];
  return perBroker.flatMap((broker) =>
    listeners.map((listener) => ({ namespace, metricName, dimensions: { ...broker, 'Client Authentication': listener } })),
  );
}

/** How far one group is behind in one topic. CloudWatch drops groups whose names are not ASCII. */
export function groupMetric(clusterName: string, metricName: GroupMetricName, group: string, topic: string): MetricReference {
  return { namespace, metricName, dimensions: { 'Cluster Name': clusterName, 'Consumer Group': group, Topic: topic } };
}

/** One metric of one topic. */
export function topicMetric(clusterName: string, metricName: string, topic: string): MetricReference {
  return { namespace, metricName, dimensions: { 'Cluster Name': clusterName, Topic: topic } };
}

function kindsOf(brokerType: string): NonNullable<MskMetric['on']>[] {
  if (isExpress(brokerType)) return ['express'];
  return brokerType === burstableBroker ? ['standard', 'burstable'] : ['standard'];
}
