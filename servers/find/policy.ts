import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const defaultFile = '/usr/sbin/policy-rc.d';
const mark = '# written by millrace for the time of one installation';

/** Debian asks this program before a package starts its daemon; 101 means: forbidden. */
const refusal = `#!/bin/sh\n${mark}\nexit 101\n`;

/**
 * Runs `install` while no package may start a daemon, then puts back what was there before, also when `install` fails.
 *
 * Killed in between it cannot; the next call recognises what it left and ends with it gone.
 */
export async function withoutDaemonStarts(policyFile: string = defaultFile, install: () => Promise<void>): Promise<void> {
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
