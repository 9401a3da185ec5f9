import { cpus, totalmem } from 'node:os';
import type { Figure } from './figure.ts';
import { peers } from './peers/index.ts';

export interface Machine {
  readonly cpus: number;
  readonly model: string;
  readonly memoryGiB: number;
  readonly node: string;
}

export function machine(): Machine {
  return { cpus: cpus().length, model: cpus()[0]?.model ?? 'unknown', memoryGiB: Math.round(totalmem() / 2 ** 30), node: process.version };
}

/** The figures as columns of text, for a terminal. */
export function table(measured: readonly Figure[]): string {
  const rows = measured.map(cells);
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length))) ?? [];
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '));
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** The page docs/benchmarks.md. */
export function page(measured: readonly Figure[], at: Date): string {
  const { cpus: count, model, memoryGiB, node } = machine();
  const rows = measured.map((figure) => `| ${cells(figure).join(' | ')} |`);
  return `# Benchmarks

Written by \`make bench\` on ${at.toISOString().slice(0, 10)}: ${count} processors (${model}), ${memoryGiB} GiB, Node ${node}; servers, writers, relay and
consumers share them. Ratios are medians of turns in one run and decide; absolute figures are for orientation.

- *of the limit*: share of the bare loop, which has the same pages, encoding and publish primitive, without lease, gaps, progress or retry; for Kafka and
  RabbitMQ, of what the client library alone gets acknowledged; for \`consumer\`, of a consumer written by hand for this run alone: XREADGROUP in pages, XACK, and for
  inboxes one insert into a table of ids and one into that of effects a transaction, without lease, order of keys, attempts and fences.
- *x the other*: for \`relay.redis-streams\`, multiple of the best peer; for the others, multiple of the run without the trouble.
- *peer*: the same work, rows of 400 bytes in PostgreSQL to entries of a Redis stream, at least once, one process. Settings, each from its documentation:
${peers.map(({ name, source }) => `  ${name}: ${source}`).join(';\n')}.

| Figure | Value | Of the limit | Times the other | Target |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

function cells({ name, value, unit, ofLimit, ofOthers, target, reached, note = '' }: Figure): string[] {
  return [
    name,
    `${value} ${unit}`,
    ofLimit === undefined ? '' : `${ofLimit} of the limit`,
    ofOthers === undefined ? '' : `${ofOthers} x the other`,
    target === undefined ? note : `${reached === true ? 'reached' : 'missed'}: ${target}`,
  ];
}
