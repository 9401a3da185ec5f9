import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, type ProcessIdentity } from './identity.ts';
import { type LaunchSpec, launch, type ProcessEnd } from './launch.ts';

const pollMs = 10;
/** Dead members of the group count until they are reaped, which is not for us to wait for. */
const endTimeoutMs = 2_000;

/**
 * Runs a program that ends by itself. When `signal` aborts, it is ended together with everything it started.
 *
 * @returns how it ended.
 */
export async function runToEnd(
  spec: LaunchSpec,
  signal?: AbortSignal,
  onLaunched: (run: ProcessIdentity) => void = () => {},
): Promise<ProcessEnd> {
  signal?.throwIfAborted();
  const run = await launch(spec, onLaunched);
  let end = run.ended();
  while (end === undefined) {
    if (signal?.aborted) await endRun(run);
    await delay(pollMs);
    end = run.ended();
  }
  signal?.throwIfAborted();
  return end;
}

/** Ends a program that `runToEnd` started, in this process or an earlier one, together with everything it started itself. */
export async function endRun(run: ProcessIdentity): Promise<void> {
  if (!isAlive(run)) return;
  const deadline = Date.now() + endTimeoutMs;
  while (endGroup(run.pid) && Date.now() < deadline) await delay(pollMs);
}

/** It leads a process group of its own, because it was launched in a session of its own. @returns whether the group still has members */
function endGroup(pid: number): boolean {
  try {
    process.kill(-pid, 'SIGKILL');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
