import { setMaxListeners } from 'node:events';
import { MillraceError } from '../contracts/errors.ts';

/** A limit to what one service may take; starts when it is made. */
export interface Deadline {
  /** Aborts when the time is over, or the caller's signal does; its reason is what to tell. */
  readonly signal: AbortSignal;
  /** The time runs anew. */
  restart(): void;
  /** Ends the wait for `work` when the signal aborts, whether `work` listens to it or not. */
  limit<T>(work: Promise<T>): Promise<T>;
  end(): void;
}

export function startDeadline(name: string, timeoutMs: number, outer: AbortSignal | undefined): Deadline {
  const over = new AbortController();
  const signal = outer === undefined ? over.signal : AbortSignal.any([outer, over.signal]);
  // Each request of a driver listens to it, and a warning of Node's would be printed from the eleventh on.
  setMaxListeners(0, signal);
  let timer: NodeJS.Timeout | undefined;
  const restart = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => over.abort(new MillraceError('CONNECTION_TIMEOUT', `${name} was not done within ${timeoutMs} ms`)), timeoutMs);
  };
  restart();
  return { signal, restart, limit: (work) => untilAborted(work, signal), end: () => clearTimeout(timer) };
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort!);
  }
}
