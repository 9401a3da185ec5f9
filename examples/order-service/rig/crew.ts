import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A program of the demo and how it is started. */
export interface Member {
  /** `relay-1`: what it is and which one. */
  readonly name: string;
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Ends itself when the demo has gone, if it knows how to listen. */
  readonly leash?: boolean;
}

interface Running {
  readonly member: Member;
  child: ChildProcess;
  starts: number;
  /** We have asked it to end. */
  dismissed: boolean;
}

/** How long a supervisor takes to notice that a process has ended and to start it again. */
const restartDelayMs = 500;
const stopGraceMs = 15_000;

/** The processes of the demo: starts them, and starts a killed one again as a supervisor would. */
export class Crew {
  /** Processes that ended though nobody had killed or dismissed them. */
  readonly unexpected: string[] = [];
  readonly #running = new Map<string, Running>();
  readonly #folder: string;
  #closed = false;

  /** @param folder where logs and journals go. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  start(member: Member): void {
    const running: Running = { member, child: this.#spawn(member, 1), starts: 1, dismissed: false };
    this.#running.set(member.name, running);
    this.#watch(running);
  }

  /** @throws when a process has ended by itself: what follows would show nothing. */
  requireWhole(): void {
    if (this.unexpected.length > 0) throw new Error(this.unexpected.join('; '));
  }

  pidOf(name: string): number {
    return this.#get(name).child.pid!;
  }

  nameOf(pid: number): string | undefined {
    return [...this.#running.values()].find(({ child }) => child.pid === pid)?.member.name;
  }

  /** Kills with SIGKILL and comes back when the process has gone; it is started again a moment later. */
  async kill(name: string): Promise<void> {
    const running = this.#get(name);
    const { child } = running;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    if (child.signalCode !== 'SIGKILL') throw new Error(`${name} ended with ${child.exitCode} before it could be killed`);
    void this.#restart(running);
  }

  /** Asks those processes to end and waits for them; one that does not listen is killed. */
  async dismiss(which: (name: string) => boolean): Promise<void> {
    const leaving = [...this.#running.values()].filter(({ member }) => which(member.name));
    await Promise.all(leaving.map((running) => this.#dismissOne(running)));
  }

  /** Kills whatever still runs. */
  async close(): Promise<void> {
    this.#closed = true;
    const living = [...this.#running.values()].map(({ child }) => child).filter((child) => isAlive(child));
    await Promise.all(
      living.map(async (child) => {
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }),
    );
  }

  #get(name: string): Running {
    const running = this.#running.get(name);
    if (running === undefined) throw new Error(`${name} was never started`);
    return running;
  }

  #spawn({ name, script, args = [], env = {}, leash = false }: Member, start: number): ChildProcess {
    const log = openSync(this.#logOf(name), 'a');
    const journal = join(this.#folder, `${name}.${start}.journal`);
    try {
      return spawn(process.execPath, ['--enable-source-maps', script, ...args], {
        env: { ...process.env, ...env, JOURNAL: journal },
        stdio: ['ignore', log, log, ...(leash ? (['ipc'] as const) : [])],
      });
    } finally {
      closeSync(log);
    }
  }

  #logOf(name: string): string {
    return join(this.#folder, `${name}.log`);
  }

  #lastWords(name: string): string {
    const lines = readFileSync(this.#logOf(name), 'utf8').trimEnd().split('\n');
    const telling = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1);
    return telling ? `: ${telling}` : '';
  }

  #watch(running: Running): void {
    const { child, member } = running;
    child.on('error', (error) => this.unexpected.push(`${member.name}: ${error.message}`));
    child.on('exit', (code, signal) => {
      if (running.dismissed || this.#closed || signal === 'SIGKILL') return;
      this.unexpected.push(`${member.name} ended by itself with ${signal ?? `exit code ${code}`}${this.#lastWords(member.name)}`);
    });
  }

  async #restart(running: Running): Promise<void> {
    await pause(restartDelayMs);
    if (this.#closed || running.dismissed) return;
    running.starts += 1;
    running.child = this.#spawn(running.member, running.starts);
    this.#watch(running);
  }

  async #dismissOne(running: Running): Promise<void> {
    running.dismissed = true;
    const { child, member } = running;
    if (!isAlive(child)) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const impatient = setTimeout(() => {
      this.unexpected.push(`${member.name} did not end within ${stopGraceMs / 1_000} s of SIGTERM`);
      child.kill('SIGKILL');
    }, stopGraceMs);
    await gone;
    clearTimeout(impatient);
    if (child.exitCode !== 0 && child.signalCode !== 'SIGKILL') {
      this.unexpected.push(`${member.name} ended with ${child.signalCode ?? `exit code ${child.exitCode}`} when it was told to stop`);
    }
  }
}

function isAlive(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
