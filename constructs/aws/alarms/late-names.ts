import type { AlarmSeries, AlarmTarget } from '../../core/alarm-target.ts';
import { type Construct, TerraformLocal, Token } from '../../core/framework.ts';

/**
 * The same targets, with a local of the stack for each value that Terraform fills in, an id of a machine for example: in alarms and in the dashboard stands
 * its short name, `local.events-3-InstanceId`, in place of a reference of 130 characters that the framework would have to find in each of them again.
 */
export function withLateNames(scope: Construct, targets: readonly AlarmTarget[]): AlarmTarget[] {
  const locals = new Map<string, TerraformLocal>();
  const nameFor = (value: string, id: string): string => {
    if (!Token.isUnresolved(value)) return value;
    const local = locals.get(value) ?? new TerraformLocal(scope, id, value);
    locals.set(value, local);
    return `\${local.${local.friendlyUniqueId}}`;
  };
  const named = (series: AlarmSeries, service: string): AlarmSeries => {
    const { metric, detail } = series;
    const dimensions = Object.entries(metric.dimensions).map(([name, value]) => {
      const id = [service, detail, name].filter((part) => part !== undefined).join('-');
      return [name, nameFor(value, id)] as const;
    });
    return { ...series, metric: { ...metric, dimensions: Object.fromEntries(dimensions) } };
  };
  return targets.map((target) => ({
    ...target,
    series: (name, statistic) => target.series(name, statistic)?.map((series) => named(series, target.service)),
  }));
}
