import {
  CloudwatchMetricAlarm,
  type CloudwatchMetricAlarmConfig,
  type CloudwatchMetricAlarmMetricQuery,
} from '@cdktf/provider-aws/lib/cloudwatch-metric-alarm';
import type { AlarmSeries } from '../../core/alarm-target.ts';
import { type Construct, TerraformIterator } from '../../core/framework.ts';
import { type SharedDimensions, sharedDimensions } from './dimensions.ts';
import { comparisonOperators, evaluationOf, treatMissingData } from './evaluation.ts';
import { alarmDescription } from './names.ts';
import type { PlannedAlarm } from './planned.ts';

/** What alarms say and whom they tell. */
export interface AlarmSurroundings {
  /** What stands before `ID.md` in notifications. */
  readonly runbooks: string;
  /** ARNs of topics that are told when it begins and when it ends. */
  readonly topicArns: readonly string[];
}

/**
 * The alarms of one plan as one resource with `for_each`: an instance a series, by the name of its alarm, so that a reviewer reads a question once and below
 * it what it is asked of.
 */
export function defineAlarms(
  scope: Construct,
  id: string,
  planned: PlannedAlarm,
  { runbooks, topicArns }: AlarmSurroundings,
): CloudwatchMetricAlarm {
  const { alert, view, level, instances } = planned;
  const { row } = alert;
  const { forEach, dimensions } = sharedDimensions(instances);
  return new CloudwatchMetricAlarm(scope, id, {
    forEach: TerraformIterator.fromMap(forEach),
    // The text, not the token of the iterator: there are hundreds, and each is looked for several times.
    alarmName: `\${each.key}`,
    alarmDescription: alarmDescription({ title: row.title, why: row.why, runbook: `${runbooks}${row.id}.md`, reason: level.reason }),
    ...evaluationOf(level, view.periodSeconds),
    treatMissingData: treatMissingData[row.missing],
    ...questionOf(planned, dimensions),
    ...(topicArns.length === 0 ? {} : { alarmActions: [...topicArns], okActions: [...topicArns] }),
  });
}

type Question = Partial<CloudwatchMetricAlarmConfig> & Pick<CloudwatchMetricAlarmConfig, 'comparisonOperator'>;

/** The part of an alarm that says what is compared with what. */
function questionOf({ view, threshold, alert, instances }: PlannedAlarm, dimensions: SharedDimensions['dimensions']): Question {
  const { kind, inputs, expression = '' } = instances[0]!;
  const comparisonOperator = comparisonOperators[alert.row.comparison];
  const period = view.periodSeconds;
  const single = inputs.m;
  if (kind === 'metric' && single !== undefined && single.query === undefined) {
    const { namespace, metricName } = single.metric;
    return { comparisonOperator, threshold, namespace, metricName, period, statistic: single.statistic, dimensions: { ...dimensions.m } };
  }
  const asked = Object.entries(inputs).map(([id, series]) => metricQuery(id, series, period, dimensions[id]));
  const returned = asked.map((query) => ({ ...query, returnData: true }));
  if (kind === 'metric') return { comparisonOperator, threshold, metricQuery: returned };
  if (kind === 'math')
    return {
      comparisonOperator,
      threshold,
      metricQuery: [...asked, { id: resultId, expression, label: alert.row.title, returnData: true }],
    };
  return {
    comparisonOperator: 'LessThanLowerOrGreaterThanUpperThreshold',
    thresholdMetricId: bandId,
    metricQuery: [...returned, { id: bandId, expression: `ANOMALY_DETECTION_BAND(m, ${threshold})`, label: 'usual', returnData: true }],
  };
}

const resultId = 'result';
const bandId = 'band';

function metricQuery(
  id: string,
  { query, statistic, metric: { namespace, metricName } }: AlarmSeries,
  period: number,
  dimensions: Readonly<Record<string, string>> = {},
): CloudwatchMetricAlarmMetricQuery {
  if (query !== undefined) return { id, expression: query, period, label: metricName };
  return { id, metric: { namespace, metricName, period, stat: statistic, dimensions: { ...dimensions } } };
}
