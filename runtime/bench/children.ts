import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface RelayChild extends AsyncDisposable {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
}

const cli = join(import.meta.dirname, '../dist/cli/main.js');

/** `millrace relay` as users run it: the compiled program in a process of its own, with the option of its first line. */
export function spawnRelay(bindingFile: string): RelayChild {
  const child = spawn(process.execPath, ['--max-semi-space-size=4', cli, 'relay', '--binding', bindingFile], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { pid: child.pid!, kill: (signal) => child.kill(signal), [Symbol.asyncDispose]: () => ended(child) };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Highest resident set of a process so far. */
export function peakMiB(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

/** Processor time of a process so far, in milliseconds: clock ticks of 10 ms. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
