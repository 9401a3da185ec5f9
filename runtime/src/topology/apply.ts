import type { LoadedBinding } from '../binding/index.ts';
import { matcherOf } from '../contracts/object-names.ts';
import type { Topology } from '../contracts/topology.ts';
import { type CarriedOut, carryOut } from './carry-out.ts';
import type { OpenDriver } from './driver.ts';
import { type Compared, examine, type Unread } from './examine.ts';
import { idleAmong, requireAllowable, requireManaged } from './names.ts';
import { type ApplyOutcome, type ChangeOutcome, failureOf, isLost, type ServiceOutcome, type ServiceStatus, worstOf } from './outcome.ts';
import { openDriverOf, targetsOf } from './targets.ts';

export type { ApplyOutcome, ChangeOutcome, Failure, ServiceOutcome, ServiceStatus } from './outcome.ts';
export { exitCodeOf } from './outcome.ts';

/** What `applyTopology` tells while it works. */
export type ApplyProgress =
  | { readonly event: 'change'; readonly service: string; readonly kind: string; readonly change: ChangeOutcome }
  | { readonly event: 'service'; readonly outcome: ServiceOutcome };

export interface ApplyOptions {
  readonly binding: LoadedBinding;
  readonly topology: Topology;
  /** Services to look at. @default all that are bound and that the topology has objects for */
  readonly only?: readonly string[] | undefined;
  /** Compares and changes nothing. @default false */
  readonly check?: boolean | undefined;
  /** Names of changes that may cost data, of objects to delete that nothing declares, and of conflicts to overwrite. Exact names. @default none */
  readonly allow?: readonly string[] | undefined;
  /** Aborting it ends the work between two changes, or within one that can be; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ApplyProgress) => void) | undefined;
  /** What one service may take to be read, and again to be changed, in milliseconds. @default 60000 */
  readonly timeoutMs?: number | undefined;
  /** @default the driver of the service's kind */
  readonly openDriver?: OpenDriver | undefined;
}

/**
 * Makes the bound servers as the topology declares them: all services at once, the changes of one service one after the other, then a second look at
 * what is there.
 *
 * Nothing that costs data is done unless its name is in `allow`, and nothing that is not declared is deleted. A service that fails or is not there does not
 * keep the others. May be run again after any end, and beside another run; that both ran at once is then seen in nothing but the log of a server.
 *
 * @throws {MillraceError} TOPOLOGY_NAME_UNKNOWN when a name in `allow` is not of the form `SERVICE/KIND/NAME` or its service has no driver,
 * BINDING_NAME_UNKNOWN when one in `only` is no service with a driver, BINDING_INVALID when `unmanaged` fits what is declared; nothing was changed then. What
 * fails on a service is in the outcome.
 * @example
 * const binding = await loadBinding();
 * const { status, services } = await applyTopology({ binding, topology: await readTopology(binding), check: true });
 */
export async function applyTopology(options: ApplyOptions): Promise<ApplyOutcome> {
  const { binding, topology, only, check = false, allow = [], signal, timeoutMs = 60_000, openDriver = openDriverOf } = options;
  const startedAt = Date.now();
  signal?.throwIfAborted();
  requireManaged(topology);
  requireAllowable(allow, binding);
  const { services: targets, unbound } = targetsOf(binding, topology, only);
  const isUnmanaged = matcherOf(topology.unmanaged);
  const examining = targets.map((service) => examine({ service, topology, openDriver, isUnmanaged, timeoutMs, signal }));
  const onProgress = (progress: ApplyProgress): void => {
    // What the caller's own abort made fail is not worth telling.
    if (signal?.aborted !== true) options.onProgress?.(progress);
  };
  const orders = { check, allow: new Set(allow), onProgress };
  const finished = await Promise.allSettled(examining.map((each) => finish(each, orders)));
  signal?.throwIfAborted();
  const services = finished.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
  const status = worstOf(services.map((service) => service.status));
  const idle = idleAmong(allow, (await Promise.all(examining)).map(differing));
  return { environment: binding.document.environment, check, status, services, unbound, idle, elapsedMs: Date.now() - startedAt };
}

function differing({ service, comparison }: Compared | Unread) {
  return { service: service.name, changes: comparison?.changes };
}

interface Orders {
  readonly check: boolean;
  readonly allow: ReadonlySet<string>;
  readonly onProgress: (progress: ApplyProgress) => void;
}

async function finish(examining: Promise<Compared | Unread>, orders: Orders): Promise<ServiceOutcome> {
  const examined = await examining;
  const { name: service, service: bound } = examined.service;
  const onChange = (change: ChangeOutcome) => orders.onProgress({ event: 'change', service, kind: bound.kind, change });
  try {
    const done =
      examined.comparison === undefined ? { changes: [], error: examined.error } : await carryOut(examined, { ...orders, onChange });
    const outcome = outcomeOf(examined, done, orders.check);
    orders.onProgress({ event: 'service', outcome });
    return outcome;
  } finally {
    // What was done stays done if the connection does not close as it should.
    await Promise.allSettled([examined.leave()]);
  }
}

function outcomeOf(examined: Compared | Unread, { changes, error }: CarriedOut, check: boolean): ServiceOutcome {
  const notes = examined.comparison?.notes ?? [];
  return {
    service: examined.service.name,
    kind: examined.service.service.kind,
    status:
      error === undefined
        ? statusOf(
            changes,
            check,
            notes.some(({ level }) => level === 'problem'),
          )
        : isLost(error)
          ? 'unreachable'
          : 'failed',
    changes,
    notes,
    elapsedMs: Date.now() - examined.startedAt,
    ...(error !== undefined && { error: failureOf(error) }),
  };
}

function statusOf(changes: readonly ChangeOutcome[], check: boolean, hasProblem: boolean): ServiceStatus {
  if (changes.some((change) => change.state === 'failed' && !isConflict(change))) return 'failed';
  if (changes.some(isConflict)) return 'conflict';
  if (check) return changes.length > 0 || hasProblem ? 'differs' : 'as-declared';
  if (changes.some(({ state, undeclared }) => state === 'refused' && undeclared !== true)) return 'refused';
  if (hasProblem) return 'differs';
  return changes.some(({ state }) => state === 'applied') ? 'applied' : 'as-declared';
}

/** Whether others changed the object, so that a person has to look. */
function isConflict({ action, state, error }: ChangeOutcome): boolean {
  return (state === 'refused' && action === 'conflict') || (state === 'failed' && error?.code === 'TOPOLOGY_CONFLICT');
}
