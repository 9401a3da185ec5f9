import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { eventually } from '../../support/eventually.ts';
import { guardProcess } from '../../support/guard.ts';

/** A line that the client has said, and when it arrived here (milliseconds of `performance.now()`). */
interface Line {
  readonly at: number;
  readonly verb: string;
  readonly rest: string;
}

/** A client in a process of its own, which says what it does, a line each: what it would print besides or leave unhandled is seen. */
export interface ClientProcess {
  readonly pid: number;
  readonly lines: readonly Line[];
  /** When the first line of this kind came that is not older than `since`. */
  first(verb: string, since: number, timeoutMs?: number): Promise<number>;
  /** Waits until its lines show what is wanted. */
  until<T>(probe: () => T | undefined | false, what: string, timeoutMs: number): Promise<T>;
  /** Processor time, as a share of one core, between two moments. */
  cpuShare(from: number, to: number): number;
  /** Its exit code, null after a signal. */
  readonly ended: Promise<number | null>;
  /** Lets it end by itself, after SIGTERM. */
  end(): Promise<{ code: number | null; stderr: string }>;
}

/** Starts the program `script` with `settings` as JSON for its only argument. */
export function startClientProcess(script: string, settings: unknown): ClientProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(settings)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const release = guardProcess(child.pid!);
  const lines: Line[] = [];
  let stderr = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [verb = '', ...rest] = line.split(' ');
    lines.push({ at: performance.now(), verb, rest: rest.join(' ') });
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      release();
      resolve(code);
    });
  });
  const until: ClientProcess['until'] = (probe, what, timeoutMs) =>
    eventually(probe, { timeoutMs, what: `the client says ${what}; stderr: ${stderr}` });
  return {
    ...{ pid: child.pid!, lines, until, ended },
    first: async (verb, since, timeoutMs = 30_000) =>
      (await until(() => lines.find((line) => line.verb === verb && line.at >= since), verb, timeoutMs)).at,
    cpuShare(from, to) {
      const samples = lines.filter(({ verb, at }) => verb === 'cpu' && at >= from && at <= to);
      const [first, last] = [samples[0], samples.at(-1)];
      if (first === undefined || last === undefined || last === first) return Number.NaN;
      return (Number(last.rest) - Number(first.rest)) / (last.at - first.at);
    },
    async end() {
      child.kill('SIGTERM');
      return { code: await ended, stderr };
    },
  };
}
