import type { Environment } from '../environments/schema.ts';
import type { ServiceKind } from '../runtime/src/contracts/binding.ts';
import type { Override } from './override.ts';
import { alertsOf, watchedBy } from './resolve.ts';
import { type AlertRow, type CloudWatchView, type Offering, severities } from './row.ts';
import { thresholdText } from './units.ts';

/** What a subject is on AWS, where that depends on the kind of the service. */
const kinds: Readonly<Partial<Record<Offering, ServiceKind>>> = {
  elasticache: 'redis',
  'elasticache-serverless': 'redis',
  'redis-sentinel': 'redis-sentinel',
};

/** What is wrong with an override for the ways in which AWS measures the alert; nothing with other engines. */
export function viewMisfit(override: Override, row: AlertRow, environment: Environment): string | undefined {
  if (environment.engine.kind !== 'aws') return undefined;
  return ofOneService(override, row) ?? replacing(override, row, environment);
}

/** An alarm for all services has one threshold. */
function ofOneService({ key, service }: Override, { id, cloudWatch = [] }: AlertRow): string | undefined {
  if (service === undefined || !cloudWatch.some((view) => 'ofAllServices' in view)) return undefined;
  return `${id} is one alarm for all services on AWS; use the key without @${service}: ${key.slice(0, key.lastIndexOf('@'))}`;
}

/** A threshold for all services is compared with the table's; where a view has another of its own, it may be meant the other way round. */
function replacing({ key, service, threshold }: Override, row: AlertRow, environment: Environment): string | undefined {
  if (service !== undefined || threshold === undefined) return undefined;
  const replaced = (row.cloudWatch ?? []).flatMap((view) => replacedBy(key, row, view, environment));
  if (replaced.length === 0) return undefined;
  const keys = watchedBy(row, environment).map((each) => `${key}@${each}`);
  return `would also replace thresholds that AWS measures in a way of their own, ${replaced.join(', ')}; name the service that is meant: ${keys.join(', ')}`;
}

/** Levels of a view that are not where the row has them, and are elsewhere with the override. */
function replacedBy(key: string, row: AlertRow, view: CloudWatchView, environment: Environment): string[] {
  const { levels } = view;
  if (levels === undefined) return [];
  const { [key]: _, ...others } = environment.alerts.overrides;
  const own = { ...row, levels };
  const without = alertsOf({ ...environment, alerts: { ...environment.alerts, overrides: others } }, [own]);
  const inTable = alertsOf({ ...environment, alerts: { ...environment.alerts, overrides: {} } }, [row]);
  return alertsOf(environment, [own])
    .filter(({ service }) => kinds[view.of] === undefined || environment.services[service]?.kind === kinds[view.of])
    .flatMap(({ service, levels: changed }) =>
      severities.flatMap((severity) => {
        const [now, before, usual] = [changed, levelsOf(without, service), levelsOf(inTable, service)].map(
          (found) => found.find((level) => level.severity === severity)?.threshold,
        );
        if (before === undefined || now === before || before === usual) return [];
        return [`${severity} of ${service} at ${thresholdText(row, before)}`];
      }),
    );
}

function levelsOf(alerts: ReturnType<typeof alertsOf>, service: string) {
  return alerts.find((alert) => alert.service === service)?.levels ?? [];
}
