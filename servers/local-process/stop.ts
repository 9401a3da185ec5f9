import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, type ProcessIdentity, signalProcess } from './identity.ts';

/** Signals to end a server with, each with the time it gets; SIGKILL follows when all are in vain. */
export type StopSteps = readonly { readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'; readonly graceMs: number }[];

const pollMs = 10;
const killGraceMs = 5_000;

/**
 * Ends the process and returns when it is gone; one that is gone already, or whose pid now belongs to another process, is left alone.
 *
 * @returns whether it had to be killed.
 */
export async function stopProcess(identity: ProcessIdentity, steps: StopSteps): Promise<{ killed: boolean }> {
  for (const { signal, graceMs } of steps) {
    // A stopped process cannot act on a signal; for a running one this changes nothing.
    signalProcess(identity, 'SIGCONT');
    if (!signalProcess(identity, signal) || (await isGoneWithin(identity, graceMs))) return { killed: false };
  }
  signalProcess(identity, 'SIGKILL');
  await isGoneWithin(identity, killGraceMs);
  return { killed: true };
}

async function isGoneWithin(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(identity)) {
    if (Date.now() >= deadline) return false;
    await delay(pollMs);
  }
  return true;
}
