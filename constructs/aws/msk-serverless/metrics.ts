/**
 * Metrics of one topic of a serverless cluster, and how to read them; of its brokers it shows none.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/serverless-monitoring.html
 */
export const serverlessMetrics = {
  BytesInPerSec: { statistic: 'Average' },
  BytesOutPerSec: { statistic: 'Average' },
  MessagesInPerSec: { statistic: 'Average' },
  FetchMessageConversionsPerSec: { statistic: 'Average' },
  ProduceMessageConversionsPerSec: { statistic: 'Average' },
} as const satisfies Record<string, { readonly statistic: 'Average' }>;

export type ServerlessMetricName = keyof typeof serverlessMetrics;
