/** How CloudWatch puts the samples of a period together. */
export type Statistic = 'Average' | 'Maximum' | 'Minimum' | 'Sum';

/** One series of CloudWatch: what an alarm or a dashboard points at. */
export interface MetricReference {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** One thing that CloudWatch measures: a node, a disk, a whole cluster. */
export interface MetricSource extends Omit<MetricReference, 'metricName'> {
  /** Which of several it is, in the names of alarms. @default there is one, whatever the size */
  readonly detail?: string;
}

/** How to read one metric of a service. */
export interface MetricRow<Of extends string = string, On extends string = never> {
  /** The one that shows trouble. */
  readonly statistic: Statistic;
  /** What one series is of: `node` gives one a node, `cluster` one alone. */
  readonly of: Of;
  /** Kind of servers that have it. @default all */
  readonly on?: On;
}

/** Metrics of a service by the names that CloudWatch knows them by. */
export type MetricTable<Of extends string = string, On extends string = never> = Readonly<Record<string, MetricRow<Of, On>>>;

/**
 * The series of one metric: one of each source of its row.
 *
 * @param sources what the service has of each thing that its table speaks of
 * @param kinds what the servers are, for rows that are of some alone; where they are not, there is no series
 */
export function metricSeries<Of extends string, On extends string = never>(
  metricName: string,
  { of, on }: MetricRow<Of, On>,
  sources: Readonly<Record<Of, readonly MetricSource[]>>,
  kinds: readonly On[] = [],
): MetricReference[] {
  if (on !== undefined && !kinds.includes(on)) return [];
  return sources[of].map(({ namespace, dimensions }) => ({ namespace, metricName, dimensions }));
}
