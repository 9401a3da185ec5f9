import { setTimeout as pause } from 'node:timers/promises';

/** Asks until there is an answer; undefined when there is none in time. @throws the reason of `signal` when it is aborted */
export async function until<T>(
  probe: () => Promise<T | undefined>,
  { timeoutMs, signal, pollMs = 100 }: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly pollMs?: number },
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined || performance.now() > deadline) return answer;
    await pause(pollMs, undefined, { signal });
  }
}
