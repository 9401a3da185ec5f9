import { isMillraceError } from '../contracts/errors.ts';
import type { Change, Note } from './driver.ts';

/** How a failure is told: a code of Millrace or of the library, and a sentence. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** A change and what became of it. */
export interface ChangeOutcome extends Change {
  /**
   * `refused` waits for its name in `allow`, `pending` was not tried: with `check`, or because the service was lost or the time was over. `failed` was
   * tried, or was done and is not there.
   */
  readonly state: 'applied' | 'refused' | 'pending' | 'failed';
  readonly error?: Failure | undefined;
}

/**
 * From best to worst. `as-declared` had nothing to do, what nothing declares aside; `differs` has a problem that no change mends, and with `check` any difference. `conflict` and `refused` wait
 * for a person.
 */
export const serviceStatuses = ['as-declared', 'applied', 'differs', 'refused', 'conflict', 'failed', 'unreachable'] as const;
export type ServiceStatus = (typeof serviceStatuses)[number];

/** What was found on one service, and done. */
export interface ServiceOutcome {
  readonly service: string;
  readonly kind: string;
  readonly status: ServiceStatus;
  readonly changes: readonly ChangeOutcome[];
  readonly notes: readonly Note[];
  readonly elapsedMs: number;
  /** What kept the service from being read or changed; failures of single changes stand at these. */
  readonly error?: Failure | undefined;
}

/** What `applyTopology` did; the document that `millrace apply --json` prints. */
export interface ApplyOutcome {
  readonly environment: string;
  readonly check: boolean;
  /** The worst of the services. */
  readonly status: ServiceStatus;
  /** In the order of their names. */
  readonly services: readonly ServiceOutcome[];
  /** Services for which the topology has objects and that the binding does not name: left out. */
  readonly unbound: readonly string[];
  /** Names in `allow` that nothing waits for, because it is done already or was never there. */
  readonly idle: readonly string[];
  readonly elapsedMs: number;
}

/** The worst of several; nothing is as declared. */
export function worstOf(statuses: readonly ServiceStatus[]): ServiceStatus {
  return serviceStatuses[Math.max(0, ...statuses.map((status) => serviceStatuses.indexOf(status)))]!;
}

/** 0 all is as declared; 1 something failed or cannot be reached; 2 a difference was found, or waits for a person. */
export function exitCodeOf(status: ServiceStatus): 0 | 1 | 2 {
  if (status === 'failed' || status === 'unreachable') return 1;
  return status === 'as-declared' || status === 'applied' ? 0 : 2;
}

/** An error that nobody foresaw keeps its stack. */
export function failureOf(error: unknown): Failure {
  if (isMillraceError(error)) return { code: error.code, message: error.message };
  if (!(error instanceof Error)) return { code: 'UNEXPECTED', message: String(error) };
  return { code: 'UNEXPECTED', message: error.stack ?? error.message };
}

/** Whether the server is gone, so that trying more on it only takes time. */
export function isLost(error: unknown): boolean {
  return isMillraceError(error, 'CONNECTION_FAILED') || isMillraceError(error, 'CONNECTION_TIMEOUT');
}
