import { type HealthCheck, type HealthStatus, worst } from './check.ts';
import { type CheckReport, checkRunner } from './run-check.ts';

/** Health of the process: `down` when a critical check is, `degraded` when anything else is wrong. */
export interface HealthReport {
  readonly status: HealthStatus;
  readonly checks: readonly CheckReport[];
}

export interface HealthOptions {
  readonly checks: readonly HealthCheck[];
  /** Age up to which a report is given again, give or take a fifth, so that a fleet does not ask in step. @default 2_000 */
  readonly cacheMs?: number;
}

export interface Health {
  /** The report of the last `cacheMs`, or a new one; callers at the same time share one run. Never rejects. */
  report(): Promise<HealthReport>;
}

/**
 * Health of a process from its checks.
 *
 * @throws {RangeError} when two checks have one name.
 * @example
 * const health = createHealth({ checks: [redisCheck(events, { forStreams: true }), postgresCheck(database)] });
 * const server = await startHealthServer({ health });
 */
export function createHealth({ checks, cacheMs = 2_000 }: HealthOptions): Health {
  const twice = checks.find(({ name }, index) => checks.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw new RangeError(`two health checks are named ${twice.name}; give one of them another name`);
  const runners = checks.map(checkRunner);
  let current: Promise<HealthReport> | undefined;
  let freshUntil = 0;

  async function look(): Promise<HealthReport> {
    const reports = await Promise.all(runners.map((run) => run()));
    freshUntil = performance.now() + cacheMs * (0.8 + 0.4 * Math.random());
    return { status: worst(reports.map(effect)), checks: reports };
  }
  return {
    report() {
      if (current === undefined || performance.now() >= freshUntil) {
        freshUntil = Number.POSITIVE_INFINITY;
        current = look();
      }
      return current;
    },
  };
}

/** What a check means for the whole. */
function effect({ status, critical }: CheckReport): HealthStatus {
  return status === 'down' && !critical ? 'degraded' : status;
}
