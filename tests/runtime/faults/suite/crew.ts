import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { guardProcess } from '../../../support/guard.ts';

/** The processes of a run. Whoever ends unasked is started again a moment later, as a supervisor would. */
export interface Crew {
  /** @param settings what the program gets for its only argument, as JSON */
  start(name: string, script: string, settings: unknown): void;
  nameOf(pid: number): string | undefined;
  /** Those that ended by themselves and not by SIGKILL, with their last words. */
  readonly failures: readonly string[];
  /** A line of its standard input. */
  tell(name: string, command: object): void;
  kill(name: string): void;
  /** SIGSTOP: it keeps its connections and answers nothing. */
  pause(name: string): void;
  resume(name: string): void;
  /** How often a process of these names has ended unasked, by a kill or by itself. */
  ends(prefix: string): number;
  /** How often their logs say it. */
  said(prefix: string, text: string): number;
  /** Asks those to end that are called `prefix...`, and waits. @throws when one ends otherwise */
  dismiss(prefix: string): Promise<void>;
  /** Kills whatever still runs. */
  close(): Promise<void>;
}

interface Member {
  readonly name: string;
  readonly start: () => ChildProcess;
  child: ChildProcess;
  starts: number;
  ends: number;
  dismissed: boolean;
}

const restartMs = 200;
const patienceMs = 20_000;

/** @param folder where histories and logs go. @param env what all programs get, besides that of this process */
export function createCrew(folder: string, env: Readonly<Record<string, string>>): Crew {
  const members = new Map<string, Member>();
  const failures: string[] = [];
  let closed = false;
  const logOf = (name: string): string => join(folder, `${name}.log`);
  const get = (name: string): Member => {
    const member = members.get(name);
    if (member === undefined) throw new Error(`${name} was never started`);
    return member;
  };
  const watch = (member: Member): void => {
    const release = guardProcess(member.child.pid!);
    member.child.once('exit', (code, signal) => {
      release();
      if (member.dismissed || closed) return;
      member.ends += 1;
      if (signal !== 'SIGKILL') failures.push(`${member.name} ended with ${signal ?? `exit code ${code}`}${lastWords(logOf(member.name))}`);
      setTimeout(() => {
        if (member.dismissed || closed) return;
        member.child = member.start();
        watch(member);
      }, restartMs);
    });
  };
  const launch = (name: string, script: string, settings: unknown): ChildProcess => {
    const member = members.get(name);
    const start = member === undefined ? 1 : ++member.starts;
    const log = openSync(logOf(name), 'a');
    try {
      const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
        env: { ...process.env, ...env, JOURNAL: join(folder, `${name}.${start}.journal`) },
        stdio: ['pipe', log, log],
      });
      child.stdin!.on('error', () => undefined); // it may have been killed before it has read
      return child;
    } finally {
      closeSync(log);
    }
  };
  const called = (prefix: string): Member[] => [...members.values()].filter(({ name }) => name.startsWith(prefix));
  return {
    start(name, script, settings) {
      const start = (): ChildProcess => launch(name, script, settings);
      const member: Member = { name, start, child: start(), starts: 1, ends: 0, dismissed: false };
      members.set(name, member);
      watch(member);
    },
    failures,
    nameOf: (pid) => [...members.values()].find(({ child }) => child.pid === pid)?.name,
    tell: (name, command) => void get(name).child.stdin!.write(`${JSON.stringify(command)}\n`),
    kill: (name) => void get(name).child.kill('SIGKILL'),
    pause: (name) => void get(name).child.kill('SIGSTOP'),
    resume: (name) => void get(name).child.kill('SIGCONT'),
    ends: (prefix) => called(prefix).reduce((sum, { ends }) => sum + ends, 0),
    said: (prefix, text) => called(prefix).reduce((sum, { name }) => sum + readFileSync(logOf(name), 'utf8').split(text).length - 1, 0),
    dismiss: async (prefix) => void (await Promise.all(called(prefix).map((member) => dismissOne(member)))),
    async close() {
      closed = true;
      await Promise.all(called('').map(({ child }) => endNow(child)));
    },
  };
}

async function dismissOne(member: Member): Promise<void> {
  member.dismissed = true;
  const { child, name } = member;
  if (!isAlive(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await Promise.race([ended, pause(patienceMs, undefined, { ref: false })]);
  if (isAlive(child)) throw new Error(`${name} did not end within ${patienceMs / 1_000} s of SIGTERM`);
  if (child.exitCode !== 0) throw new Error(`${name} ended with ${child.signalCode ?? `exit code ${child.exitCode}`} when it was asked to`);
}

function lastWords(file: string): string {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const telling = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1);
  return telling ? `: ${telling}` : '';
}

async function endNow(child: ChildProcess): Promise<void> {
  if (!isAlive(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
