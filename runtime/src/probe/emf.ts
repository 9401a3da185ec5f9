import {
  cloudWatchNamespace,
  dimensionsOf,
  type Sample,
  type Signal,
  type SignalLabel,
  type SignalName,
  type SignalUnit,
  signals,
} from '../contracts/signals.ts';

export interface EmfOptions {
  /** Value of the dimension `Environment`. */
  readonly environment: string;
  /** Time of the samples, in milliseconds since 1970. @default now */
  readonly now?: number;
}

/** Metrics that one object may have; CloudWatch ignores further ones. */
const maxMetrics = 100;

/**
 * `samples` in CloudWatch's embedded metric format: a line of JSON for each set of dimensions, with every metric of it.
 *
 * Only signals with `onAws` are told. Labels that are no dimension are folded as the signal says; a dimension without a value is left out, so that the metric
 * is the one over all of its values. Values that are no finite number are left out, because CloudWatch takes none.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function emfLines(samples: readonly Sample[], { environment, now = Date.now() }: EmfOptions): string[] {
  const sets = new Map<string, MetricSet>();
  for (const { signal, labels, value } of samples) {
    if (!signals[signal].onAws || !Number.isFinite(value)) continue;
    const dimensions = { Environment: environment, ...dimensionValues(signal, labels) };
    const key = JSON.stringify(dimensions);
    const set = sets.get(key) ?? { dimensions, values: new Map() };
    sets.set(key, set);
    set.values.set(signal, folded(signal, set.values.get(signal), value));
  }
  return [...sets.values()].flatMap((set) => linesOf(set, now));
}

interface MetricSet {
  readonly dimensions: Readonly<Record<string, string>>;
  readonly values: Map<SignalName, number>;
}

function dimensionValues(signal: SignalName, labels: Sample['labels']): Record<string, string> {
  const named = Object.entries(dimensionsOf(signal)) as [SignalLabel, string][];
  return Object.fromEntries(named.flatMap(([label, dimension]) => (labels[label] ? [[dimension, labels[label]]] : [])));
}

function folded(name: SignalName, before: number | undefined, value: number): number {
  if (before === undefined) return value;
  const { fold }: Signal = signals[name];
  return fold === 'sum' ? before + value : Math[fold](before, value);
}

const units: Readonly<Record<SignalUnit, string>> = {
  '1': 'None',
  s: 'Seconds',
  By: 'Bytes',
  '%': 'Percent',
  '{event}': 'Count',
  '{entry}': 'Count',
  '{message}': 'Count',
  '{key}': 'Count',
  '{transaction}': 'Count',
  '{operation}': 'Count',
  '{operation}/s': 'Count/Second',
  '{connection}': 'Count',
};

function linesOf({ dimensions, values }: MetricSet, now: number): string[] {
  const metrics = [...values];
  const parts = Array.from({ length: Math.ceil(metrics.length / maxMetrics) }, (_, part) =>
    metrics.slice(part * maxMetrics, (part + 1) * maxMetrics),
  );
  return parts.map((part) => {
    const Metrics = part.map(([name]) => ({ Name: name, Unit: units[signals[name].unit] }));
    const directive = { Namespace: cloudWatchNamespace, Dimensions: [Object.keys(dimensions)], Metrics };
    return JSON.stringify({ _aws: { Timestamp: now, CloudWatchMetrics: [directive] }, ...dimensions, ...Object.fromEntries(part) });
  });
}
