import type { ServiceHandle } from '../binding/index.ts';
import type { Endpoint } from '../contracts/binding.ts';
import type { ErrorCode } from '../contracts/errors.ts';
import type { FaultCode } from '../contracts/fault-guide.ts';
import type { Topology } from '../contracts/topology.ts';
import type { CheckOutcome, Fault, HealthCheck } from '../health/check.ts';
import { errorProblem, faultProblem, problemOf } from './problem.ts';
import type { Problem, ServiceReport } from './report.ts';

/** What has been learned of a service so far: an examination that is cut short has told this much. */
export interface Notes {
  readonly service: string;
  readonly problems: Problem[];
  latencyMs?: ServiceReport['latencyMs'];
  version?: ServiceReport['version'];
  state?: ServiceReport['state'];
}

export interface Limits {
  /** For a connection with everything that belongs to it. */
  readonly connectMs: number;
  /** For the answer to one question. */
  readonly answerMs: number;
}

/** What is needed to examine one service. */
export interface Ground {
  readonly handle: ServiceHandle;
  /** Undefined where there is none, or it cannot be read. */
  readonly topology: Topology | undefined;
  /** Whether the binding has other databases, of which the outbox may be in any. */
  readonly onlyOfItsKind: boolean;
  readonly limits: Limits;
  readonly signal: AbortSignal;
  readonly notes: Notes;
}

/** How services of one kind are examined. */
export interface Examination {
  /** Endpoints that clients connect to: the first purpose that the binding has any of. */
  readonly purposes: readonly Endpoint['purpose'][];
  /** Tells by itself which of several endpoints cannot be reached. @default false */
  readonly tellsOfEach?: true;
  /** Notes what it finds. @throws what keeps it from going on, such as CONNECTION_FAILED */
  examine(ground: Ground): Promise<void>;
}

/** Name that the servers show for its connections. */
export const clientName = 'millrace doctor';

export function limitsFor(timeoutMs: number): Limits {
  return { connectMs: Math.min(5_000, timeoutMs * 0.4), answerMs: Math.min(3_000, timeoutMs * 0.25) };
}

/** Notes a problem. */
export function note({ problems, service }: Notes, severity: Problem['severity'], code: FaultCode | ErrorCode, sentence: string): void {
  problems.push(problemOf(service, severity, code, sentence));
}

/** Runs a health check and notes its faults, but those that `isMeant` says are as they should be. @returns the whole outcome */
export async function noteCheck(
  { notes, signal }: Ground,
  { check }: HealthCheck,
  isMeant: (fault: Fault, outcome: CheckOutcome) => boolean = () => false,
): Promise<CheckOutcome> {
  const outcome = await check(signal);
  const faults = (outcome.faults ?? []).filter((fault) => !isMeant(fault, outcome));
  notes.problems.push(...faults.map((fault) => faultProblem(notes.service, fault)));
  return outcome;
}

/** Lets `work` go on to the next part of an examination when it fails, and notes why. */
export async function noteFailure({ notes }: Ground, work: Promise<unknown>, severity: Problem['severity'] = 'degraded'): Promise<void> {
  try {
    await work;
  } catch (error) {
    notes.problems.push(errorProblem(notes.service, error, severity));
  }
}

/** The answer to a question, having noted how long it took. The quickest of three: the first may wait for what has just been opened. */
export async function noteLatency<T>(notes: Notes, ask: () => Promise<T>): Promise<T> {
  let answer = await timed(notes, ask);
  for (let more = 0; more < 2; more++) answer = await timed(notes, ask);
  return answer;
}

async function timed<T>(notes: Notes, ask: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const answer = await ask();
  const tookMs = Math.round((performance.now() - startedAt) * 10) / 10;
  notes.latencyMs = Math.min(notes.latencyMs ?? tookMs, tookMs);
  return answer;
}

/** Value of an observation of a check, as text. */
export function observed({ observations = [] }: CheckOutcome, measure: string): string | undefined {
  const value = observations.find((each) => each.measure === measure)?.value;
  return value === undefined ? undefined : String(value);
}
