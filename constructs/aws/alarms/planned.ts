import { type Alert, type AlertedEnvironment, alertsOf, type ResolvedLevel } from '../../../alerts/resolve.ts';
import type { AlertRow, CloudWatchView } from '../../../alerts/row.ts';
import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import type { AlarmTarget } from '../../core/alarm-target.ts';
import { type Asked, askedBy, isOfAllServices, nameOf } from './asked.ts';
import { alarmName } from './names.ts';

/** One alarm before it is a resource; its siblings differ in the series alone. */
export interface AlarmInstance extends Asked {
  /** As CloudWatch knows it. */
  readonly name: string;
}

/** Alarms of one row, service, view and level: the same question about each node, broker, queue or whatever it is of; about one, where each has its own limit. */
export interface PlannedAlarm {
  /** Of several services, that of the first. */
  readonly alert: Alert;
  /** Names of the services that it is about. */
  readonly services: readonly string[];
  readonly view: CloudWatchView;
  readonly level: ResolvedLevel;
  /** In the unit of CloudWatch; of an anomaly the width of the band. */
  readonly threshold: number;
  /** Tells it from other views of the row; empty where there is one. */
  readonly variant: string;
  /** What alone it is about, where each has its own limit: an alarm stays where it is in the plan when limits change. */
  readonly only?: string;
  readonly instances: readonly AlarmInstance[];
}

/** What is planned of one alert of one service. */
export interface PlannedAlert {
  readonly alert: Alert;
  readonly alarms: readonly PlannedAlarm[];
}

/**
 * Every alarm of an environment: its alerts, asked of what measures there. Alerts that nothing measures on AWS have none.
 *
 * Where the construct itself measures something, the probe is not asked for it a second time.
 *
 * @throws {TypeError} when a row asks a construct for a metric or a limit that it does not know.
 * @throws {MillraceError} ENVIRONMENT_INVALID when two alarms would have one name: CloudWatch would have one of them.
 */
export function plannedAlerts(
  environment: AlertedEnvironment & { readonly name: string },
  targets: readonly AlarmTarget[],
  rows?: readonly AlertRow[],
): PlannedAlert[] {
  const planned = together(alertsOf(environment, rows).map((alert) => ({ alert, alarms: alarmsOf(alert, environment, targets) })));
  requireOwnNames(planned);
  return planned;
}

function requireOwnNames(planned: readonly PlannedAlert[]): void {
  const bearers = new Map<string, string>();
  for (const { alert, level, instances } of planned.flatMap(({ alarms }) => alarms))
    for (const { name, detail, inputs } of instances) {
      const metrics = Object.values(inputs).map(({ metric: { metricName, dimensions } }) => `${metricName} ${JSON.stringify(dimensions)}`);
      const bearer = `${alert.row.id}.${level.severity}@${alert.service}${detail === undefined ? '' : ` of ${detail}`} (${metrics.join(', ')})`;
      const other = bearers.get(name);
      if (other !== undefined)
        throw new MillraceError(
          'ENVIRONMENT_INVALID',
          `two alarms have the name ${name}: ${other} and ${bearer}; rename what one of them is about`,
        );
      bearers.set(name, bearer);
    }
}

/** What one alert of one service is, as if there were no other service. */
function alarmsOf(
  alert: Alert,
  environment: AlertedEnvironment & { readonly name: string },
  targets: readonly AlarmTarget[],
): PlannedAlarm[] {
  const views = (alert.row.cloudWatch ?? []).flatMap((view) => {
    const target = targets.find(({ service, offering }) => service === alert.service && offering === view.of);
    return target === undefined ? [] : [{ view, target, asked: askedBy(view, target).filter((one) => thresholdsKnown(view, target, one)) }];
  });
  const measured = views.filter(({ asked }) => asked.length > 0);
  const own = measured.filter(({ view }) => view.of !== 'probe');
  const chosen = own.length > 0 ? own : measured;
  return chosen.flatMap(({ view, target, asked }) =>
    levelsOf(alert, view, environment).flatMap((level) =>
      grouped(environment.name, { alert, view, level, variant: chosen.length > 1 ? variantOf(view) : '' }, target, asked),
    ),
  );
}

/** Of alarms for all services the first alone, about all of them. */
function together(planned: readonly PlannedAlert[]): PlannedAlert[] {
  const shared = planned.flatMap(({ alarms }) => alarms.filter(({ view }) => isOfAllServices(view)));
  const kept = (alarm: PlannedAlarm): PlannedAlarm[] => {
    if (!shared.includes(alarm)) return [alarm];
    const same = shared.filter(({ instances }) => instances[0]!.name === alarm.instances[0]!.name);
    return same[0] === alarm ? [{ ...alarm, services: same.flatMap(({ services }) => services) }] : [];
  };
  return planned.map(({ alert, alarms }) => ({ alert, alarms: alarms.flatMap(kept) }));
}

/** Those of the view where it has its own, with what the declaration overrides. */
function levelsOf(alert: Alert, view: CloudWatchView, environment: AlertedEnvironment): readonly ResolvedLevel[] {
  if (view.levels === undefined) return alert.levels;
  const own = alertsOf(environment, [{ ...alert.row, levels: view.levels }]);
  return own.find(({ service }) => service === alert.service)?.levels ?? [];
}

function variantOf(view: CloudWatchView): string {
  return 'expression' in view ? Object.keys('metrics' in view ? view.metrics : view.signals).join('-') : nameOf(view);
}

/** One plan for all series; where each has its own limit, one for each, also while limits are equal. */
function grouped(
  environment: string,
  planned: Omit<PlannedAlarm, 'services' | 'threshold' | 'only' | 'instances'>,
  target: AlarmTarget,
  asked: readonly Asked[],
): PlannedAlarm[] {
  const { alert, view, level, variant } = planned;
  const service = isOfAllServices(view) ? undefined : alert.service;
  const instances = asked.map((one) => ({
    ...one,
    name: alarmName([environment, service, alert.row.id, one.detail, variant, level.severity]),
  }));
  const plan = (those: readonly AlarmInstance[]): PlannedAlarm => {
    const threshold = rounded(level.threshold * (view.scale ?? 1) * (limitOf(view, target, those[0]!) ?? 1));
    return { ...planned, services: [alert.service], threshold, instances: those };
  };
  if (!hasOwnLimits(view, target)) return [plan(instances)];
  return instances.map((one) => ({ ...plan([one]), ...(one.detail !== undefined && { only: one.detail }) }));
}

function hasOwnLimits({ shareOf }: CloudWatchView, { limits }: AlarmTarget): boolean {
  return shareOf !== undefined && typeof limits[shareOf] === 'object';
}

function thresholdsKnown(view: CloudWatchView, target: AlarmTarget, asked: Asked): boolean {
  return view.shareOf === undefined || limitOf(view, target, asked) !== undefined;
}

function limitOf({ shareOf }: CloudWatchView, { limits, offering }: AlarmTarget, { detail = '' }: Asked): number | undefined {
  if (shareOf === undefined) return undefined;
  if (!Object.hasOwn(limits, shareOf)) throw new TypeError(`alerts ask ${offering} for the limit ${shareOf}, which it does not know`);
  const limit = limits[shareOf];
  return typeof limit === 'object' ? limit[detail] : limit;
}

/** 70, not 70.00000000000001. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
