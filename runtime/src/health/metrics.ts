import type { HealthStatus } from './check.ts';
import type { HealthReport } from './health.ts';

/** What is used of a registry; those of prom-client fit. */
export interface MetricsRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
}

const values: Record<HealthStatus, string> = { up: '1', degraded: '0.5', down: '0' };
const end = '# EOF';

/** The registry's own text with `millrace_health_status` added: 1 up, 0.5 degraded, 0 down; the label `check` is empty for the whole. */
export async function metricsText(report: HealthReport, registry: MetricsRegistry | undefined): Promise<{ type: string; text: string }> {
  const own = gauge(report);
  if (registry === undefined) return { type: 'text/plain; version=0.0.4; charset=utf-8', text: own };
  const text = (await registry.metrics()).trimEnd();
  const joined = text.endsWith(end) ? `${text.slice(0, -end.length)}${own}${end}\n` : `${text === '' ? '' : `${text}\n`}${own}`;
  return { type: registry.contentType, text: joined };
}

function gauge({ status, checks }: HealthReport): string {
  const lines = checks.map((check) => sample(check.name, check.critical, check.status));
  return [
    '# HELP millrace_health_status Health as seen by this process: 1 up, 0.5 degraded, 0 down.',
    '# TYPE millrace_health_status gauge',
    sample('', true, status),
    ...lines,
    '',
  ].join('\n');
}

function sample(check: string, critical: boolean, status: HealthStatus): string {
  const escaped = check.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `millrace_health_status{check="${escaped}",critical="${critical}"} ${values[status]}`;
}
