import type { Environment, ServiceDeclaration } from '../environments/schema.ts';
import { isRedis } from '../environments/size.ts';
import { carriedBy } from '../runtime/src/contracts/topology.ts';
import { type AlertRow, type Level, type Severity, type Subject, severities } from './row.ts';
import { alertRows } from './rows/index.ts';

/** What an environment is asked for, to know which alerts it has and where they stand. */
export type AlertedEnvironment = Pick<Environment, 'size' | 'services' | 'workers' | 'topology' | 'alerts'>;

/** A row as one environment has it, for one of its services, workers or for itself. */
export interface Alert {
  readonly row: AlertRow;
  /** Name of the service or worker that it watches; its label `service`. */
  readonly service: string;
  /** By severity, the mildest first; none of them is disabled. */
  readonly levels: readonly ResolvedLevel[];
  /** Why the declaration disables some or all of its levels, by severity. */
  readonly disabled: readonly { readonly severity: Severity; readonly reason: string }[];
}

export interface ResolvedLevel extends Omit<Level, 'threshold'> {
  readonly severity: Severity;
  readonly threshold: number;
  /** Why the declaration changes the threshold of the row. */
  readonly reason?: string;
}

/** Every alert of an environment: the rows that have something to watch there, with the thresholds of its size and what it overrides. */
export function alertsOf(environment: AlertedEnvironment, rows: readonly AlertRow[] = alertRows): Alert[] {
  return rows.flatMap((row) => watchedBy(row, environment).map((service) => resolveAlert(row, service, environment)));
}

/** Names of what the row watches in an environment; none where it has nothing of the kind. */
export function watchedBy({ subject, roles }: AlertRow, environment: AlertedEnvironment): string[] {
  if (subject === 'worker') return Object.keys(environment.workers);
  return Object.entries(environment.services)
    .filter(([name, service]) => (roles === undefined || roles.includes(service.role)) && isSubject(subject, name, service, environment))
    .map(([name]) => name);
}

function isSubject(subject: Subject, name: string, service: ServiceDeclaration, { topology }: AlertedEnvironment): boolean {
  switch (subject) {
    case 'redis':
      return isRedis(service);
    case 'streams':
      return isRedis(service) && carriedBy(topology, 'redis-streams', name).length > 0;
    case 'outbox':
      return service.kind === 'postgres';
    case 'probe':
      return service.kind !== 'prometheus' && service.kind !== 'alertmanager';
    default:
      return service.kind === subject;
  }
}

function resolveAlert(row: AlertRow, service: string, { size, alerts }: AlertedEnvironment): Alert {
  const levels: ResolvedLevel[] = [];
  const disabled: { severity: Severity; reason: string }[] = [];
  for (const severity of severities) {
    const level = row.levels[severity];
    if (level === undefined) continue;
    const override = overrideFor(alerts.overrides, row.id, severity, service);
    if (override !== undefined && 'disabled' in override) {
      disabled.push({ severity, reason: override.reason });
      continue;
    }
    const { threshold } = override ?? level;
    levels.push({
      ...level,
      severity,
      threshold: typeof threshold === 'number' ? threshold : threshold[size],
      ...(override !== undefined && { reason: override.reason }),
    });
  }
  return { row, service, levels, disabled };
}

type Overrides = Environment['alerts']['overrides'];

/** The closest one: of this level of this service, of the service, of the level, of the whole alert. */
function overrideFor(overrides: Overrides, id: string, severity: Severity, service: string): Overrides[string] | undefined {
  const keys = [`${id}.${severity}@${service}`, `${id}@${service}`, `${id}.${severity}`, id];
  const key = keys.find((each) => Object.hasOwn(overrides, each));
  return key === undefined ? undefined : overrides[key];
}
