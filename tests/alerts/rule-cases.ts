import { isWatched, labelsOf, type WatchedRow } from '../../alerts/prometheus/promql.ts';
import type { AlertingRule } from '../../alerts/prometheus/rules.ts';
import type { Alert, ResolvedLevel } from '../../alerts/resolve.ts';
import { prometheusName, type SignalLabel, signals } from '../../runtime/src/contracts/signals.ts';
import { expressionCases } from './cases.ts';
import type { Course, Courses } from './course.ts';

/** One situation of one rule, from which promtool says whether it fires. */
export interface RuleCase {
  readonly title: string;
  readonly series: Courses;
  /** Names of the services that it fires for; of none it is silent. */
  readonly fires: readonly string[];
}

/** Everything that a rule is tried with. */
export interface TriedRule {
  readonly rule: AlertingRule;
  readonly row: WatchedRow;
  readonly level: ResolvedLevel;
  readonly services: readonly string[];
  /** Between samples, and between evaluations. */
  readonly stepSeconds: number;
  /** How long a series takes until an expression over a range has seen enough of it. */
  readonly warmSeconds: number;
  readonly cases: readonly RuleCase[];
}

/** The rule with a firing and a silent case, from its row, or by hand where the row has an expression. */
export function tried(rule: AlertingRule, alerts: readonly Alert[]): TriedRule {
  const { severity, service } = rule.labels;
  const matching = alerts.filter(
    ({ row, levels }) => row.id === rule.alert && isWatched(row) && levels.some((level) => level.severity === severity),
  );
  const levelOf = (alert: Alert) => alert.levels.find((level) => level.severity === severity)!;
  const reason = rule.annotations.threshold_reason;
  const mine = matching.filter((alert) => (service === undefined ? true : alert.service === service) && levelOf(alert).reason === reason);
  const [first] = mine;
  const row = first!.row as WatchedRow;
  const services = mine.map((alert) => alert.service);
  const level = levelOf(first!);
  const common = { rule, row, level, services };
  const { prometheus: view } = row;
  if ('expression' in view) {
    const { warmSeconds = 0, ...make } = expressionCases[row.id] ?? missingCase(row.id);
    const stepSeconds = stepOf(level.forSeconds, warmSeconds);
    const from = (found: typeof make.firing) =>
      Object.assign({}, ...services.map((name) => found(level.threshold, name, stepSeconds))) as Courses;
    const cases = [
      { title: 'fires', series: from(make.firing), fires: services },
      { title: 'is silent', series: from(make.silent), fires: [] },
    ];
    return { ...common, stepSeconds, warmSeconds, cases };
  }
  const warmSeconds = view.increaseOverSeconds ?? 0;
  const stepSeconds = stepOf(level.forSeconds, warmSeconds);
  return { ...common, stepSeconds, warmSeconds, cases: signalCases(row, level, services, stepSeconds) };
}

/** Few enough samples for promtool to be quick; Prometheus forgets a value after five minutes. */
function stepOf(forSeconds: number, warmSeconds: number): number {
  if (warmSeconds > 3_600) return 240;
  return Math.max(forSeconds, warmSeconds) <= 900 ? 15 : 60;
}

function missingCase(id: string): never {
  throw new Error(`tests/alerts/cases.ts has no firing and no silent case of ${id}, whose row has an expression`);
}

function signalCases(
  row: WatchedRow,
  { threshold, forSeconds }: ResolvedLevel,
  services: readonly string[],
  stepSeconds: number,
): RuleCase[] {
  const { comparison, missing, prometheus: view } = row;
  if (!('signal' in view)) return [];
  const rises = comparison.startsWith('>');
  const margin = Math.max(Math.abs(threshold) * 0.001, 0.001) * (rises ? 1 : -1);
  const window = view.increaseOverSeconds;
  // What rises is extrapolated to the window, so it cannot meet the threshold exactly.
  const room = window === undefined ? 0 : Math.abs(threshold) * 0.02;
  const beyond = comparison.endsWith('=') ? threshold + room : threshold + margin + room;
  const atMost = comparison.endsWith('=') ? threshold - margin - room : threshold - room;
  const course = (value: number): Course => (window === undefined ? value : [0, (value / window) * stepSeconds]);
  const seriesOf = (quantity: number, courseOf = course) =>
    Object.assign({}, ...services.map((name) => folded(row, name, quantity, courseOf))) as Courses;
  // It fires, and then there is no value any more at the last evaluation but one.
  const ending = (value: number): Course => `${value}+0x${Math.ceil(forSeconds / stepSeconds) + 1} stale`;
  const goes = { title: 'goes away', series: seriesOf(beyond, ending), fires: missing === 'as-before' ? services : [] };
  return [
    { title: 'fires just beyond', series: seriesOf(beyond), fires: services },
    { title: 'is silent just before', series: seriesOf(atMost), fires: [] },
    { title: 'no value', series: {}, fires: missing === 'trouble' ? services : [] },
    // What rose within a range is known for a while longer, and what is absent has a time of its own to last.
    ...(window === undefined && missing !== 'trouble' ? [goes] : []),
  ];
}

/** Two series that the fold of the signal makes `quantity` of, where a label is folded; otherwise one. */
function folded(row: WatchedRow, service: string, quantity: number, course: (value: number) => Course): Courses {
  const { prometheus: view } = row;
  if (!('signal' in view)) return {};
  const { labels, fold } = signals[view.signal];
  const kept = labelsOf(view);
  const open = (labels as readonly SignalLabel[]).find((label) => !kept.includes(label));
  const name = (which: string) => {
    const pairs = labels.map((label) => `${label}="${label === 'service' ? service : label === open ? which : `a-${label}`}"`);
    return `${prometheusName(view.signal)}{${pairs.join(',')},job="probe",instance="127.0.0.1:1"}`;
  };
  if (open === undefined) return { [name('')]: course(quantity) };
  const [one, other] = fold === 'sum' ? [quantity / 4, (quantity * 3) / 4] : [quantity, fold === 'max' ? quantity / 2 : quantity * 2 + 1];
  return { [name('one')]: course(one), [name('other')]: course(other) };
}
