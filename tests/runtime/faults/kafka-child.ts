import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import type { KafkaConnectOptions, KafkaConsumerOptions } from '../../../runtime/src/connections/kafka/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { eventually } from '../../support/eventually.ts';
import { guardProcess } from '../../support/guard.ts';

export interface KafkaClientSettings {
  readonly service: BoundService;
  readonly env: Readonly<Record<string, string>>;
  readonly topic: string;
  readonly group: string;
  readonly options: KafkaConnectOptions;
  readonly consumer: Partial<KafkaConsumerOptions>;
}

/** A line that the client has said, and when it arrived here (milliseconds of `performance.now()`). */
interface Line {
  readonly at: number;
  readonly verb: string;
  readonly rest: string;
}

/** A process of its own that sends and consumes: what it would print or leave unhandled is seen. */
export interface KafkaClient {
  readonly lines: readonly Line[];
  /** Returns when a message that was sent after this call is consumed, from every partition. */
  flows(timeoutMs?: number): Promise<void>;
  /** When the first line of this kind came that is not older than `since`. */
  first(verb: string, since: number, timeoutMs?: number): Promise<number>;
  /** Numbers that were acknowledged and never consumed. */
  lost(): string[];
  /** Processor time, as a share of one core, between two moments. */
  cpuShare(from: number, to: number): number;
  /** Lets it end by itself, after SIGTERM. */
  end(): Promise<{ code: number | null; stderr: string }>;
}

export function startKafkaClient(handle: ServiceHandle, settings: Omit<KafkaClientSettings, 'service'>): KafkaClient {
  const script = join(__dirname, 'kafka-client.mts');
  const argument = JSON.stringify({ service: handle.service, ...settings } satisfies KafkaClientSettings);
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
  const all = (verb: string): Line[] => lines.filter((line) => line.verb === verb);
  const until = <T>(probe: () => T | undefined | false, what: string, timeoutMs: number): Promise<T> =>
    eventually(probe, { timeoutMs, what: `the client says ${what}; stderr: ${stderr}` });
  return {
    lines,
    async flows(timeoutMs = 60_000) {
      const next = Number(all('sent').at(-1)?.rest ?? -1) + 1;
      await until(() => all('got').some(({ rest }) => Number(rest) >= next), `got ${next} or more`, timeoutMs);
    },
    first: async (verb, since, timeoutMs = 30_000) => (await until(() => all(verb).find(({ at }) => at >= since), verb, timeoutMs)).at,
    lost() {
      const got = new Set(all('got').map(({ rest }) => rest));
      return all('acked').flatMap(({ rest }) => (got.has(rest) ? [] : rest));
    },
    cpuShare(from, to) {
      const samples = all('cpu').filter(({ at }) => at >= from && at <= to);
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
