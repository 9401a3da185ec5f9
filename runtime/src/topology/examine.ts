import type { ServiceHandle } from '../binding/index.ts';
import { settledWithin } from '../connections/once.ts';
import type { Topology } from '../contracts/topology.ts';
import { type Deadline, startDeadline } from './deadline.ts';
import type { Comparison, Driver, OpenDriver } from './driver.ts';

/** What is asked of one service. */
export interface Errand {
  readonly service: ServiceHandle;
  readonly topology: Topology;
  readonly openDriver: OpenDriver;
  /** Whether an object, by its name, is looked after by others. */
  readonly isUnmanaged: (name: string) => boolean;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

interface Visit {
  readonly service: ServiceHandle;
  readonly startedAt: number;
  /** Closes the connection, whatever state it is in. */
  leave(): Promise<void>;
}

/** A service that was compared with its declaration. */
export interface Compared extends Visit {
  readonly driver: Driver;
  readonly comparison: Comparison;
  readonly deadline: Deadline;
  /** Compares anew. */
  compare(): Promise<Comparison>;
}

/** A service that could not be. */
export interface Unread extends Visit {
  readonly comparison?: undefined;
  readonly error: unknown;
}

/** Closing a connection to a server that is silent must not take the time that was saved by giving up on it. */
const leaveWithinMs = 1_000;

/** Opens a driver and compares; an error becomes part of what is returned, so that other services go on. */
export async function examine(errand: Errand): Promise<Compared | Unread> {
  const { service, topology, openDriver, isUnmanaged, signal } = errand;
  const startedAt = Date.now();
  const deadline = startDeadline(service.name, errand.timeoutMs, signal);
  const opening = openDriver({ service, topology, signal: deadline.signal });
  // Also of a driver that is open only after nobody waits for it any more.
  const close = opening.then(
    (driver) => () => driver[Symbol.asyncDispose](),
    () => async () => undefined,
  );
  const leave = async (): Promise<void> => {
    deadline.end();
    await settledWithin(
      close.then((run) => run()),
      leaveWithinMs,
    );
  };
  try {
    const driver = await deadline.limit(opening);
    const compare = async () => managed(await deadline.limit(driver.compare()), isUnmanaged);
    const comparison = await compare();
    // Until it goes on other services may have to be waited for.
    deadline.end();
    return { service, startedAt, deadline, driver, compare, comparison, leave };
  } catch (error) {
    return { service, startedAt, error, leave };
  }
}

function managed({ changes, notes }: Comparison, isUnmanaged: Errand['isUnmanaged']): Comparison {
  return { changes: changes.filter(({ name }) => !isUnmanaged(name)), notes: notes.filter(({ name }) => !isUnmanaged(name)) };
}
