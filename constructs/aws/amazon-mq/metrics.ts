type Statistic = 'Average' | 'Maximum' | 'Minimum' | 'Sum';

/**
 * Figures of a whole broker in the namespace AWS/AmazonMQ, with the statistic that shows trouble. Those of a cluster are sums over its nodes.
 *
 * @see https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-logging-monitoring.html
 */
export const amazonMqMetrics = {
  ConnectionCount: 'Maximum',
  ChannelCount: 'Maximum',
  ConsumerCount: 'Minimum',
  QueueCount: 'Maximum',
  ExchangeCount: 'Maximum',
  MessageCount: 'Maximum',
  MessageReadyCount: 'Maximum',
  MessageUnacknowledgedCount: 'Maximum',
  /** Messages a second. */
  PublishRate: 'Average',
  /** Messages a second that the broker has taken over; behind `PublishRate` for long, it falls back. */
  ConfirmRate: 'Average',
  /** Messages a second. */
  AckRate: 'Average',
  /** Percent. */
  SystemCpuUtilization: 'Maximum',
  /** Bytes; at the limit the broker reads from no publisher. */
  RabbitMQMemUsed: 'Maximum',
  /** Bytes. */
  RabbitMQMemLimit: 'Minimum',
  /** Bytes; at the limit the broker reads from no publisher. */
  RabbitMQDiskFree: 'Minimum',
  /** Bytes. */
  RabbitMQDiskFreeLimit: 'Maximum',
  RabbitMQFdUsed: 'Maximum',
} as const satisfies Readonly<Record<string, Statistic>>;

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

/** What is told of each queue, of 3.13 alone. */
export const amazonMqQueueMetrics = {
  ConsumerCount: 'Minimum',
  MessageCount: 'Maximum',
  MessageReadyCount: 'Maximum',
  MessageUnacknowledgedCount: 'Maximum',
} as const satisfies Readonly<Record<string, Statistic>>;
export type AmazonMqQueueMetric = keyof typeof amazonMqQueueMetrics;

const worst = { Minimum: 'MIN', Maximum: 'MAX', Average: 'AVG', Sum: 'SUM' } as const satisfies Readonly<Record<Statistic, string>>;

/** A query of Metrics Insights for the worst node of a broker, as an alarm takes it. */
export function worstNodeQuery(brokerName: string, metric: AmazonMqNodeMetric): string {
  return `SELECT ${worst[amazonMqMetrics[metric]]}(${metric}) FROM SCHEMA("AWS/AmazonMQ", Broker, Node) WHERE Broker = '${brokerName}'`;
}
