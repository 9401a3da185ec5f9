import type { CloudWatchView } from '../../../alerts/row.ts';
import type { AlarmSeries, AlarmTarget } from '../../core/alarm-target.ts';
import type { Statistic } from '../../core/metric.ts';

/** What CloudWatch is asked for: one metric, math over several, or one metric and what was usual of it. */
export type AskedKind = 'metric' | 'math' | 'anomaly';

/** Everything that one alarm asks CloudWatch for. */
export interface Asked {
  readonly kind: AskedKind;
  /** Of `math`. */
  readonly expression?: string;
  /** By the identifiers that the expression has for them; of the other kinds one, `m`. */
  readonly inputs: Readonly<Record<string, AlarmSeries>>;
  /** Which of several this is; absent where there is one whatever the size. */
  readonly detail?: string;
}

/**
 * What the alarms of a view ask for: one for each series, of math for each of the metric with the most dimensions.
 *
 * @returns nothing where servers of this type do not have a metric of the view.
 * @throws {TypeError} when the target knows no such metric: a row and a construct do not agree.
 */
export function askedBy(view: CloudWatchView, target: AlarmTarget): Asked[] {
  const queues = 'queues' in view ? view.queues : undefined;
  const chosen = (name: string, statistic?: Statistic) =>
    seriesOf(target, name, statistic).filter(({ queue }) => queues === undefined || queue === queues);
  if ('expression' in view) {
    const names = 'metrics' in view ? view.metrics : view.signals;
    return mathOf(view.expression, Object.fromEntries(Object.entries(names).map(([id, name]) => [id, chosen(name)])));
  }
  const kind = 'anomalyOf' in view ? 'anomaly' : 'metric';
  if (isOfAllServices(view))
    return chosen(nameOf(view))
      .slice(0, 1)
      .map((series) => ({ kind, inputs: { m: overServices(series) } }));
  return chosen(nameOf(view), 'metric' in view ? view.statistic : undefined).map((series) => ({
    ...{ kind, inputs: { m: series } },
    ...(series.detail !== undefined && { detail: series.detail }),
  }));
}

/** Whether a view is one alarm for all services of the environment. */
export function isOfAllServices(view: CloudWatchView): boolean {
  return 'ofAllServices' in view;
}

/** A query for what all services tell together: it has no value when none of them tells any. */
function overServices({ metric, statistic }: AlarmSeries): AlarmSeries {
  const { Service: _, ...others } = metric.dimensions;
  const only = Object.entries(others).map(([name, value]) => `${name} = '${value}'`);
  const names = Object.keys(metric.dimensions).join(', ');
  const query = `SELECT ${functions[statistic]}("${metric.metricName}") FROM SCHEMA("${metric.namespace}", ${names}) WHERE ${only.join(' AND ')}`;
  return { metric: { ...metric, dimensions: others }, statistic, query };
}

const functions = { Average: 'AVG', Maximum: 'MAX', Minimum: 'MIN', Sum: 'SUM' } as const satisfies Readonly<Record<Statistic, string>>;

/** What the view is about, for names that must be told apart. */
export function nameOf(view: Exclude<CloudWatchView, { readonly expression: string }>): string {
  if ('anomalyOf' in view) return view.anomalyOf;
  return 'signal' in view ? view.signal : view.metric;
}

function seriesOf(target: AlarmTarget, name: string, statistic?: Statistic): readonly AlarmSeries[] {
  const series = target.series(name, statistic);
  if (series === undefined) throw new TypeError(`alerts ask ${target.offering} for ${name}, which it does not know`);
  return series;
}

function mathOf(expression: string, inputs: Readonly<Record<string, readonly AlarmSeries[]>>): Asked[] {
  const widest = Object.values(inputs).reduce((most, series) => (dimensionCount(series) > dimensionCount(most) ? series : most), []);
  return widest.flatMap((main) => {
    const matching = Object.entries(inputs).map(([id, series]) => [id, series.find((one) => isPartOf(one, main))] as const);
    // A metric that such servers do not have.
    if (matching.some(([, series]) => series === undefined)) return [];
    const found = Object.fromEntries(matching) as Record<string, AlarmSeries>;
    return [{ kind: 'math', expression, inputs: found, ...(main.detail !== undefined && { detail: main.detail }) }];
  });
}

function dimensionCount([first]: readonly AlarmSeries[]): number {
  return first === undefined ? 0 : Object.keys(first.metric.dimensions).length;
}

/** Whether every dimension of `one` is also one of `main`, with the same value; metrics of another namespace go by their detail. */
function isPartOf(one: AlarmSeries, main: AlarmSeries): boolean {
  if (one.metric.namespace !== main.metric.namespace) return one.detail === main.detail;
  return Object.entries(one.metric.dimensions).every(([name, value]) => main.metric.dimensions[name] === value);
}
