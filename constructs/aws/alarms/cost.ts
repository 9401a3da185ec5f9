import type { PlannedAlarm } from './planned.ts';

/** USD a month, on demand; the same in nearly every region. @see https://aws.amazon.com/cloudwatch/pricing/ */
const prices = { alarmMetric: 0.1, composite: 0.5, dashboard: 3, series: 0.3 };
/** Of a metric and both ends of its band. */
const metricsOfAnomaly = 3;

/** What an environment pays for being watched, without its logs. */
export interface AlarmCost {
  readonly alarms: number;
  readonly composites: number;
  /** Metrics that the probe makes. */
  readonly probeSeries: number;
  /** USD a month, rounded up. */
  readonly monthlyUsd: number;
}

/** Counts the alarms of a plan and what they cost; of an alarm on the worst of several nodes as of one, though AWS counts the nodes. */
export function costOf(planned: readonly PlannedAlarm[], composites: number, probeSeries: number): AlarmCost {
  const instances = planned.flatMap((alarm) => alarm.instances);
  const metrics = instances.reduce(
    (sum, { kind, inputs }) => sum + (kind === 'anomaly' ? metricsOfAnomaly : Object.keys(inputs).length),
    0,
  );
  const usd = metrics * prices.alarmMetric + composites * prices.composite + prices.dashboard + probeSeries * prices.series;
  return { alarms: instances.length, composites, probeSeries, monthlyUsd: Math.ceil(usd) };
}
