import { prometheusName, type SignalName } from '../../runtime/src/contracts/signals.ts';
import type { Alert } from '../resolve.ts';

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

const operations: SignalName = 'redis.operations';

/** Names of what is recorded, each with the label `service`. */
export const recorded = {
  rate: 'millrace:redis_operations:rate5m',
  mean: 'millrace:redis_operations:mean1w',
  deviation: 'millrace:redis_operations:stddev1w',
} as const;

/**
 * How many operations a second each Redis does, of the last five minutes, and what was usual within a week: recorded, so that the dashboard need not work it
 * out each time; nothing where no Redis is watched. The alert redis-operations compares with the last day and works that out itself.
 */
export function recordingsOf(alerts: readonly Alert[]): RecordingRule[] {
  const services = new Set(alerts.filter(({ row }) => row.subject === 'redis').map(({ service }) => service));
  if (services.size === 0) return [];
  return [
    { record: recorded.rate, expr: `sum by (service) (avg_over_time(${prometheusName(operations)}[5m]))` },
    { record: recorded.mean, expr: `avg_over_time(${recorded.rate}[1w])` },
    { record: recorded.deviation, expr: `stddev_over_time(${recorded.rate}[1w])` },
  ];
}
