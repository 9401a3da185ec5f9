import type { MetricSource, MetricTable, Statistic } from '../../core/metric.ts';

/**
 * Figures of a whole broker in the namespace AWS/AmazonMQ, with the statistic that shows trouble. Those of a cluster are sums over its nodes.
 *
 * @see https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-logging-monitoring.html
 */
export const amazonMqMetrics = {
  ConnectionCount: { statistic: 'Maximum', of: 'broker' },
  ChannelCount: { statistic: 'Maximum', of: 'broker' },
  ConsumerCount: { statistic: 'Minimum', of: 'broker' },
  QueueCount: { statistic: 'Maximum', of: 'broker' },
  ExchangeCount: { statistic: 'Maximum', of: 'broker' },
  MessageCount: { statistic: 'Maximum', of: 'broker' },
  MessageReadyCount: { statistic: 'Maximum', of: 'broker' },
  MessageUnacknowledgedCount: { statistic: 'Maximum', of: 'broker' },
  /** Messages a second. */
  PublishRate: { statistic: 'Average', of: 'broker' },
  /** Messages a second that the broker has taken over; behind `PublishRate` for long, it falls back. */
  ConfirmRate: { statistic: 'Average', of: 'broker' },
  /** Messages a second. */
  AckRate: { statistic: 'Average', of: 'broker' },
  /** Percent. */
  SystemCpuUtilization: { statistic: 'Maximum', of: 'broker' },
  /** Bytes; at the limit the broker reads from no publisher. */
  RabbitMQMemUsed: { statistic: 'Maximum', of: 'broker' },
  /** Bytes. */
  RabbitMQMemLimit: { statistic: 'Minimum', of: 'broker' },
  /** Bytes; at the limit the broker reads from no publisher. */
  RabbitMQDiskFree: { statistic: 'Minimum', of: 'broker' },
  /** Bytes. */
  RabbitMQDiskFreeLimit: { statistic: 'Maximum', of: 'broker' },
  RabbitMQFdUsed: { statistic: 'Maximum', of: 'broker' },
} as const satisfies MetricTable<'broker'>;

/** Name of a figure of a broker. */
export type AmazonMqMetric = keyof typeof amazonMqMetrics;

/** What every node tells besides, under its host name, which is known to nobody before it stands. */
export const amazonMqNodeMetrics = [
  'SystemCpuUtilization',
  'RabbitMQMemUsed',
  'RabbitMQMemLimit',
  'RabbitMQDiskFree',
  'RabbitMQDiskFreeLimit',
  'RabbitMQFdUsed',
] as const satisfies readonly AmazonMqMetric[];
export type AmazonMqNodeMetric = (typeof amazonMqNodeMetrics)[number];

/** Whether every node tells it. */
export function isNodeMetric(name: string): name is AmazonMqNodeMetric {
  return (amazonMqNodeMetrics as readonly string[]).includes(name);
}

/** What is told of each queue, of 3.13 alone. */
export const amazonMqQueueMetrics = {
  ConsumerCount: { statistic: 'Minimum', of: 'queue' },
  MessageCount: { statistic: 'Maximum', of: 'queue' },
  MessageReadyCount: { statistic: 'Maximum', of: 'queue' },
  MessageUnacknowledgedCount: { statistic: 'Maximum', of: 'queue' },
} as const satisfies MetricTable<'queue'>;
export type AmazonMqQueueMetric = keyof typeof amazonMqQueueMetrics;

/** The broker, or a part of it by further dimensions. */
export function amazonMqSource(brokerName: string, part: MetricSource['dimensions'] = {}): MetricSource {
  return { namespace: 'AWS/AmazonMQ', dimensions: { Broker: brokerName, ...part } };
}

const worst = { Minimum: 'MIN', Maximum: 'MAX', Average: 'AVG', Sum: 'SUM' } as const satisfies Readonly<Record<Statistic, string>>;

/** A query of Metrics Insights for the worst node of a broker, as an alarm takes it. @param statistic @default the one that shows trouble */
export function worstNodeQuery(
  brokerName: string,
  metric: AmazonMqNodeMetric,
  statistic: Statistic = amazonMqMetrics[metric].statistic,
): string {
  return `SELECT ${worst[statistic]}(${metric}) FROM SCHEMA("AWS/AmazonMQ", Broker, Node) WHERE Broker = '${brokerName}'`;
}
