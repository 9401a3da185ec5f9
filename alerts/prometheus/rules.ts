import type { Environment } from '../../environments/schema.ts';
import type { Alert, ResolvedLevel } from '../resolve.ts';
import { thresholdText, valueTemplate } from '../units.ts';
import { conditionOf, isWatched, labelsOf, needsServiceLabel, type WatchedRow } from './promql.ts';
import { type RecordingRule, recordingsOf } from './recordings.ts';

/** One alert of Prometheus. */
export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  /** How long the condition must hold. @default it fires at once */
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  /** @default how often Prometheus evaluates rules */
  readonly interval?: string;
  readonly rules: readonly (AlertingRule | RecordingRule)[];
}

/** Services that share one rule, because nothing about it differs between them. */
interface Shared {
  readonly row: WatchedRow;
  readonly level: ResolvedLevel;
  readonly services: readonly string[];
}

/** Rules for what Prometheus can see of the alerts, a group for each subject, after what they need recorded. */
export function ruleGroups(alerts: readonly Alert[], { runbooks }: Pick<Environment['alerts'], 'runbooks'>): RuleGroup[] {
  const shared = sharedRules(alerts);
  const recordings = recordingsOf(alerts);
  return [
    ...(recordings.length > 0 ? [{ name: 'millrace-recordings', interval: '1m', rules: recordings }] : []),
    ...[...new Set(shared.map(({ row }) => row.subject))].map((subject) => ({
      name: `millrace-${subject}`,
      rules: shared.filter(({ row }) => row.subject === subject).map((rule) => alertingRule(rule, runbooks)),
    })),
  ];
}

/**
 * The file of `rule_files`. JSON is YAML, and so are the comments before it: alerts that are disabled here, and why.
 */
export function renderRules(alerts: readonly Alert[], settings: Pick<Environment['alerts'], 'runbooks'>): string {
  const groups = ruleGroups(alerts, settings);
  const disabled = alerts
    .filter(({ row }) => isWatched(row))
    .flatMap(({ row, service, disabled: levels }) =>
      levels.map(({ severity, reason }) => `# disabled: ${row.id}.${severity}@${service}: ${reason.replace(/\s+/g, ' ')}\n`),
    );
  return `${disabled.join('')}${JSON.stringify({ groups }, null, 2)}\n`;
}

function sharedRules(alerts: readonly Alert[]): Shared[] {
  const shared = new Map<string, { row: WatchedRow; level: ResolvedLevel; services: string[] }>();
  for (const { row, service, levels } of alerts) {
    if (!isWatched(row)) continue;
    for (const level of levels) {
      const { severity, threshold, reason = '' } = level;
      const key = JSON.stringify([row.id, severity, threshold, reason, needsServiceLabel(row) ? service : '']);
      const known = shared.get(key);
      if (known === undefined) shared.set(key, { row, level, services: [service] });
      else known.services.push(service);
    }
  }
  return [...shared.values()];
}

function alertingRule({ row, level, services }: Shared, runbooks: string): AlertingRule {
  const { severity, threshold, forSeconds, reason } = level;
  const [only] = services;
  return {
    alert: row.id,
    expr: conditionOf(row, threshold, services),
    ...(forSeconds > 0 && { for: `${forSeconds}s` }),
    labels: { severity, ...(services.length === 1 && { service: only! }) },
    annotations: {
      summary: summaryOf(row, threshold, services),
      description: row.why,
      runbook_url: `${runbooks}${row.id}.md`,
      ...(reason !== undefined && { threshold_reason: verbatim(reason) }),
    },
  };
}

/** Prometheus reads annotations as templates, and a file with a broken one not at all: what people write must be no template. */
function verbatim(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}');
}

/** `Redis has used most of its memory: events, node 10.0.0.1:6379, 85 % (alert when > 80 %)` once Prometheus has filled it. */
function summaryOf(row: WatchedRow, threshold: number, services: readonly string[]): string {
  const where = labelsOf(row.prometheus)
    .filter((label) => label !== 'service')
    .map((label) => `{{ with $labels.${label} }}, ${label} {{ . }}{{ end }}`);
  const service = services.length === 1 ? services[0]! : '{{ $labels.service }}';
  const value = valueTemplate(row);
  // Only what is absent has a value that differs from itself.
  const found = row.missing === 'trouble' ? `{{ if ne $value $value }}no value{{ else }}${value}{{ end }}` : value;
  return `${row.title}: ${service}${where.join('')}, ${found} (alert when ${row.comparison} ${thresholdText(row, threshold)})`;
}
