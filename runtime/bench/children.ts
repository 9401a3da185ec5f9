import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Child extends AsyncDisposable {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
}

const cli = join(import.meta.dirname, '../dist/cli/main.js');

/** `millrace relay` as users run it: the compiled program in a process of its own, with the option of its first line. */
export function spawnRelay(bindingFile: string): Child {
  const command = ['--max-semi-space-size=4', cli, 'relay', '--binding', bindingFile, '--sink', 'events'];
  return childOf(spawn(process.execPath, command, { stdio: ['ignore', 'ignore', 'inherit'] }));
}

/** A consumer of a Redis topic that has subscribed. */
export async function spawnConsumer(bindingFile: string, topic: string, group: string): Promise<Child> {
  const command = ['--import', 'tsx', join(import.meta.dirname, 'consumer.ts'), bindingFile, 'events', topic, group];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return childOf(child);
}

function childOf(child: ChildProcess): Child {
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
