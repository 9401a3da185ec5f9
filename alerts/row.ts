import type { Size } from '../environments/schema.ts';
import type { ServiceRole } from '../runtime/src/contracts/binding.ts';
import type { SignalLabel, SignalName, SignalSubject, SignalUnit } from '../runtime/src/contracts/signals.ts';

export const severities = ['info', 'warning', 'critical'] as const;
/** `critical` wakes somebody up, `warning` is for the next working day, `info` shows on dashboards and tells nobody. */
export type Severity = (typeof severities)[number];
/** Severities that somebody is told of. */
export const toldSeverities = ['warning', 'critical'] as const satisfies readonly Severity[];
export type ToldSeverity = (typeof toldSeverities)[number];

/** What a row watches: servers of a kind, streams on any Redis, what programs of the package do, or those who watch. */
export type Subject = SignalSubject | 'streams' | 'worker' | 'prometheus' | 'alertmanager';

/** One alert, for every back end: what is too much, for how long, why it matters. Its remedy is in `docs/runbooks/ID.md`. */
export interface AlertRow {
  /** Its name in every back end and of its runbook: lower-case words joined by hyphens, the subject first. */
  readonly id: string;
  readonly subject: Subject;
  /** Services with these roles alone. @default all: a cache that is full is at work, an event store that is full refuses writes */
  readonly roles?: readonly ServiceRole[];
  /** For whoever is woken up, without final period: `Redis has used most of its memory`. */
  readonly title: string;
  /** Unit of the thresholds; `1` with thresholds up to 1 is a ratio and shown as percent. */
  readonly unit: SignalUnit;
  readonly comparison: '>' | '>=' | '<' | '<=';
  readonly levels: Readonly<Partial<Record<Severity, Level>>>;
  /** What it means that there is no value: nothing wrong, trouble, or as it was before. CloudWatch: notBreaching, breaching, ignore. */
  readonly missing: 'fine' | 'trouble' | 'as-before';
  /** How CloudWatch sees it; one for each way in which AWS or the probe measures it. Without, and without `prometheus`, a row is no alert. */
  readonly cloudWatch?: readonly CloudWatchView[];
  readonly prometheus?: PrometheusView;
  /** What it costs users of the environment to leave it, in a sentence with its period. */
  readonly why: string;
  /** Where the threshold comes from: a page of the vendor, or the requirement in a sentence. */
  readonly source: string;
}

export interface Level {
  readonly threshold: number | Readonly<Record<Size, number>>;
  /** How long it must last. Prometheus waits as long; CloudWatch takes as many periods as it has room for, at least one. */
  readonly forSeconds: number;
  /** Of CloudWatch, where values jump: so many of the last so many periods. @default all of `forSeconds` */
  readonly periods?: readonly [breaching: number, of: number];
}

/** Who measures on AWS: one of the constructs, or the probe. */
export const offerings = [
  'elasticache',
  'elasticache-serverless',
  'redis-sentinel',
  'msk',
  'msk-serverless',
  'opensearch',
  'amazon-mq',
  'worker',
  'probe',
] as const;
export type Offering = (typeof offerings)[number];

interface AnyView {
  readonly of: Offering;
  readonly periodSeconds: number;
  /** What the threshold is multiplied with before it is compared, where CloudWatch counts in another unit: 100 for percent, 1e6 for microseconds. @default 1 */
  readonly scale?: number;
  /**
   * What the threshold is a share of, by the name that the construct has for it: a quota of the instance type.
   *
   * @default nothing: it is absolute
   */
  readonly shareOf?: string;
  /** Instead of the row's, for what AWS counts in other periods or from another height. */
  readonly levels?: AlertRow['levels'];
}

/** One metric of the construct, with its own statistic. */
interface MetricView extends AnyView {
  readonly metric: string;
  /** @default that of the construct's table */
  readonly statistic?: 'Average' | 'Maximum' | 'Minimum' | 'Sum';
}

/** Metric math over metrics of one thing, by the identifiers that the expression has for them. */
interface MathView extends AnyView {
  readonly expression: string;
  readonly metrics: Readonly<Record<string, string>>;
}

/** Of signals with the label `queue`. */
interface QueueChoice {
  /** Those that others name as their deadLetterQueue, which nobody needs to read, or all others. @default all */
  readonly queues?: 'working' | 'dead-letter';
}

/** A signal that the probe tells: `of` is `probe`. */
interface SignalView extends AnyView, QueueChoice {
  readonly signal: SignalName;
  /** One alarm for all services that the probe looks at: what is wrong with them is one thing. @default false: one for each */
  readonly ofAllServices?: true;
}

/** Metric math over signals; the alarms are those of the one with the most dimensions, the others have a part of them. */
interface SignalMathView extends AnyView, QueueChoice {
  readonly expression: string;
  readonly signals: Readonly<Record<string, SignalName>>;
}

/** Outside the band of what was usual at this time of the day and week; the threshold is the width of the band in standard deviations. */
interface AnomalyView extends AnyView {
  readonly anomalyOf: string;
}

export type CloudWatchView = MetricView | MathView | SignalView | SignalMathView | AnomalyView;

/** A signal folded to some of its labels, or an expression of PromQL without the comparison. */
export type PrometheusView = SignalQuery | ExpressionQuery;

interface SignalQuery {
  readonly signal: SignalName;
  /** @default the dimensions that CloudWatch would have, and `node` where it is among the labels */
  readonly by?: readonly SignalLabel[];
  /** Of a counter: how much it rose in this time. */
  readonly increaseOverSeconds?: number;
}

interface ExpressionQuery {
  /** `$services` stands for a matcher value with the names of the services that it is for: `up{job=~"$services"}`. */
  readonly expression: string;
  /** Labels that the result has. */
  readonly by: readonly string[];
}
