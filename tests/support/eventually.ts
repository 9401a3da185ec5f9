import { setTimeout as delay } from 'node:timers/promises';

/**
 * Polls until `probe` gives something other than false or undefined, and returns that.
 *
 * A probe that throws counts as "not yet"; what it threw last is the cause of the failure.
 *
 * @param what ends the sentence "gave up waiting until", for the message.
 */
export async function eventually<T>(
  probe: () => Promise<T | false | undefined> | T | false | undefined,
  { timeoutMs = 10_000, what }: { timeoutMs?: number; what: string },
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
    const outcome = await attempt(probe);
    if ('value' in outcome) return outcome.value;
    if (Date.now() >= deadline) throw new Error(`gave up waiting until ${what} (${timeoutMs} ms)`, { cause: outcome.error });
    await delay(pauseMs);
  }
}

async function attempt<T>(
  probe: () => Promise<T | false | undefined> | T | false | undefined,
): Promise<{ value: T } | { error?: unknown }> {
  try {
    const value = await probe();
    return value === false || value === undefined ? {} : { value };
  } catch (error) {
    return { error };
  }
}
