import { MillraceError } from '../contracts/errors.ts';
import type { Sample } from '../contracts/signals.ts';
import { IncompleteLook, type Look } from './look.ts';

/** What came of one look at a service. */
export interface LookOutcome {
  readonly service: string;
  /** With `probe.up` and `probe.duration`; of a look that failed only what it saw before. */
  readonly samples: readonly Sample[];
  readonly error?: Error | undefined;
}

/**
 * Looks once at a time, and waits for it no longer than `timeoutMs`. A look that does not even end when it is told to is not joined by a second one: until
 * it settles the service is told as away, so that a server that hangs holds one question, however often it is looked at.
 */
export function lookRunner(look: Look, timeoutMs: number): (stop?: AbortSignal) => Promise<LookOutcome> {
  let hanging = false;
  return async (stop) => {
    const startedAt = performance.now();
    const { samples = [], error } = hanging
      ? { error: late(`still no answer to the look before, which was given ${timeoutMs} ms`) }
      : await within(look, timeoutMs, stop, (settled) => {
          hanging = !settled;
        });
    const labels = { service: look.service };
    const seconds = Math.round(performance.now() - startedAt) / 1_000;
    return {
      service: look.service,
      samples: [
        { signal: 'probe.up', labels, value: error === undefined ? 1 : 0 },
        { signal: 'probe.duration', labels, value: seconds },
        ...samples,
      ],
      ...(error !== undefined && { error }),
    };
  };
}

type Attempt = { readonly samples?: readonly Sample[]; readonly error?: Error };

async function within(
  look: Look,
  timeoutMs: number,
  stop: AbortSignal | undefined,
  onSettled: (settled: boolean) => void,
): Promise<Attempt> {
  const limit = new AbortController();
  onSettled(false);
  const running = attempt(look, limit.signal).finally(() => onSettled(true));
  let timer: NodeJS.Timeout | undefined;
  let onStop = (): void => undefined;
  const limited = new Promise<Attempt>((resolve) => {
    const giveUp = (sentence: string): void => {
      limit.abort();
      resolve({ error: late(sentence) });
    };
    timer = setTimeout(() => giveUp(`no complete look within ${timeoutMs} ms`), timeoutMs);
    onStop = () => giveUp('the probe is stopped');
    if (stop?.aborted === true) onStop();
    stop?.addEventListener('abort', onStop, { once: true });
  });
  try {
    return await Promise.race([running, limited]);
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener('abort', onStop);
  }
}

function late(sentence: string): MillraceError {
  return new MillraceError('CONNECTION_TIMEOUT', sentence);
}

async function attempt(look: Look, signal: AbortSignal): Promise<Attempt> {
  try {
    return { samples: await look.sample(signal) };
  } catch (error) {
    if (error instanceof IncompleteLook) return { samples: error.samples, error: error.cause as Error };
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}
