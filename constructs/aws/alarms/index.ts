import { CloudwatchCompositeAlarm } from '@cdktf/provider-aws/lib/cloudwatch-composite-alarm';
import { CloudwatchDashboard } from '@cdktf/provider-aws/lib/cloudwatch-dashboard';
import type { CloudwatchMetricAlarm } from '@cdktf/provider-aws/lib/cloudwatch-metric-alarm';
import type { Severity } from '../../../alerts/row.ts';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { isOfAllServices } from './asked.ts';
import { compositesOf } from './composites.ts';
import { type AlarmCost, costOf } from './cost.ts';
import { dashboardBody } from './dashboard.ts';
import { withLateNames } from './late-names.ts';
import { type PlannedAlarm, type PlannedAlert, plannedAlerts } from './planned.ts';
import type { AlarmsProps } from './props.ts';
import { defineAlarms } from './resource.ts';

/**
 * Every alert of an environment as alarms of CloudWatch, one for each node, broker, queue, or topic and group that it is about, and for each severity; a
 * composite alarm for each service, and a dashboard.
 *
 * Alarms of the severities warning and critical tell their topic when they begin and when they end, `info` tells nobody. A composite tells nobody either: it
 * is the one state of a service, in alarm while any of its critical ones is, for whoever asks before a deployment.
 *
 * @throws {TypeError} when a row of `alerts/` asks for a metric or a limit that no construct knows.
 * @throws {MillraceError} ENVIRONMENT_INVALID when two alarms would have one name.
 */
export class Alarms extends Construct {
  /** Names of the composite alarms by service. */
  readonly serviceAlarms: Readonly<Record<string, string>>;
  /** Why which alert is none here: `ALERT.SEVERITY@SERVICE` and the reason of the declaration. */
  readonly disabled: Readonly<Record<string, string>>;
  readonly cost: AlarmCost;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const identity = identityOf(this);
    const planned = plannedAlerts(props.environment, withLateNames(this, props.targets), props.rows);
    const resources = this.defineAlarms(planned, props);
    this.serviceAlarms = this.defineComposites(resources);
    this.disabled = disabledOf(planned);
    new CloudwatchDashboard(this, 'Dashboard', {
      dashboardName: resourceName(identity, 'millrace'),
      dashboardBody: dashboardBody(identity, planned),
    });
    const composites = this.node.children.filter((child) => child instanceof CloudwatchCompositeAlarm).length;
    this.cost = costOf([...resources.keys()], composites, props.probeSeries ?? 0);
  }

  private defineAlarms(
    planned: readonly PlannedAlert[],
    { environment, topicArns }: AlarmsProps,
  ): Map<PlannedAlarm, CloudwatchMetricAlarm> {
    const { runbooks } = environment.alerts;
    const tells = (severity: Severity): string[] => (severity === 'info' ? [] : [topicArns[severity]]);
    return new Map(
      planned.flatMap(({ alert, alarms }) =>
        alarms.map((alarm) => {
          const { view, level, variant, only } = alarm;
          const parts = [isOfAllServices(view) ? undefined : alert.service, alert.row.id, variant, only, level.severity];
          const id = parts.filter((part) => part !== undefined && part !== '').join('-');
          return [alarm, defineAlarms(this, id, alarm, { runbooks, topicArns: tells(level.severity) })] as const;
        }),
      ),
    );
  }

  private defineComposites(resources: ReadonlyMap<PlannedAlarm, CloudwatchMetricAlarm>): Record<string, string> {
    const identity = identityOf(this);
    const critical = [...resources].filter(([{ level }]) => level.severity === 'critical');
    const services = [...new Set(critical.flatMap((alarm) => alarm[0].services))];
    return Object.fromEntries(
      services.map((service) => {
        const own = critical.filter(([alarm]) => alarm.services.includes(service));
        const name = resourceName(identity, service);
        const made = new Map<string, CloudwatchCompositeAlarm>();
        for (const composite of compositesOf(
          name,
          own.flatMap(([{ instances }]) => instances.map((one) => one.name)),
        )) {
          const dependsOn =
            composite.parts.length > 0 ? composite.parts.map((part) => made.get(part)!) : own.map(([, resource]) => resource);
          const id = composite.name.slice(identity.name.length + 1);
          made.set(
            composite.name,
            new CloudwatchCompositeAlarm(this, id, {
              alarmName: composite.name,
              alarmDescription: `${service}: in alarm while any of its critical alarms is; tells nobody, they do`,
              alarmRule: composite.rule,
              dependsOn,
              // Holds for its children as well: one that is taken away goes after its composite was changed; before, CloudWatch refuses.
              lifecycle: { createBeforeDestroy: true },
            }),
          );
        }
        return [service, name];
      }),
    );
  }
}

function disabledOf(planned: readonly PlannedAlert[]): Record<string, string> {
  return Object.fromEntries(
    planned.flatMap(({ alert }) =>
      alert.disabled.map(({ severity, reason }) => [`${alert.row.id}.${severity}@${alert.service}`, reason] as const),
    ),
  );
}
