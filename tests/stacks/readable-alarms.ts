type Arguments = Readonly<Record<string, unknown>>;

interface Query {
  readonly id: string;
  readonly expression?: string;
  readonly metric?: { readonly namespace: string; readonly metric_name: string; readonly stat: string; readonly dimensions: object };
}

/** What all alarms of `alerts/` have alike; one that has it otherwise shows it. */
const alike: Arguments = { alarm_name: `\${each.key}` };

/**
 * The alarms of one row as a reviewer reads them, a few lines in place of forty: what is asked, when it is too much, whom it tells, and which alarms there are.
 *
 * Title and reason of the row are left out, which `docs/alerts.md` has; an argument that this does not know is shown as it is.
 */
export function readableAlarm(alarm: Arguments): Arguments {
  if (alarm.for_each === undefined) return alarm;
  const { for_each, alarm_description, alarm_actions, ok_actions, metric_query, ...others } = alarm;
  const {
    comparison_operator,
    threshold,
    threshold_metric_id,
    period,
    evaluation_periods,
    datapoints_to_alarm,
    treat_missing_data,
    ...more
  } = others;
  const { namespace, metric_name, statistic, dimensions, ...rest } = more;
  const queries = (metric_query ?? []) as readonly Query[];
  const single = namespace === undefined ? [] : [metricText({ namespace, metric_name, stat: statistic, dimensions } as Query['metric'])];
  const periods = [period, ...queries.map((query) => JSON.stringify(query).match(/"period":(\d+)/)?.[1])].find((one) => one !== undefined);
  const told = String(alarm_actions ?? 'nobody');
  return {
    alarms: for_each,
    asks: [...single, ...queries.map(({ id, expression, metric }) => `${id}: ${expression ?? metricText(metric)}`)],
    breaches: `${comparison_operator} ${threshold ?? threshold_metric_id}, ${datapoints_to_alarm ?? evaluation_periods} of ${evaluation_periods} periods of ${periods} s, without data ${treat_missing_data}`,
    says: String(alarm_description).split('\n').slice(2).join(' '),
    tells: told === String(ok_actions ?? 'nobody') ? told.replace(/^arn:.*:/, '') : { alarm_actions, ok_actions },
    ...Object.fromEntries(Object.entries(rest).filter(([name, value]) => JSON.stringify(alike[name]) !== JSON.stringify(value))),
  };
}

function metricText(metric: Query['metric']): string {
  if (metric === undefined) return 'nothing';
  const dimensions = Object.entries(metric.dimensions).map(([name, value]) => `${name}=${value}`);
  return `${metric.stat} of ${metric.namespace} ${metric.metric_name}, ${dimensions.join(', ')}`;
}
