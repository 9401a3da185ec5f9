import type { Offering } from '../../alerts/row.ts';
import { type MetricReference, type MetricSource, type MetricTable, metricSeries, type Statistic } from './metric.ts';

/** One series, as an alarm and a graph ask for it. */
export interface AlarmSeries {
  /** Which of several it is, short enough for the name of an alarm: `001`, `broker-2`, `events-3`. Absent where there is one whatever the size. */
  readonly detail?: string;
  readonly statistic: Statistic;
  /** What is measured; its dimensions also where it is asked for by `query`. */
  readonly metric: MetricReference;
  /** Of a queue: whether others name it as their deadLetterQueue. */
  readonly queue?: 'working' | 'dead-letter';
  /** A query of Metrics Insights in its place, where dimensions are known only once servers stand; an alarm has room for one. */
  readonly query?: string;
}

/** Something that alarms can be about: a server, a set of them, the tasks of a worker, or what the probe tells of a service. */
export interface AlarmTarget {
  /** Name of the service or worker in the environment. */
  readonly service: string;
  readonly offering: Offering;
  /**
   * The series of a metric: one for each node, broker, queue or whatever it is of.
   *
   * @param statistic @default the one that shows trouble
   * @returns none where servers of this type do not have it; undefined where nothing is known of such a metric.
   */
  series(metricName: string, statistic?: Statistic): readonly AlarmSeries[] | undefined;
  /**
   * Quotas that thresholds are a share of, by name; where each series has one of its own, by their details. One that AWS does not tell of servers of this type
   * is undefined, and what refers to it is no alarm.
   */
  readonly limits: Readonly<Record<string, number | Readonly<Record<string, number>> | undefined>>;
}

/** A table of metrics, and what the service has of each thing that it speaks of. */
export interface MeasuredService<Of extends string, On extends string> extends Pick<AlarmTarget, 'service' | 'offering'> {
  readonly table: MetricTable<Of, On>;
  readonly sources: Readonly<Record<Of, readonly MetricSource[]>>;
  /** What the servers are, for metrics that some alone have. @default none */
  readonly kinds?: readonly On[];
  /** @default none */
  readonly limits?: AlarmTarget['limits'];
}

/** The target that a table of metrics makes. */
export function tableTarget<Of extends string, On extends string = never>(measured: MeasuredService<Of, On>): AlarmTarget {
  const { service, offering, table, sources, kinds = [], limits = {} } = measured;
  return {
    service,
    offering,
    limits,
    series(metricName, statistic) {
      const row = table[metricName];
      if (row === undefined) return undefined;
      return metricSeries(metricName, row, sources, kinds).map((metric, index) => {
        const { detail } = sources[row.of][index]!;
        return { metric, statistic: statistic ?? row.statistic, ...(detail !== undefined && { detail }) };
      });
    },
  };
}
