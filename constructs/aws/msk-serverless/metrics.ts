import type { MetricTable } from '../../core/metric.ts';

/**
 * Metrics of one topic of a serverless cluster, and how to read them; of its brokers it shows none.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/serverless-monitoring.html
 */
export const serverlessMetrics = {
  BytesInPerSec: { statistic: 'Average', of: 'topic' },
  BytesOutPerSec: { statistic: 'Average', of: 'topic' },
  MessagesInPerSec: { statistic: 'Average', of: 'topic' },
  FetchMessageConversionsPerSec: { statistic: 'Average', of: 'topic' },
  ProduceMessageConversionsPerSec: { statistic: 'Average', of: 'topic' },
} as const satisfies MetricTable<'topic'>;

export type ServerlessMetricName = keyof typeof serverlessMetrics;
