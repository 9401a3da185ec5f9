import type { LoadedBinding, ServiceHandle } from '../binding/index.ts';
import type { Endpoint } from '../contracts/binding.ts';
import { isMillraceError } from '../contracts/errors.ts';
import type { Topology } from '../contracts/topology.ts';
import { startDeadline } from '../topology/deadline.ts';
import { readTopology } from '../topology/index.ts';
import { type Examination, limitsFor, type Notes, note } from './examination.ts';
import { examinations } from './kinds/index.ts';
import { errorProblem } from './problem.ts';
import { blockedAt, obstaclesAt, type Way } from './reach.ts';
import { type DoctorReport, type Problem, type ServiceReport, statusOf, summaryStatus } from './report.ts';
import { noteTopology } from './topology.ts';

export interface DoctorOptions {
  readonly binding: LoadedBinding;
  /** Names of services. @default all of the binding */
  readonly only?: readonly string[] | undefined;
  /** What the examination of one service may take, in milliseconds. @default 15_000 */
  readonly timeoutMs?: number | undefined;
  /** Told of each service as its examination ends. */
  readonly onService?: ((report: ServiceReport) => void) | undefined;
}

/**
 * Examines every service of a binding, side by side: reachable, let in, healthy, in its role, on time, and as the topology declares it. Changes nothing.
 *
 * Comes as whoever the binding names, as services do. What is wrong with one keeps nobody from the others; each has the time of `timeoutMs`.
 *
 * @throws {MillraceError} BINDING_NAME_UNKNOWN when `only` names a service that is not bound.
 * @example
 * const { status, services } = await examineServices({ binding: await loadBinding() });
 */
export async function examineServices({ binding, only, timeoutMs = 15_000, onService }: DoctorOptions): Promise<DoctorReport> {
  const [startedAt, lookedAt] = [performance.now(), new Date().toISOString()];
  const handles = [...new Set(only ?? binding.names)].sort().map((name) => binding.service(name));
  const { topology, problems } = await topologyOf(binding, timeoutMs);
  const services = await Promise.all(
    handles.map(async (handle) => {
      const report = await examine(handle, { binding, topology, timeoutMs });
      onService?.(report);
      return report;
    }),
  );
  const all = [...problems, ...services.flatMap((service) => service.problems)];
  const { environment } = binding.document;
  return { environment, status: summaryStatus(all), lookedAt, elapsedMs: since(startedAt), services, problems };
}

interface Scope {
  readonly binding: LoadedBinding;
  readonly topology: Topology | undefined;
  readonly timeoutMs: number;
}

/** One that cannot be read is a problem of the environment; a binding need not have one. */
async function topologyOf(binding: LoadedBinding, timeoutMs: number): Promise<{ topology: Topology | undefined; problems: Problem[] }> {
  if (binding.document.topology === undefined) return { topology: undefined, problems: [] };
  const deadline = startDeadline('the topology', timeoutMs, undefined);
  try {
    return { topology: await deadline.limit(readTopology(binding)), problems: [] };
  } catch (error) {
    return { topology: undefined, problems: [errorProblem('topology', error)] };
  } finally {
    deadline.end();
  }
}

async function examine(handle: ServiceHandle, scope: Scope): Promise<ServiceReport> {
  const startedAt = performance.now();
  const { name, service } = handle;
  const notes: Notes = { service: name, problems: [] };
  const deadline = startDeadline(name, scope.timeoutMs, undefined);
  try {
    await deadline.limit(lookAt(handle, scope, notes, deadline.signal));
  } catch (error) {
    notes.problems.push(errorProblem(name, error));
  } finally {
    deadline.end();
  }
  // What goes on after the deadline changes nothing any more.
  const { latencyMs, version, state } = notes;
  const problems = [...notes.problems];
  return {
    ...{ service: name, kind: service.kind, role: service.role, status: statusOf(problems) },
    ...(latencyMs !== undefined && { latencyMs }),
    ...(version !== undefined && { version }),
    ...(state !== undefined && { state }),
    ...{ problems, elapsedMs: since(startedAt) },
  };
}

async function lookAt(handle: ServiceHandle, { binding, topology, timeoutMs }: Scope, notes: Notes, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const { kind } = handle.service;
  const examination = await examinations[kind]();
  const limits = limitsFor(timeoutMs);
  const blocked = await blockedAt(endpointsOf(handle, examination.purposes), limits.answerMs);
  // Clients would try again and again, and tell less of it.
  if (!blocked.free) return noteWay(notes, blocked);
  const onlyOfItsKind = binding.names.filter((name) => binding.service(name).service.kind === kind).length === 1;
  try {
    await examination.examine({ handle, topology, onlyOfItsKind, limits, signal, notes });
  } catch (error) {
    // The time is over, and the reason is told as such.
    signal.throwIfAborted();
    await noteObstacles(handle, examination, notes, error, limits.answerMs);
    return;
  }
  if (examination.tellsOfEach !== true) noteWay(notes, blocked);
  if (topology !== undefined)
    await noteTopology(notes, binding, topology, { timeoutMs: Math.max(1, timeoutMs - since(startedAt)), signal });
}

/** Codes of failures that may have their reason on the way. */
const ofTheWay = ['CONNECTION_FAILED', 'CONNECTION_TIMEOUT', 'CONNECTION_TLS_FAILED'] as const;

/** Notes what is found at the addresses; the failure itself unless that is told of each of them. */
async function noteObstacles(
  handle: ServiceHandle,
  { purposes }: Examination,
  notes: Notes,
  failure: unknown,
  limitMs: number,
): Promise<void> {
  const isOfTheWay = ofTheWay.some((code) => isMillraceError(failure, code));
  const way = await obstaclesAt(handle, isOfTheWay ? endpointsOf(handle, purposes) : [], limitMs);
  noteWay(notes, way);
  if (way.free) notes.problems.push(errorProblem(handle.name, failure));
}

function noteWay(notes: Notes, { obstacles, free }: Way): void {
  for (const { code, sentence } of obstacles) note(notes, free ? 'degraded' : 'down', code, sentence);
}

function endpointsOf({ service: { endpoints, auth } }: ServiceHandle, purposes: Examination['purposes']): Endpoint[] {
  const fitting = endpoints.filter(({ authMode }) => authMode === undefined || authMode === auth.mode);
  return purposes.map((purpose) => fitting.filter((each) => each.purpose === purpose)).find((some) => some.length > 0) ?? [];
}

function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}
