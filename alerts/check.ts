import type { Environment } from '../environments/schema.ts';
import { MillraceError } from '../runtime/src/contracts/errors.ts';
import { closestName, formatProblem, type Problem } from '../runtime/src/contracts/problems.ts';
import { receiverProblems } from './check-receivers.ts';
import { viewMisfit } from './check-views.ts';
import { type Override, overrideOf } from './override.ts';
import { alertsOf, watchedBy } from './resolve.ts';
import { type AlertRow, severities } from './row.ts';
import { alertRows } from './rows/index.ts';
import { isShare, thresholdsOf, thresholdText } from './units.ts';

/**
 * Refuses what an environment declares about alerts and what no alert, severity, service, unit or engine has.
 *
 * The declaration knows nothing of the rows, so whoever renders them asks this first.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID listing every problem: path, value got, change to make.
 */
export function requireSoundAlerts(environment: Environment, rows: readonly AlertRow[] = alertRows): void {
  const problems = alertProblems(environment, rows);
  if (problems.length === 0) return;
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const lines = problems.map((problem) => `  - ${formatProblem(problem)}`);
  throw new MillraceError('ENVIRONMENT_INVALID', `the alerts of environment ${environment.name} have ${count}:\n${lines.join('\n')}`);
}

/** All that is wrong with overrides and receivers. */
export function alertProblems(environment: Environment, rows: readonly AlertRow[] = alertRows): Problem[] {
  const overrides = Object.keys(environment.alerts.overrides).map((key) => overrideOf(key, environment));
  return [...overrides.flatMap((override) => overrideProblems(override, environment, rows)), ...receiverProblems(environment)];
}

/** The first thing that is wrong with one of them: what comes after would only follow from it. */
function overrideProblems(override: Override, environment: Environment, rows: readonly AlertRow[]): Problem[] {
  const row = rows.find(({ id }) => id === override.id);
  const message = row === undefined ? unknownAlert(override, rows) : misfit(override, row, environment);
  return message === undefined ? [] : [{ path: `alerts.overrides.${override.key}`, message }];
}

function unknownAlert({ id }: Override, rows: readonly AlertRow[]): string {
  const ids = rows.map((row) => row.id);
  const close = closestName(id, ids);
  const kin = ids.filter((other) => other.split('-')[0] === id.split('-')[0]);
  const known = (kin.length > 0 ? kin : ids).join(', ');
  return `no alert is named ${id}${close === undefined ? '' : `, did you mean ${close}?`}; choose from ${known}`;
}

function misfit(override: Override, row: AlertRow, environment: Environment): string | undefined {
  const { severity, service, threshold } = override;
  const levels = severities.filter((each) => row.levels[each] !== undefined);
  if (severity !== undefined && !levels.includes(severity)) return `${row.id} has no level ${severity}; it has ${levels.join(' and ')}`;
  const watched = watchedBy(row, environment);
  if (watched.length === 0) return `${row.id} watches nothing in this environment; remove the override`;
  if (service !== undefined && !watched.includes(service)) return `${row.id} does not watch ${service}; it watches ${watched.join(', ')}`;
  if (!isRendered(row, environment)) return `${row.id} has no effect with the engine ${environment.engine.kind}; remove the override`;
  return (
    (threshold === undefined ? undefined : outOfRange(threshold, row)) ??
    idle(override, row, environment) ??
    viewMisfit(override, row, environment) ??
    turned(override, row, environment)
  );
}

function isRendered(row: AlertRow, { engine }: Environment): boolean {
  return engine.kind === 'aws' ? row.cloudWatch !== undefined : row.prometheus !== undefined;
}

function outOfRange(threshold: number, row: AlertRow): string | undefined {
  if (threshold < 0) return `must not be below 0, got ${threshold}`;
  const whole = row.unit === '%' ? 100 : isShare(row) && thresholdsOf(row).every((each) => each <= 1) ? 1 : Number.POSITIVE_INFINITY;
  return threshold > whole
    ? `must be from 0 to ${whole}, got ${threshold}; ${row.id} counts ${whole === 1 ? 'parts of 1' : 'percent'}`
    : undefined;
}

/** Whether every level is where it would be without the override, those that a view of CloudWatch has of its own too. */
function idle(override: Override, row: AlertRow, environment: Environment): string | undefined {
  const { [override.key]: _, ...others } = environment.alerts.overrides;
  const views = environment.engine.kind === 'aws' ? (row.cloudWatch ?? []) : [];
  const asMeasured = [row, ...views.flatMap(({ levels }) => (levels === undefined ? [] : [{ ...row, levels }]))];
  const places = (overrides: typeof others) => {
    const found = alertsOf({ ...environment, alerts: { ...environment.alerts, overrides } }, asMeasured);
    return JSON.stringify(found.map(({ levels }) => levels.map(({ severity, threshold }) => [severity, threshold])));
  };
  if (places(environment.alerts.overrides) !== places(others)) return undefined;
  return 'changes nothing: what it says holds already, or closer overrides say otherwise; remove it';
}

/** A warning that comes after the critical alert warns nobody. */
function turned({ threshold }: Override, row: AlertRow, environment: Environment): string | undefined {
  if (threshold === undefined) return undefined;
  const sign = row.comparison.startsWith('>') ? 1 : -1;
  for (const { service, levels } of alertsOf(environment, [row])) {
    const [warning, critical] = (['warning', 'critical'] as const).map((severity) => levels.find((level) => level.severity === severity));
    if (warning === undefined || critical === undefined || sign * (critical.threshold - warning.threshold) >= 0) continue;
    const texts = [warning, critical].map((level) => thresholdText(row, level.threshold));
    return `turns the levels of ${service} round: warning at ${texts[0]}, critical at ${texts[1]}; change both, ${row.id}.warning and ${row.id}.critical`;
  }
  return undefined;
}
