import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Client } from 'pg';
import { type Topology, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { parseMark } from '../../../runtime/src/replay/bounds.ts';
import {
  planReplay,
  type ReplayRequest,
  type ReplayStanding,
  replayStanding,
  requestReplay,
} from '../../../runtime/src/replay/requests.ts';
import { eventually } from '../../support/eventually.ts';
import { guardProcess } from '../../support/guard.ts';
import type { TestLog } from './log.ts';

const once = { retry: { attempts: 1, initialDelayMs: 20, maxDelayMs: 100 } };

/** Topic `t` of tenants, with the group `g`; `strict` holds keys back, `frail` tries once. */
export const replayTopology: Topology = topologySchema.parse({
  topics: Object.fromEntries(
    Object.entries({ t: {}, strict: { onExhausted: 'block', tenantless: true }, frail: { ...once, tenantless: true } }).map(
      ([name, more]) => [
        name,
        {
          transports: [{ kind: 'redis-streams', service: 'events' }],
          ...{
            shards: 2,
            retry: { attempts: 3, initialDelayMs: 20, maxDelayMs: 100 },
            consumers: [{ group: 'g', concurrency: 8 }],
            ...more,
          },
        },
      ],
    ),
  ),
});

type Asked = Partial<Omit<ReplayRequest, 'from' | 'to'>> & { from?: string; to?: string };

/** Asks for a replay of `t` into `g`. @returns the number of events that it shall bring */
export async function ask(log: TestLog, { from = '1', to, ...more }: Asked = {}): Promise<number> {
  const client: Client = await log.open('asking');
  const marks = { from: parseMark(from)!, to: to === undefined ? undefined : parseMark(to)! };
  const planned = await planReplay(client, replayTopology, { run: 'r1', topic: 't', group: 'g', ...more, ...marks });
  await requestReplay(client, planned);
  await client.end();
  return planned.expected;
}

/** Waits until the replay has ended. */
export async function ended(log: TestLog, run = 'r1', timeoutMs = 20_000): Promise<ReplayStanding> {
  const client = await log.open('looking');
  const over = async (): Promise<ReplayStanding | undefined> => {
    const standing = await replayStanding(client, run);
    return standing.state === 'requested' || standing.state === 'running' ? undefined : standing;
  };
  const standing = await eventually(over, { timeoutMs, what: `replay ${run} has ended` });
  await client.end();
  return standing;
}

export interface ReplayChild {
  readonly pid: number;
  readonly lines: string[];
  readonly gone: Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** A process that carries out replays of `g` and applies effects to the table `effect`; its handler takes `handlerMs`. */
export function startReplayChild(settings: { url: string; name: string; handlerMs?: number; poison?: string }): ReplayChild {
  const script = join(__dirname, 'replay-child.mts');
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const release = guardProcess(child.pid!);
  const lines: string[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => {
      release();
      resolve();
    });
  });
  return { pid: child.pid!, lines, gone, kill: (signal) => void child.kill(signal) };
}
