import { setTimeout as delay } from 'node:timers/promises';
import { type LaunchSpec, launch, type ProcessEnd } from './launch.ts';

const pollMs = 10;

/**
 * Runs a program that ends by itself. When `signal` aborts, it is ended together with everything it started.
 *
 * @returns how it ended.
 */
export async function runToEnd(spec: LaunchSpec, signal?: AbortSignal): Promise<ProcessEnd> {
  signal?.throwIfAborted();
  const run = await launch(spec);
  let end = run.ended();
  while (end === undefined) {
    if (signal?.aborted) endGroup(run.pid);
    await delay(pollMs);
    end = run.ended();
  }
  signal?.throwIfAborted();
  return end;
}

/** It leads a process group of its own, because it was launched in a session of its own. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
