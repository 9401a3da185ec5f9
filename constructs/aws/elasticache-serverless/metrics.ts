import type { MetricSource, MetricTable } from '../../core/metric.ts';
import type { ElastiCacheServerlessAttributes } from './props.ts';

/**
 * Figures of a serverless cache in the namespace AWS/ElastiCache, with the statistic that shows trouble.
 *
 * @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/serverless-metrics-events-redis.html
 */
export const elastiCacheServerlessMetrics = {
  /** Per minute; the limit is per second. */
  ElastiCacheProcessingUnits: { statistic: 'Sum', of: 'cache' },
  BytesUsedForCache: { statistic: 'Maximum', of: 'cache' },
  /** Requests that were refused because the load grew faster than the cache, or beyond its limit. */
  ThrottledCmds: { statistic: 'Sum', of: 'cache' },
  /** Keys with an end that made room. */
  Evictions: { statistic: 'Sum', of: 'cache' },
  /** Percent. */
  CacheHitRate: { statistic: 'Average', of: 'cache' },
  CurrConnections: { statistic: 'Maximum', of: 'cache' },
  NewConnections: { statistic: 'Sum', of: 'cache' },
  /** Microseconds. */
  SuccessfulReadRequestLatency: { statistic: 'Average', of: 'cache' },
  /** Microseconds. */
  SuccessfulWriteRequestLatency: { statistic: 'Average', of: 'cache' },
  AuthenticationFailures: { statistic: 'Sum', of: 'cache' },
  KeyAuthorizationFailures: { statistic: 'Sum', of: 'cache' },
  CommandAuthorizationFailures: { statistic: 'Sum', of: 'cache' },
  IamAuthenticationExpirations: { statistic: 'Sum', of: 'cache' },
  IamAuthenticationThrottling: { statistic: 'Sum', of: 'cache' },
} as const satisfies MetricTable<'cache'>;

/** Name of a figure of a serverless cache. */
export type ElastiCacheServerlessMetric = keyof typeof elastiCacheServerlessMetrics;

/** The cache as a whole: it shows no nodes. */
export function elastiCacheServerlessSources({ cacheName }: ElastiCacheServerlessAttributes): Readonly<Record<'cache', MetricSource[]>> {
  return { cache: [{ namespace: 'AWS/ElastiCache', dimensions: { ServerlessCacheName: cacheName } }] };
}
