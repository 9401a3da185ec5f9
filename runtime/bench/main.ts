import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { parseEnvironment } from '../../environments/schema.ts';
import { down, up } from '../../servers/supervisor/index.ts';
import { Interruption, interruptible } from '../../servers/supervisor/interrupt.ts';
import { Bench } from './bench.ts';
import type { Figure } from './figure.ts';
import { backlogFigure } from './figures/backlog.ts';
import { kafkaFigure, rabbitmqFigure } from './figures/brokers.ts';
import { consumeFigure } from './figures/consume.ts';
import { foreignTransactionFigure } from './figures/foreign-transaction.ts';
import { idleFigure } from './figures/idle.ts';
import { latencyFigure } from './figures/latency.ts';
import { enqueueFigure, producerFigure } from './figures/producer.ts';
import { publishFigure } from './figures/publish.ts';
import { sizeFigure } from './figures/size.ts';
import { takeoverFigure } from './figures/takeover.ts';
import { machine, page, table } from './page.ts';

interface Measured {
  /** Services that it needs besides `events` and `database`; they are started when it comes up, and run on. */
  readonly on?: readonly string[];
  measure(bench: Bench): Promise<Figure[]>;
}

/** In this order: a Kafka broker beside them would cost the first ones. */
const figures: Readonly<Record<string, Measured>> = {
  publish: { measure: publishFigure },
  consume: { measure: consumeFigure },
  latency: { measure: latencyFigure },
  takeover: { measure: takeoverFigure },
  'foreign-transaction': { measure: foreignTransactionFigure },
  backlog: { measure: backlogFigure },
  idle: { measure: idleFigure },
  size: { measure: sizeFigure },
  enqueue: { measure: enqueueFigure },
  'redis-producer': { measure: producerFigure('redis-streams', 'events', 'bench.orders') },
  rabbitmq: { on: ['tasks'], measure: rabbitmqFigure },
  'rabbitmq-producer': { on: ['tasks'], measure: producerFigure('rabbitmq', 'tasks', 'bench.tasks') },
  kafka: { on: ['log'], measure: kafkaFigure },
  'kafka-producer': { on: ['log'], measure: producerFigure('kafka', 'log', 'bench.log') },
};

const groups = ['no-op', 'batch', 'single', 'latency', 'foreign', 'takeover'].map((name) => ({ group: `bench-${name}` }));

/** A PostgreSQL with fsync and one Redis with AOF everysec, as the engine renders them, in plain text: TLS costs the bare loops and peers the same. */
const environment = parseEnvironment({
  name: 'bench',
  engine: { kind: 'process', ports: { base: 27_000 }, tls: false },
  size: 'medium',
  services: {
    // 300,000 events at once, of which nothing is trimmed meanwhile.
    events: { kind: 'redis', role: 'events', overrides: { memoryMiB: 2_048 } },
    database: { kind: 'postgres', role: 'database' },
    // At its limit of memory a broker takes nothing more, and the figure would be of that.
    tasks: { kind: 'rabbitmq', role: 'tasks', overrides: { memoryMiB: 2_048 } },
    log: { kind: 'kafka', role: 'log' },
  },
  topology: {
    topics: {
      'bench.orders': { transports: [{ kind: 'redis-streams', service: 'events' }], shards: 4, tenantless: true, consumers: groups },
      'bench.tasks': {
        transports: [{ kind: 'rabbitmq', service: 'tasks' }],
        shards: 4,
        tenantless: true,
        consumers: [{ group: 'bench' }],
      },
      'bench.log': {
        transports: [{ kind: 'kafka', service: 'log' }],
        partitions: 4,
        tenantless: true,
        consumers: [{ group: 'bench' }],
      },
    },
  },
});

interface Flags {
  readonly json: boolean;
  readonly quick: boolean;
  readonly long: boolean;
  readonly seconds: string;
  readonly only?: string;
  readonly page?: string;
}

/** No figure takes that long, unless something hangs or it was asked to. */
const limitMs = { usual: 600_000, long: 3_600_000 };

async function main(flags: Flags, interrupted: AbortSignal): Promise<void> {
  const names = flags.only?.split(',') ?? Object.keys(figures);
  const unknown = names.filter((name) => !(name in figures));
  if (unknown.length > 0) throw new Error(`no figure is named ${unknown.join(', ')}; there are ${Object.keys(figures).join(', ')}`);
  const say = (text: string): void => void process.stderr.write(`  ${text}\n`);
  const stateDir = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const measured: Figure[] = [];
  try {
    await up(environment, { stateDir, only: ['events', 'database'] });
    const { quick, long, seconds } = flags;
    await using bench = await Bench.open(join(stateDir, 'binding.json'), { quick, long, seconds: Number(seconds), say });
    for (const name of names) {
      process.stderr.write(`${name}\n`);
      const { on, measure } = figures[name]!;
      if (on !== undefined) await up(environment, { stateDir, only: on });
      try {
        measured.push(...(await within(flags.long ? limitMs.long : limitMs.usual, measure(bench), interrupted)));
      } catch (error) {
        if (interrupted.aborted) throw error;
        // The other figures are worth having.
        process.stderr.write(`bench: ${name}: ${shown(error)}\n`);
        process.exitCode = 1;
      }
    }
  } finally {
    await down(environment, { stateDir, wipe: true });
    await rm(stateDir, { recursive: true, force: true });
  }
  if (flags.page !== undefined) await writeFile(flags.page, page(measured, new Date()));
  process.stdout.write(flags.json ? `${JSON.stringify({ machine: machine(), figures: measured })}\n` : table(measured));
  if (measured.some((figure) => figure.reached === false)) process.exitCode ??= 2;
}

/** @throws what `work` throws; an error when it takes too long; what a signal was told. */
async function within<T>(ms: number, work: Promise<T>, interrupted: AbortSignal): Promise<T> {
  interrupted.throwIfAborted();
  const limit = AbortSignal.timeout(ms);
  const ended = AbortSignal.any([limit, interrupted]);
  const early = new Promise<never>((_, reject) => {
    ended.addEventListener('abort', () => {
      reject(limit.aborted ? new Error(`did not end within ${ms / 60_000} minutes`) : interrupted.reason);
    });
  });
  return await Promise.race([work, early]);
}

function shown(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

new Command('bench')
  .description('measures the figures of docs/benchmarks.md on this machine; exit code 2 when a target is missed')
  .option('--only <figures>', `which, with commas between: ${Object.keys(figures).join(', ')} (default: all)`)
  .option('--json', 'one JSON object on the last line', false)
  .option('--quick', 'a short run, to see that everything works', false)
  .option('--long', 'ten minutes of the foreign transaction, five million rows of backlog', false)
  .option('--page <file>', 'write the figures as a page, docs/benchmarks.md')
  .option('--seconds <n>', 'length of the runs with a steady load', '20')
  .action((flags: Flags) => interruptible((signal) => main(flags, signal)))
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Interruption ? error.message : shown(error)}\n`);
    process.exitCode = error instanceof Interruption ? error.exitCode : 1;
  })
  // A figure that hangs would keep the process.
  .finally(() => process.exit());
