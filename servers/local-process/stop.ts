import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, type ProcessIdentity, signalProcess } from './identity.ts';

/** Signals to end a server with, each with the time it gets; SIGKILL follows when all are in vain. */
export type StopSteps = readonly { readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'; readonly graceMs: number }[];

const pollMs = 10;
/** A server that has only just begun may forget a signal: Redis 7.0 clears a request to shut down at the end of its initialization. */
const repeatMs = 200;
const killGraceMs = 5_000;

/**
 * Ends the process and returns when it is gone; one that is gone already, or whose pid now belongs to another process, is left alone.
 *
 * @returns whether it had to be killed.
 */
export async function stopProcess(identity: ProcessIdentity, steps: StopSteps): Promise<{ killed: boolean }> {
  for (const { signal, graceMs } of steps) {
    if (await endsWithin(identity, signal, graceMs)) return { killed: false };
  }
  await endsWithin(identity, 'SIGKILL', killGraceMs);
  return { killed: true };
}

async function endsWithin(identity: ProcessIdentity, signal: NodeJS.Signals, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  for (let poll = 0; isAlive(identity); poll++) {
    if (Date.now() >= deadline) return false;
    if (poll % (repeatMs / pollMs) === 0) {
      // A stopped process cannot act on a signal; for a running one this changes nothing.
      signalProcess(identity, 'SIGCONT');
      signalProcess(identity, signal);
    }
    await delay(pollMs);
  }
  return true;
}
