import type { HealthStatus, Observation } from './check.ts';
import type { HealthReport } from './health.ts';
import type { CheckReport } from './run-check.ts';

/** Media type and form of draft-inadarei-api-health-check-06, the form that gateways and dashboards know. */
export const healthMediaType = 'application/health+json';

const words: Record<HealthStatus, 'pass' | 'warn' | 'fail'> = { up: 'pass', degraded: 'warn', down: 'fail' };

/** Body for a report: `checks` has `NAME:responseTime` with the status, and one entry a measured value. */
export function healthBody(report: HealthReport): Record<string, unknown> {
  return { status: words[report.status], checks: Object.fromEntries(report.checks.flatMap(entries)) };
}

/** Body without checks: for liveness, draining and start-up. */
export function plainBody(status: 'pass' | 'fail', output?: string): Record<string, unknown> {
  return { status, ...(output !== undefined && { output }) };
}

function entries(check: CheckReport): [string, unknown[]][] {
  const time = check.checkedAt.toISOString();
  const state = {
    componentType: check.componentType,
    status: words[check.status],
    critical: check.critical,
    observedValue: check.durationMs,
    observedUnit: 'ms',
    time,
    ...(check.reason !== undefined && { output: check.reason }),
  };
  const measured = (check.observations ?? []).map(({ measure, value, unit }: Observation): [string, unknown[]] => [
    `${check.name}:${measure}`,
    [{ componentType: check.componentType, observedValue: value, ...(unit !== undefined && { observedUnit: unit }), time }],
  ]);
  return [[`${check.name}:responseTime`, [state]], ...measured];
}
