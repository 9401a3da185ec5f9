import * as z from 'zod';
import { probeSeriesCount } from '../../../constructs/aws/probe-function/target.ts';
import { environment } from '../../../environments/index.ts';
import { dimensionsOf, type Sample, type SignalName, signals } from '../../../runtime/src/contracts/signals.ts';
import { emfLines } from '../../../runtime/src/probe/emf.ts';

const name = z.string().min(1).max(1_024);

/** What the specification asks for. @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
const metadata = z.strictObject({
  Timestamp: z.int().min(0),
  CloudWatchMetrics: z
    .array(
      z.strictObject({
        Namespace: name,
        Dimensions: z.array(z.array(name.max(250)).min(1).max(30)).min(1),
        Metrics: z
          .array(z.strictObject({ Name: name, Unit: z.enum(['None', 'Seconds', 'Bytes', 'Percent', 'Count', 'Count/Second']) }))
          .min(1)
          .max(100),
      }),
    )
    .length(1),
});
/** CloudWatch takes values from -2^360 to 2^360. */
const metricValue = z
  .number()
  .min(-(2 ** 360))
  .max(2 ** 360);

interface Metric {
  readonly dimensions: Record<string, string>;
  readonly name: string;
  readonly unit: string;
  readonly value: number;
}

/** What CloudWatch makes of a line, which must be as the specification has it. */
function metricsOf(line: string): Metric[] {
  expect(line).not.toContain('\n');
  expect(Buffer.byteLength(line)).toBeLessThan(256 * 1_024);
  const { _aws, ...members } = JSON.parse(line) as { _aws: unknown } & Record<string, unknown>;
  const { CloudWatchMetrics } = metadata.parse(_aws);
  return CloudWatchMetrics.flatMap(({ Dimensions, Metrics }) =>
    Dimensions.flatMap((keys) => {
      const dimensions = Object.fromEntries(keys.map((key) => [key, z.string().min(1).max(1_024).parse(members[key])]));
      return Metrics.map(({ Name, Unit }) => ({ dimensions, name: Name, unit: Unit, value: metricValue.parse(members[Name]) }));
    }),
  );
}

const now = Date.parse('2026-11-21T12:00:00Z');
const told = (samples: readonly Sample[]) => emfLines(samples, { environment: 'trial', now }).flatMap(metricsOf);

/** A sample of every signal, each label with a value. */
const ofEverySignal = (Object.keys(signals) as SignalName[]).map(
  (signal): Sample => ({
    signal,
    labels: Object.fromEntries(signals[signal].labels.map((label) => [label, `a-${label}`])),
    value: 1,
  }),
);

test('every signal for CloudWatch is a metric by its own name, with the dimensions that alarms look for', () => {
  const metrics = told(ofEverySignal);
  const wanted = (Object.keys(signals) as SignalName[]).filter((signal) => signals[signal].onAws);
  expect(metrics.map((metric) => metric.name).sort()).toEqual(wanted.sort());
  for (const { name: signal, dimensions } of metrics) {
    const expected = Object.entries(dimensionsOf(signal as SignalName)).map(([label, dimension]) => [dimension, `a-${label}`]);
    expect(dimensions).toEqual({ Environment: 'trial', ...Object.fromEntries(expected) });
    expect(Object.keys(dimensions)[0]).toBe('Environment');
    expect(Object.keys(dimensions).length).toBeLessThanOrEqual(9);
  }
});

test('metrics of one thing share a line', () => {
  const lines = emfLines(ofEverySignal, { environment: 'trial', now });
  const sets = new Set(lines.flatMap(metricsOf).map(({ dimensions }) => JSON.stringify(dimensions)));
  expect(lines.length).toBe(sets.size);
  expect(JSON.parse(lines[0]!)).toMatchObject({ _aws: { Timestamp: now, CloudWatchMetrics: [{ Namespace: 'Millrace' }] } });
});

test('labels that are no dimension are folded as the signal says: sums, the worst, the least', () => {
  const stream = (shard: string, value: number, consumer?: string): Sample => ({
    signal: consumer === undefined ? 'redis.stream.lag' : 'redis.stream.pending',
    labels: { service: 'events', topic: 'orders', group: 'emails', shard, ...(consumer !== undefined && { consumer }) },
    value,
  });
  const running = (node: string, value: number): Sample => ({ signal: 'rabbitmq.node.running', labels: { service: 'tasks', node }, value });
  const metrics = told([
    ...[stream('0', 3), stream('1', 4), stream('2', 0)],
    ...[stream('0', 7, 'emails-1'), stream('0', 9, 'emails-2'), stream('1', 2, '')],
    ...[running('a', 1), running('b', 0), running('c', 1)],
  ]);
  expect(metrics.map(({ name: signal, value }) => [signal, value])).toEqual([
    ['redis.stream.lag', 7],
    ['redis.stream.pending', 9],
    ['rabbitmq.node.running', 0],
  ]);
});

test('units are those of CloudWatch', () => {
  const units = Object.fromEntries(told(ofEverySignal).map(({ name: signal, unit }) => [signal, unit]));
  expect(units).toMatchObject({ 'probe.up': 'None', 'redis.stream.oldest_pending_age': 'Seconds', 'outbox.backlog': 'Count' });
});

test('what is no finite number is not told, and what has no value for a dimension is told without it', () => {
  const depth = (queue: string, value: number): Sample => ({ signal: 'rabbitmq.queue.depth', labels: { service: 'tasks', queue }, value });
  expect(told([depth('a', Number.NaN), depth('b', Number.POSITIVE_INFINITY)])).toEqual([]);
  expect(told([depth('', 5)])).toEqual([
    { dimensions: { Environment: 'trial', Service: 'tasks' }, name: 'rabbitmq.queue.depth', unit: 'Count', value: 5 },
  ]);
});

test('signals that are not for CloudWatch cost nothing', () => {
  expect(told([{ signal: 'redis.evicted_keys', labels: { service: 'events', node: 'a' }, value: 1 }])).toEqual([]);
});

/** What CloudWatch asks for a series in a month, and CloudWatch Logs for a GB that is written to it, in eu-central-1. */
const usd = { series: 0.3, gigabyteOfLogs: 0.63 };
const minutesAMonth = 30 * 24 * 60;

test('production costs no more for its series than is budgeted', () => {
  const series = probeSeriesCount(environment('production'));
  const lines = emfLines(ofEverySignal, { environment: 'production', now });
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  const perMetric = bytes / lines.flatMap(metricsOf).length;
  const logs = (series * perMetric * minutesAMonth) / 1e9;
  const cost = { series: series * usd.series, logs: logs * usd.gigabyteOfLogs };
  process.stderr.write(
    `probe on AWS: ${series} series, ${cost.series.toFixed(2)} USD a month; ${logs.toFixed(2)} GB of log, ${cost.logs.toFixed(2)} USD\n`,
  );
  expect(series).toBeGreaterThan(50);
  expect(cost.series + cost.logs).toBeLessThan(60);
});
