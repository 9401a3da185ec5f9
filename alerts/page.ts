import { cloudWatchText } from './cloudwatch-text.ts';
import { durationText } from './duration.ts';
import { alertsIntro } from './page-intro.ts';
import { isWatched, quantityOf } from './prometheus/promql.ts';
import type { AlertRow, Level, Subject } from './row.ts';
import { severities } from './row.ts';
import { alertRows } from './rows/index.ts';
import { sizesText, thresholdText } from './units.ts';

const subjects: Readonly<Record<Subject, string>> = {
  outbox: 'Outbox and inbox',
  streams: 'Streams on Redis',
  redis: 'Redis and Valkey',
  kafka: 'Kafka',
  rabbitmq: 'RabbitMQ',
  opensearch: 'OpenSearch',
  postgres: 'PostgreSQL',
  worker: 'Workers',
  probe: 'Probe',
  prometheus: 'Prometheus',
  alertmanager: 'Alertmanager',
};

const missingWords = { fine: 'means nothing', trouble: 'is trouble too', 'as-before': 'leaves the alert as it was' } as const;

/** Stands for the names of services in expressions of Prometheus. */
const anyService = 'SERVICE';

/** The page of all alerts, `docs/alerts.md`. */
export function alertsPage(rows: readonly AlertRow[] = alertRows): string {
  const present = (Object.keys(subjects) as Subject[]).map((subject) => ({ subject, own: rows.filter((row) => row.subject === subject) }));
  return `${[alertsIntro, ...present.filter(({ own }) => own.length > 0).map(({ subject, own }) => subjectText(subjects[subject], own))].join('\n\n')}\n`;
}

function subjectText(title: string, rows: readonly AlertRow[]): string {
  const used = severities.filter((severity) => rows.some(({ levels }) => levels[severity] !== undefined));
  const overview = rows.map((row) => {
    const told = used.map((severity) => row.levels[severity]).map((level) => (level === undefined ? '' : conditionText(row, level)));
    const seenBy = [...(row.cloudWatch === undefined ? [] : ['CloudWatch']), ...(isWatched(row) ? ['Prometheus'] : [])];
    return line([`[${row.id}](#${row.id})`, ...told, seenBy.join(', ')]);
  });
  const table = [line(['alert', ...used, 'seen by']), line(['---', ...used.map(() => '---'), '---']), ...overview].join('\n');
  return [`## ${title}`, table, ...rows.map(rowText)].join('\n\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** One alert with its renderings, narrow enough for a page on GitHub. */
function rowText(row: AlertRow): string {
  const levels = severities.flatMap((severity) => {
    const level = row.levels[severity];
    return level === undefined ? [] : [`**${severity}** ${conditionText(row, level)}${lastingText(level)}`];
  });
  const roles = row.roles === undefined ? '' : ` Of services with the role ${row.roles.map((role) => `\`${role}\``).join(', ')}.`;
  return [
    `### ${row.id}`,
    `${row.title}: ${levels.join('; ')}. No value ${missingWords[row.missing]}.${roles} [Runbook](runbooks/${row.id}.md)`,
    row.why,
    [
      ...(row.cloudWatch ?? []).map((view) => `- CloudWatch: ${cloudWatchText(row, view)}`),
      ...(isWatched(row) ? [`- Prometheus: \`${quantityOf(row.prometheus, [anyService])}\``] : []),
      `- Source: ${/^https?:\S+$/.test(row.source) ? `<${row.source}>` : row.source}`,
    ].join('\n'),
  ].join('\n\n');
}

/** `> 80 %`, and where sizes differ each of them. */
function conditionText(row: AlertRow, level: Level): string {
  return `${row.comparison} ${sizesText(level, (threshold) => thresholdText(row, threshold))}`;
}

function lastingText({ forSeconds }: Level): string {
  return forSeconds === 0 ? ' at once' : ` for ${durationText(forSeconds)}`;
}
