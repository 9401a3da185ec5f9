import { isMillraceError } from '../contracts/errors.ts';

/** How long a secret is used without asking again: connections open by the hundred, and each request costs money and counts against a limit. */
const keepMs = 300_000;
/** How soon a secret that a server refused is asked for again. A wrong password is refused at every attempt to connect. */
const freshMs = 5_000;
/** How long a failure is the answer. */
const failureMs = 1_000;

export interface ReadOptions {
  /** A server refused what was read last: read again, unless that was a moment ago. @default false */
  readonly fresh?: boolean | undefined;
}

interface Entry {
  value?: { readonly text: string; readonly atMs: number };
  failure?: { readonly error: unknown; readonly atMs: number };
  pending?: Promise<string> | undefined;
}

/**
 * Keeps what `fetch` gives for 5 minutes by key; one request at a time for each key, and none within 5 s of the last success or 1 s of the last failure.
 *
 * While the store does not answer (a retriable failure) the old value is given on, except to a caller that wants a fresh one.
 */
export function secretCache(): (key: string, fetch: () => Promise<string>, options?: ReadOptions) => Promise<string> {
  const entries = new Map<string, Entry>();
  return async (key, fetch, { fresh = false } = {}) => {
    const entry = entries.get(key) ?? {};
    entries.set(key, entry);
    const { value, failure } = entry;
    const nowMs = performance.now();
    if (value !== undefined && nowMs - value.atMs < (fresh ? freshMs : keepMs)) return value.text;
    try {
      if (failure !== undefined && nowMs - failure.atMs < failureMs) throw failure.error;
      entry.pending ??= renew(entry, fetch);
      return await entry.pending;
    } catch (error) {
      if (!fresh && value !== undefined && isMillraceError(error) && error.retriable) return value.text;
      throw error;
    }
  };
}

async function renew(entry: Entry, fetch: () => Promise<string>): Promise<string> {
  try {
    const text = await fetch();
    entry.value = { text, atMs: performance.now() };
    delete entry.failure;
    return text;
  } catch (error) {
    entry.failure = { error, atMs: performance.now() };
    throw error;
  } finally {
    entry.pending = undefined;
  }
}
