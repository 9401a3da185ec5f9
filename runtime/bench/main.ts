import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { parseEnvironment } from '../../environments/schema.ts';
import { down, up } from '../../servers/supervisor/index.ts';
import { Bench } from './bench.ts';
import type { Figure } from './figure.ts';
import { foreignTransactionFigure } from './figures/foreign-transaction.ts';
import { idleFigure } from './figures/idle.ts';
import { latencyFigure } from './figures/latency.ts';
import { publishFigure } from './figures/publish.ts';
import { sizeFigure } from './figures/size.ts';
import { takeoverFigure } from './figures/takeover.ts';
import { machine, page, table } from './page.ts';

const figures: Record<string, (bench: Bench) => Promise<Figure[]>> = {
  publish: publishFigure,
  latency: latencyFigure,
  takeover: takeoverFigure,
  'foreign-transaction': foreignTransactionFigure,
  idle: idleFigure,
  size: sizeFigure,
};

/** A PostgreSQL with fsync and one Redis with AOF everysec, as the engine renders them, in plain text: TLS costs the bare loops and peers the same. */
const environment = parseEnvironment({
  name: 'bench',
  engine: { kind: 'process', ports: { base: 27_000 }, tls: false },
  size: 'medium',
  services: { events: { kind: 'redis', role: 'events' }, database: { kind: 'postgres', role: 'database' } },
  topology: {
    topics: {
      'bench.orders': {
        transports: [{ kind: 'redis-streams', service: 'events' }],
        shards: 4,
        tenantless: true,
        consumers: [{ group: 'bench-latency' }, { group: 'bench-foreign' }, { group: 'bench-takeover' }],
      },
    },
  },
});

interface Flags {
  readonly json: boolean;
  readonly quick: boolean;
  readonly seconds: string;
  readonly page?: string;
}

async function main(names: readonly string[], flags: Flags): Promise<void> {
  const unknown = names.filter((name) => !(name in figures));
  if (unknown.length > 0) throw new Error(`no figure is named ${unknown.join(', ')}; there are ${Object.keys(figures).join(', ')}`);
  const say = (text: string): void => void process.stderr.write(`  ${text}\n`);
  const stateDir = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const measured: Figure[] = [];
  try {
    await up(environment, { stateDir });
    await using bench = await Bench.open(join(stateDir, 'binding.json'), { quick: flags.quick, seconds: Number(flags.seconds), say });
    for (const name of names.length > 0 ? names : Object.keys(figures)) {
      process.stderr.write(`${name}\n`);
      measured.push(...(await figures[name]!(bench)));
    }
  } finally {
    await down(environment, { stateDir, wipe: true });
    await rm(stateDir, { recursive: true, force: true });
  }
  if (flags.page !== undefined) await writeFile(flags.page, page(measured, new Date()));
  process.stdout.write(flags.json ? `${JSON.stringify({ machine: machine(), figures: measured })}\n` : table(measured));
  if (measured.some((figure) => figure.reached === false)) process.exitCode = 2;
}

new Command('bench')
  .description('measures the figures of docs/benchmarks.md on this machine; exit code 2 when a target is missed')
  .argument('[figures...]', `which: ${Object.keys(figures).join(', ')} (default: all)`)
  .option('--json', 'one JSON object on the last line', false)
  .option('--quick', 'a short run, to see that everything works', false)
  .option('--page <file>', 'write the figures as a page, docs/benchmarks.md')
  .option('--seconds <n>', 'length of the runs with a steady load', '20')
  .action((names: string[], flags: Flags) => main(names, flags))
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  });
