import { durationText } from './duration.ts';
import type { AlertRow, CloudWatchView, Level, Offering } from './row.ts';
import { severities } from './row.ts';
import { percentText, sizesText } from './units.ts';

const titles: Readonly<Record<Offering, string>> = {
  elasticache: 'ElastiCache',
  'elasticache-serverless': 'ElastiCache Serverless',
  'redis-sentinel': 'Redis Sentinel on EC2',
  msk: 'MSK',
  'msk-serverless': 'MSK Serverless',
  opensearch: 'OpenSearch Service',
  'amazon-mq': 'Amazon MQ',
  worker: 'workers on Fargate',
  probe: 'probe',
};

/** How CloudWatch sees a row, in words: what is measured, where, in which periods, and what differs from the row. */
export function cloudWatchText(row: AlertRow, view: CloudWatchView): string {
  return [
    `${valueText(view)} of ${titles[view.of]}${choiceText(view)}`,
    `each ${durationText(view.periodSeconds)}`,
    ...levelTexts(row, view),
  ].join(', ');
}

function valueText(view: CloudWatchView): string {
  if ('anomalyOf' in view) return `\`${view.anomalyOf}\` outside the band of so many standard deviations around what was usual`;
  if ('metric' in view) return `\`${view.metric}\`${view.statistic === undefined ? '' : ` (${view.statistic})`}`;
  if ('signal' in view) return `\`${view.signal}\``;
  const inputs = Object.entries('signals' in view ? view.signals : view.metrics);
  return `\`${view.expression}\` with ${inputs.map(([name, metric]) => (name === metric ? `\`${name}\`` : `\`${name}\` = \`${metric}\``)).join(', ')}`;
}

function choiceText(view: CloudWatchView): string {
  if ('ofAllServices' in view) return ', one alarm for all services';
  if (!('queues' in view)) return '';
  return view.queues === 'dead-letter' ? ', of dead letter queues' : ', of queues that are no dead letter queues';
}

/** Of each level what the row does not say: the threshold as CloudWatch compares it, and how many periods. */
function levelTexts(row: AlertRow, view: CloudWatchView): string[] {
  const { scale = 1, shareOf, levels = row.levels, periodSeconds } = view;
  const isTold = scale !== 1 || shareOf !== undefined || view.levels !== undefined;
  return severities.flatMap((severity) => {
    const level = levels[severity];
    if (level === undefined) return [];
    const parts = [...(isTold ? [conditionText(row, level, view)] : []), ...periodsText(level, periodSeconds)];
    return parts.length === 0 ? [] : [[severity, ...parts].join(' ')];
  });
}

function periodsText({ periods }: Level, periodSeconds: number): string[] {
  return periods === undefined ? [] : [`in ${periods[0]} of ${periods[1]} periods of ${durationText(periodSeconds)}`];
}

function conditionText({ comparison }: AlertRow, level: Level, { scale = 1, shareOf }: CloudWatchView): string {
  const quota = shareOf === undefined ? '' : ` of \`${shareOf}\``;
  const number = (threshold: number): string =>
    shareOf === undefined ? Number((threshold * scale).toPrecision(12)).toLocaleString('en-US') : percentText(threshold);
  return `${comparison} ${sizesText(level, number)}${quota}`;
}
