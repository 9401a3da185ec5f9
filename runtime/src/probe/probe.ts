import { once, settledWithin } from '../connections/once.ts';
import { isMillraceError } from '../contracts/errors.ts';
import type { Sample } from '../contracts/signals.ts';
import { Pause } from '../pause.ts';
import type { Look } from './look.ts';
import { type LookOutcome, lookRunner } from './round.ts';

export type { LookOutcome } from './round.ts';

export interface ProbeOptions {
  /** Closed with the probe. */
  readonly looks: readonly Look[];
  /** Time from the beginning of a look to that of the next one at the same service. @default 15_000 */
  readonly intervalMs?: number;
  /** What a look is given; one that takes longer is told as failed. @default 10_000 */
  readonly timeoutMs?: number;
  /** Gets the samples of each look as it ends, those of one service at a time. */
  readonly onSamples?: (samples: readonly Sample[]) => void;
  /** Told when a service cannot be looked at, of the reason when it changes, and when it can be again. @default nothing is told */
  readonly logger?: ProbeLogger;
}

export interface ProbeLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** Looks at services until it is closed. */
export interface Probe extends AsyncDisposable {
  /** How the last look at each service ended; none of a service before its first has. */
  outcomes(): readonly LookOutcome[];
  /** The samples of the last look at every service. */
  samples(): readonly Sample[];
  /** Milliseconds since a look began or ended; 0 without any look. */
  idleForMs(): number;
  /** Resolves when the probe is closed. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

export const defaultTimeoutMs = 10_000;

/**
 * Looks at every service at once and then again and again, each in a rhythm of its own, so that one that is away or slow keeps no other from being looked at.
 *
 * What a look that failed would have told is gone until the next one that does not: old values do not stand for what is.
 *
 * @example
 * await using probe = startProbe({ looks: await openLooks(binding, topology), logger });
 */
export function startProbe({ looks, intervalMs = 15_000, timeoutMs = defaultTimeoutMs, onSamples, logger }: ProbeOptions): Probe {
  const stop = new AbortController();
  const last = new Map<string, LookOutcome>();
  let movedAt = performance.now();
  const tell = createTeller(logger);
  const note = (outcome: LookOutcome): void => {
    tell(outcome);
    last.set(outcome.service, outcome);
    onSamples?.(outcome.samples);
  };
  const moved = (): void => {
    movedAt = performance.now();
  };
  const loops = looks.map((look) => repeat(lookRunner(look, timeoutMs), intervalMs, stop.signal, note, moved));
  const closed = ended(loops, looks);
  const close = once(() => {
    stop.abort();
    return closed;
  });
  return {
    outcomes: () => [...last.values()],
    samples: () => [...last.values()].flatMap(({ samples }) => samples),
    idleForMs: () => (looks.length === 0 ? 0 : performance.now() - movedAt),
    closed,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Looks at every service once, side by side; closes nothing, so that the same looks may be used again. */
export function sampleOnce(looks: readonly Look[], timeoutMs = defaultTimeoutMs): Promise<LookOutcome[]> {
  return Promise.all(looks.map((look) => lookRunner(look, timeoutMs)()));
}

async function ended(loops: readonly Promise<void>[], looks: readonly Look[]): Promise<void> {
  try {
    await Promise.all(loops);
  } finally {
    await closeLooks(looks);
  }
}

/** Waits no longer than this: a connection that is being made to a server that does not answer ends by its own limit. */
const closeMs = 1_000;

export async function closeLooks(looks: readonly Look[], limitMs = closeMs): Promise<void> {
  await settledWithin(Promise.all(looks.map((look) => look[Symbol.asyncDispose]())), limitMs);
}

async function repeat(
  run: ReturnType<typeof lookRunner>,
  intervalMs: number,
  signal: AbortSignal,
  note: (outcome: LookOutcome) => void,
  moved: () => void,
): Promise<void> {
  const pause = new Pause();
  while (!signal.aborted) {
    const startedAt = performance.now();
    moved();
    const outcome = await run(signal);
    moved();
    if (signal.aborted) return;
    note(outcome);
    await pause.wait(Math.max(0, startedAt + intervalMs - performance.now()), signal);
  }
}

/** Tells each reason once from when a service goes away until it is back: a line every 15 seconds that says the same is read by nobody. */
function createTeller(logger: ProbeLogger | undefined): (outcome: LookOutcome) => void {
  const told = new Map<string, Set<string>>();
  return ({ service, error }) => {
    const before = told.get(service);
    if (error === undefined) {
      if (told.delete(service)) logger?.info({ service }, 'the service can be looked at again');
      return;
    }
    const reason = reasonOf(error);
    if (before?.has(reason)) return;
    told.set(service, new Set([...(before ?? []), reason]));
    logger?.warn({ service, error: String(error) }, 'the service cannot be looked at; the others are');
  };
}

/** The sentence of a connection's error says which command was in flight, and that differs from look to look. */
function reasonOf(error: Error): string {
  return isMillraceError(error) ? error.code : error.message;
}
