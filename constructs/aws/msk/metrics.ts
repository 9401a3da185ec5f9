import type { MetricReference, MetricSource, MetricTable } from '../../core/metric.ts';
import type { Reader } from '../../core/readers.ts';
import { burstableBroker, isExpress } from './brokers.ts';
import type { MskAttributes } from './props.ts';

/** What one series is of; a `listener` is a way in of one broker. */
type Subject = 'cluster' | 'broker' | 'listener';
type BrokerKind = 'standard' | 'express' | 'burstable';

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
} as const satisfies MetricTable<Subject, BrokerKind>;

export type MskMetricName = keyof typeof mskMetrics;

/**
 * How far consumer groups are behind, per group and topic; of a serverless cluster too.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/consumer-lag.html
 */
export const groupMetrics = {
  MaxOffsetLag: { statistic: 'Maximum', of: 'group' },
  SumOffsetLag: { statistic: 'Average', of: 'group' },
  EstimatedMaxTimeLag: { statistic: 'Maximum', of: 'group' },
} as const satisfies MetricTable<'group'>;

export type GroupMetricName = keyof typeof groupMetrics;

/** The cluster, every broker, and every way into each of them, where an aggregate would hide a hot one. */
export function mskSources({ clusterName, brokers, scramUsers }: MskAttributes): Readonly<Record<Subject, readonly MetricSource[]>> {
  // Ids count from 1. After brokers were taken away they may have gaps; those that are gone have no data.
  const ids = Array.from({ length: brokers }, (_, index) => ({ 'Broker ID': String(index + 1) }));
  const ways = scramUsers.length > 0 ? ['IAM', 'SASL_SCRAM'] : ['IAM'];
  return {
    cluster: [kafkaSource(clusterName)],
    broker: ids.map((id) => ({ ...kafkaSource(clusterName, id), detail: `broker-${id['Broker ID']}` })),
    listener: ids.flatMap((id) =>
      ways.map((way) => ({
        ...kafkaSource(clusterName, { ...id, 'Client Authentication': way }),
        detail: `broker-${id['Broker ID']}-${way.toLowerCase().replaceAll('_', '-')}`,
      })),
    ),
  };
}

/** What the brokers of a type are, for metrics that some alone have. */
export function brokerKinds(brokerType: string): BrokerKind[] {
  if (isExpress(brokerType)) return ['express'];
  return brokerType === burstableBroker ? ['standard', 'burstable'] : ['standard'];
}

/** A cluster with brokers or without, or a part of it by further dimensions. */
export function kafkaSource(clusterName: string, part: MetricSource['dimensions'] = {}): MetricSource {
  return { namespace: 'AWS/Kafka', dimensions: { 'Cluster Name': clusterName, ...part } };
}

/** Each group in each of its topics. */
export function groupSources(clusterName: string, read: readonly Reader[]): Readonly<Record<'group', readonly MetricSource[]>> {
  return {
    group: read.map(({ topic, group }) => ({
      ...kafkaSource(clusterName, { 'Consumer Group': group, Topic: topic }),
      detail: `${topic}/${group}`,
    })),
  };
}

/** How far one group is behind in one topic. CloudWatch drops groups whose names are not ASCII. */
export function groupMetric(clusterName: string, metricName: GroupMetricName, group: string, topic: string): MetricReference {
  return { metricName, ...kafkaSource(clusterName, { 'Consumer Group': group, Topic: topic }) };
}
