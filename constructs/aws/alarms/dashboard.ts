import type { AlarmSeries } from '../../core/alarm-target.ts';
import type { EnvironmentIdentity } from '../../core/identity.ts';
import { arnOf } from '../../core/naming.ts';
import type { AlarmInstance, PlannedAlarm, PlannedAlert } from './planned.ts';

/** What CloudWatch takes. @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html */
export const mostWidgets = 500;
/** An alarm widget shows as many. */
const mostAlarms = 100;

const width = 24;
const graph = { width: 8, height: 6 };
const states = { width, height: 3 };
const heading = { width, height: 1 };

interface Widget {
  readonly type: string;
  readonly width: number;
  readonly height: number;
  readonly x?: number;
  readonly y?: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

const colors = { info: '#1f77b4', warning: '#ff9900', critical: '#d13212' } as const;

/**
 * The body of the dashboard of an environment: of each service the state of its alarms, and a graph of each alert with its thresholds; of what the probe
 * says too. Services are in the order of their first alert.
 */
export function dashboardBody(identity: EnvironmentIdentity, planned: readonly PlannedAlert[]): string {
  const shown = planned.filter(({ alarms }) => alarms.length > 0);
  const services = [...new Set(shown.map(({ alert }) => alert.service))];
  const widgets = services.flatMap((service) =>
    ofService(
      identity,
      service,
      shown.filter(({ alert }) => alert.service === service),
    ),
  );
  return JSON.stringify({ widgets: placed(widgets) });
}

function ofService(identity: EnvironmentIdentity, service: string, planned: readonly PlannedAlert[]): Widget[] {
  const names = planned.flatMap(({ alarms }) => alarms.flatMap(({ instances }) => instances.map(({ name }) => name)));
  const parts = Array.from({ length: Math.ceil(names.length / mostAlarms) }, (_, part) =>
    names.slice(part * mostAlarms, (part + 1) * mostAlarms),
  );
  return [
    { type: 'text', ...heading, properties: { markdown: `## ${service}`, background: 'transparent' } },
    ...parts.map((part) => ({
      ...{ type: 'alarm', ...states },
      properties: {
        title: `Alarms of ${service}`,
        sortBy: 'stateUpdatedTimestamp',
        alarms: part.map((name) => arnOf(identity, 'cloudwatch', `alarm:${name}`)),
      },
    })),
    ...planned.flatMap(({ alarms }) => graphsOf(identity, alarms)),
  ];
}

/** One graph for each way in which the alert is measured; its levels are lines in it. */
function graphsOf({ region }: EnvironmentIdentity, alarms: readonly PlannedAlarm[]): Widget[] {
  const views = [...new Set(alarms.map(({ view }) => view))];
  return views.map((view) => {
    const levels = alarms.filter((alarm) => alarm.view === view);
    const [{ alert, variant, level, threshold }] = levels as [PlannedAlarm, ...PlannedAlarm[]];
    const lines = levels.filter((one) => one.level.severity === level.severity).flatMap(({ instances }) => instances);
    const horizontal = lines.some(({ kind }) => kind === 'anomaly') ? [] : thresholdLines(levels);
    return {
      ...{ type: 'metric', ...graph },
      properties: {
        title: [alert.row.id, variant].filter((part) => part !== '').join(' '),
        ...{ region, period: view.periodSeconds },
        metrics: shortened(lines.flatMap((line, index) => linesOf(line, index, threshold))),
        ...(horizontal.length > 0 && { annotations: { horizontal } }),
      },
    };
  });
}

function thresholdLines(levels: readonly PlannedAlarm[]): readonly object[] {
  const lines = levels.map(({ level: { severity }, threshold }) => ({ label: severity, value: threshold, color: colors[severity] }));
  return [...new Map(lines.map((line) => [JSON.stringify(line), line])).values()];
}

/** Namespace, name, names and values of dimensions, and options; of math the options alone. */
type Line = readonly [...texts: string[], options: Readonly<Record<string, unknown>>];

/** What a graph draws of one alarm; identifiers of math are those of this line alone. */
function linesOf({ kind, inputs, expression = '', detail }: AlarmInstance, index: number, threshold: number): Line[] {
  const own = (id: string): string => `${id}${index}`;
  const label = detail ?? 'value';
  if (kind === 'metric') return [metricLine(inputs.m!, { label })];
  if (kind === 'anomaly') {
    const band = { expression: `ANOMALY_DETECTION_BAND(${own('m')}, ${threshold})`, label: `usual ${label}` };
    return [metricLine(inputs.m!, { id: own('m'), label }), [band]];
  }
  const renamed = Object.keys(inputs).reduce((text, id) => text.replaceAll(new RegExp(`\\b${id}\\b`, 'g'), own(id)), expression);
  return [
    ...Object.entries(inputs).map(([id, series]) => metricLine(series, { id: own(id), visible: false })),
    [{ expression: renamed, label }],
  ];
}

function metricLine({ query, statistic, metric }: AlarmSeries, options: Readonly<Record<string, unknown>>): Line {
  if (query !== undefined) return [{ expression: query, ...options }];
  return [metric.namespace, metric.metricName, ...Object.entries(metric.dimensions).flat(), { stat: statistic, ...options }];
}

/** Texts that are those of the line before are a point: a body of a large environment is half as long. */
function shortened(lines: readonly Line[]): Line[] {
  return lines.map((line, index) => {
    const before = lines[index - 1] ?? [{}];
    if (line.length === 1 || before.length !== line.length) return line;
    return line.map((part, place) => (typeof part === 'string' && part === before[place] ? '.' : part)) as unknown as Line;
  });
}

/** From the left to the right, a new row where the next one has no room. */
function placed(widgets: readonly Widget[]): Widget[] {
  let [x, y, rowHeight] = [0, 0, 0];
  return widgets.map((widget) => {
    if (x + widget.width > width) [x, y, rowHeight] = [0, y + rowHeight, 0];
    const here = { ...widget, x, y };
    x += widget.width;
    rowHeight = Math.max(rowHeight, widget.height);
    return here;
  });
}
