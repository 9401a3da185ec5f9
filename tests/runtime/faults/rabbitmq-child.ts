import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import type { RabbitConnectOptions } from '../../../runtime/src/connections/rabbitmq/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { eventually } from '../../support/eventually.ts';
import { guardProcess } from '../../support/guard.ts';

export interface RabbitClientSettings {
  readonly service: BoundService;
  readonly env: Readonly<Record<string, string>>;
  readonly queue: string;
  readonly options: RabbitConnectOptions;
}

/** A line that the client has said, and when it arrived here (milliseconds of `performance.now()`). */
interface Line {
  readonly at: number;
  readonly verb: string;
  readonly rest: string;
}

/** A publishing and consuming process of its own: what it would print or leave unhandled is seen. */
export interface RabbitClient {
  readonly pid: number;
  readonly lines: readonly Line[];
  /** When the first line of this kind came that is not older than `since`. */
  first(verb: string, since: number, timeoutMs?: number): Promise<number>;
  /** Lets it end by itself, after SIGTERM. */
  end(): Promise<{ code: number | null; stderr: string }>;
}

export function startRabbitClient(
  handle: ServiceHandle,
  env: Readonly<Record<string, string>>,
  settings: Pick<RabbitClientSettings, 'queue' | 'options'>,
): RabbitClient {
  const script = join(__dirname, 'rabbitmq-client.mts');
  const argument = JSON.stringify({ service: handle.service, env, ...settings } satisfies RabbitClientSettings);
  const child = spawn(process.execPath, ['--import', 'tsx', script, argument], { stdio: ['ignore', 'pipe', 'pipe'] });
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
  return {
    pid: child.pid!,
    lines,
    first: async (verb, since, timeoutMs = 30_000) =>
      (
        await eventually(() => lines.find((line) => line.verb === verb && line.at >= since), {
          what: `the client says ${verb}; stderr: ${stderr}`,
          timeoutMs,
        })
      ).at,
    async end() {
      child.kill('SIGTERM');
      return { code: await ended, stderr };
    },
  };
}

/** Processor time, as a share of one core, between two moments. */
export function cpuShare(client: RabbitClient, from: number, to: number): number {
  const samples = client.lines.filter(({ verb, at }) => verb === 'cpu' && at >= from && at <= to);
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last === first) return Number.NaN;
  return (Number(last.rest) - Number(first.rest)) / (last.at - first.at);
}
