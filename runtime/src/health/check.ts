import type { ErrorCode } from '../contracts/errors.ts';
import type { FaultCode } from '../contracts/fault-guide.ts';

/** `up`: all well; `degraded`: it works, and someone should look; `down`: it does not work. */
export type HealthStatus = 'up' | 'degraded' | 'down';

/** One measured value beside a check's status. */
export interface Observation {
  /** What was measured, `memoryUsedRatio`. */
  readonly measure: string;
  readonly value: number | string;
  /** Unit of a number, as the OpenTelemetry semantic conventions write it. */
  readonly unit?: string;
}

/** One thing that is wrong. */
export interface Fault {
  readonly status: Exclude<HealthStatus, 'up'>;
  readonly reason: string;
  /** Leads to the way out, in `error-guide.ts` or `fault-guide.ts`. */
  readonly code: ErrorCode | FaultCode;
}

/** What a check found. */
export interface CheckOutcome {
  readonly status: HealthStatus;
  /** Why it is not `up`, as a sentence. */
  readonly reason?: string;
  /** The same one by one, where the check tells them apart. */
  readonly faults?: readonly Fault[];
  readonly observations?: readonly Observation[];
}

/** One thing to look at. A check uses the connection it was given and never opens one of its own. */
export interface HealthCheck {
  /** Unique among the checks of a process. */
  readonly name: string;
  /** Whether the process is `down` when this is `down`; otherwise it is `degraded`. @default true */
  readonly critical?: boolean;
  /** Deadline. @default 1_000 */
  readonly timeoutMs?: number;
  /** @default 'component' */
  readonly componentType?: 'component' | 'datastore' | 'system';
  /** Looks once; throwing counts as `down`. The signal fires at the deadline. */
  check(signal: AbortSignal): Promise<CheckOutcome>;
}

/** What every maker of a check takes. */
export interface CheckOptions extends Pick<HealthCheck, 'critical' | 'timeoutMs'> {
  /** @default the name of the service */
  readonly name?: string;
}

/** The common part of a check from its options. */
export function checkIdentity(options: CheckOptions, name: string): Pick<HealthCheck, 'name' | 'critical' | 'timeoutMs'> {
  return {
    name: options.name ?? name,
    ...(options.critical !== undefined && { critical: options.critical }),
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
  };
}

/** The worst of several statuses. */
export function worst(statuses: readonly HealthStatus[]): HealthStatus {
  if (statuses.includes('down')) return 'down';
  return statuses.includes('degraded') ? 'degraded' : 'up';
}

/** An outcome from the faults found: the worst gives the status, all of them the reason. */
export function outcomeOf(faults: readonly Fault[], observations: readonly Observation[]): CheckOutcome {
  const status = worst(faults.map((fault) => fault.status));
  return { status, observations, ...(faults.length > 0 && { reason: faults.map(({ reason }) => reason).join('; '), faults }) };
}
