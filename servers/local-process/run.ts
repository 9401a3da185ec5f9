import { setTimeout as delay } from 'node:timers/promises';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { isAlive, type ProcessIdentity } from './identity.ts';
import { describeEnd, type LaunchSpec, launch, type ProcessEnd } from './launch.ts';
import { logTail } from './log-tail.ts';

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

/**
 * Runs a program that brings what was not found, `spec.name` for messages, to an end that must be a good one.
 *
 * @param failed for the message: `image redis:7 could not be pulled`
 * @throws {MillraceError} SERVER_NOT_FOUND with the last lines of what it said.
 */
export async function runToGoodEnd(spec: LaunchSpec, failed: string, signal?: AbortSignal): Promise<void> {
  const end = await runToEnd(spec, signal);
  if (end.code === 0) return;
  const { name, logFile } = spec;
  throw new MillraceError(
    'SERVER_NOT_FOUND',
    `${failed}: ${name} ${describeEnd(end)}; mend what ${logFile} says last:\n${logTail(logFile)}`,
  );
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
