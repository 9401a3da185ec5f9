import { labelsOf } from '../../alerts/prometheus/promql.ts';
import { type AlertRow, type CloudWatchView, type Level, type Offering, type Subject, severities } from '../../alerts/row.ts';
import { amazonMqMetrics, amazonMqNodeMetrics, amazonMqQueueMetrics } from '../../constructs/aws/amazon-mq/metrics.ts';
import { elastiCacheMetrics } from '../../constructs/aws/elasticache/metrics.ts';
import { elastiCacheServerlessMetrics } from '../../constructs/aws/elasticache-serverless/metrics.ts';
import { groupMetrics, mskMetrics } from '../../constructs/aws/msk/metrics.ts';
import { serverlessMetrics } from '../../constructs/aws/msk-serverless/metrics.ts';
import { openSearchMetrics } from '../../constructs/aws/opensearch/metrics.ts';
import { redisSentinelMetrics } from '../../constructs/aws/redis-sentinel/metrics.ts';
import { workerMetrics } from '../../constructs/aws/worker/metrics.ts';
import { prometheusName, type Signal, signals } from '../../runtime/src/contracts/signals.ts';

/** Names of the metrics that each construct tells. */
const metrics: Readonly<Record<Exclude<Offering, 'probe'>, readonly string[]>> = {
  elasticache: Object.keys(elastiCacheMetrics),
  'elasticache-serverless': Object.keys(elastiCacheServerlessMetrics),
  'redis-sentinel': Object.keys(redisSentinelMetrics),
  msk: [...Object.keys(mskMetrics), ...Object.keys(groupMetrics)],
  'msk-serverless': [...Object.keys(serverlessMetrics), ...Object.keys(groupMetrics)],
  opensearch: Object.keys(openSearchMetrics),
  'amazon-mq': [...Object.keys(amazonMqMetrics), ...amazonMqNodeMetrics, ...Object.keys(amazonMqQueueMetrics)],
  worker: Object.keys(workerMetrics),
};

/** What an id may begin with; the inbox lies beside the outbox. */
const words: Readonly<Record<Subject, readonly string[]>> = {
  ...{ outbox: ['outbox', 'inbox'], streams: ['streams'], redis: ['redis'], kafka: ['kafka'], rabbitmq: ['rabbitmq'] },
  ...{ opensearch: ['opensearch'], postgres: ['postgres'], worker: ['worker'], probe: ['probe'] },
  ...{ prometheus: ['prometheus'], alertmanager: ['alertmanager', 'prometheus'] },
};

/** Everything that is wrong with one row, whoever renders it. */
export function problemsOf(row: AlertRow): string[] {
  const views = row.cloudWatch ?? [];
  const problems = [
    ...(/^[a-z]+(-[a-z0-9]+)+$/.test(row.id) ? [] : ['its id is not lower-case words joined by hyphens']),
    ...(words[row.subject].some((word) => row.id.startsWith(`${word}-`)) ? [] : [`its id does not begin with ${row.subject}`]),
    ...(views.length === 0 && row.prometheus === undefined ? ['no back end sees it'] : []),
    ...(row.title.endsWith('.') ? ['its title ends with a period'] : []),
    ...(['why', 'source'] as const).flatMap((field) => (row[field].length > 20 ? [] : [`${field} says nothing`])),
    ...[row.levels, ...views.flatMap(({ levels }) => levels ?? [])].flatMap((levels) => levelProblems(row, levels)),
    ...views.flatMap(viewProblems),
    ...prometheusProblems(row),
  ];
  return problems.map((problem) => `${row.id}: ${problem}`);
}

function levelProblems({ comparison }: AlertRow, levels: AlertRow['levels']): string[] {
  const told = severities.flatMap((severity) => levels[severity] ?? []);
  if (told.length === 0) return ['it has no level'];
  const harder = (mild: number, hard: number): boolean => (comparison.startsWith('>') ? hard >= mild : hard <= mild);
  return told.slice(1).flatMap((level, index) => {
    const milder = told[index]!;
    const pairs = sizesOf(level).map((hard, size) => [sizesOf(milder)[size]!, hard] as const);
    const same = pairs.every(([mild, hard]) => mild === hard) && level.forSeconds <= milder.forSeconds;
    return pairs.every(([mild, hard]) => harder(mild, hard)) && !same ? [] : ['a severer level is not beyond the milder one'];
  });
}

/** Small, medium, large. */
function sizesOf({ threshold }: Level): number[] {
  return typeof threshold === 'number' ? [threshold, threshold, threshold] : [threshold.small, threshold.medium, threshold.large];
}

function viewProblems(view: CloudWatchView): string[] {
  const { of } = view;
  const named = metricsOf(view);
  if (of === 'probe') {
    const told = named.filter((name) => !isSignal(name) || !signals[name].onAws);
    return told.map((name) => `CloudWatch is not told the signal ${name}`);
  }
  return named.filter((name) => !metrics[of].includes(name)).map((name) => `${of} has no metric ${name}`);
}

/** Metrics or signals that a view of CloudWatch is worked out from. */
export function metricsOf(view: CloudWatchView): string[] {
  if ('anomalyOf' in view) return [view.anomalyOf];
  if ('metric' in view) return [view.metric];
  if ('signal' in view) return [view.signal];
  return Object.values('signals' in view ? view.signals : view.metrics);
}

function prometheusProblems({ prometheus: view }: AlertRow): string[] {
  if (view === undefined) return [];
  const labels = labelsOf(view);
  const tenant = labels.filter((label) => label.includes('tenant')).map(() => 'a label names tenants');
  if ('expression' in view) {
    const unknown = [...view.expression.matchAll(/\bmillrace_\w+/g)].map(([name]) => name).filter((name) => !metricNames.has(name));
    return [...tenant, ...unknown.map((name) => `Prometheus has no ${name}`)];
  }
  if (!isSignal(view.signal)) return [...tenant, `there is no signal ${view.signal}`];
  const { labels: own, kind }: Signal = signals[view.signal];
  return [
    ...tenant,
    ...labels.filter((label) => !own.some((each) => each === label)).map((label) => `${view.signal} has no label ${label}`),
    ...((kind === 'counter') === (view.increaseOverSeconds !== undefined) ? [] : [`a ${kind} is not compared like that`]),
  ];
}

const metricNames = new Set(Object.keys(signals).map((name) => prometheusName(name as keyof typeof signals)));

function isSignal(name: string): name is keyof typeof signals {
  return Object.hasOwn(signals, name);
}
