import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLock } from '../local-process/lock.ts';

const defaultFile = '/usr/sbin/policy-rc.d';
const mark = '# written by millrace for the time of one installation';

/** Debian asks this program before a package starts its daemon; 101 means: forbidden. */
const refusal = `#!/bin/sh\n${mark}\nexit 101\n`;

/**
 * Runs `install` while no package may start a daemon, then puts back what was there before, also when `install` fails.
 *
 * Killed in between it cannot; the next call recognises what it left and ends with it gone. Two calls take turns, in whatever processes they are: the first to
 * end would else allow what the second forbids, and the second would remove what the first put back.
 */
export async function withoutDaemonStarts(policyFile: string = defaultFile, install: () => Promise<void>): Promise<void> {
  const release = await turn(`${policyFile}.millrace.lock`);
  try {
    await whileForbidden(policyFile, install);
  } finally {
    release();
  }
}

const pollMs = 100;

async function turn(lockFile: string): Promise<() => void> {
  for (;;) {
    const lock = tryLock(lockFile);
    if ('release' in lock) return lock.release;
    await delay(pollMs);
  }
}

async function whileForbidden(policyFile: string, install: () => Promise<void>): Promise<void> {
  const saved = `${policyFile}.before-millrace`;
  if (existsSync(policyFile) && !readFileSync(policyFile, 'utf8').includes(mark)) renameSync(policyFile, saved);
  writeFileSync(policyFile, refusal, { mode: 0o755 });
  try {
    await install();
  } finally {
    if (existsSync(saved)) renameSync(saved, policyFile);
    else rmSync(policyFile, { force: true });
  }
}
