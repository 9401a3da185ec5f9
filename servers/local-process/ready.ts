import { setTimeout as delay } from 'node:timers/promises';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { describeEnd, type LaunchedProcess } from './launch.ts';
import { logTail } from './log-tail.ts';

/** Asks a server once; returns when it is ready, throws the reason when it is not yet. */
export type Probe = (signal: AbortSignal) => Promise<void>;

export interface ReadyOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

const firstPauseMs = 15;
const longestPauseMs = 150;
const probeTimeoutMs = 2_000;

/**
 * Waits until `probe` succeeds.
 *
 * @throws {MillraceError} SERVER_START_FAILED when the process ends or does not become ready in time, with the last lines of its log.
 */
export async function waitUntilReady(server: LaunchedProcess, probe: Probe, options: ReadyOptions): Promise<void> {
  const last = await pollUntil(probe, { ...options, givesUp: () => server.ended() !== undefined });
  if (last === undefined) return;
  const end = server.ended();
  const what = end === undefined ? `was not ready within ${options.timeoutMs} ms (${describe(last)})` : describeEnd(end);
  throw startFailure(server, what, last);
}

/**
 * Polls with growing pauses.
 *
 * @returns undefined on success, otherwise what the last probe threw when time was up or there was no point in going on.
 */
export async function pollUntil(
  probe: Probe,
  { timeoutMs, signal, givesUp }: ReadyOptions & { givesUp?: () => boolean },
): Promise<unknown> {
  const deadline = Date.now() + timeoutMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
    signal?.throwIfAborted();
    try {
      await probe(probeSignal(signal));
      return undefined;
    } catch (error) {
      signal?.throwIfAborted();
      if (Date.now() >= deadline || givesUp?.() === true) return error;
    }
    await delay(pauseMs, undefined, signal === undefined ? {} : { signal });
  }
}

function probeSignal(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(probeTimeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

/** One sentence, then the end of what the log got since the launch. */
export function startFailure(server: { name: string; logFile: string; logFrom?: number }, what: string, cause?: unknown): MillraceError {
  const tail = logTail(server.logFile, server.logFrom);
  const quote = tail === '' ? `; its log ${server.logFile} has nothing about it` : `; last lines of ${server.logFile}:\n${tail}`;
  return new MillraceError('SERVER_START_FAILED', `${server.name} ${what}${quote}`, { cause });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
