import { setTimeout as pause } from 'node:timers/promises';

/** After its signal was aborted a handler has this long to end before what it holds goes on without it. */
export const abortGraceMs = 1_000;
const pollMs = 5;

/** Waits until `done` says so, `limitMs` at most. */
export async function until(done: () => boolean, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!done() && performance.now() < end) await pause(pollMs);
}
