import { Command } from 'commander';
import { type Comparison, compareRoutes, isEqual, type Sightings } from '../bus/compare.ts';
import { mirroredTopics } from '../bus/routes.ts';
import { MillraceError } from '../contracts/errors.ts';
import type { Topology } from '../contracts/topology.ts';
import { readTopology } from '../topology/index.ts';
import { type BindingFlags, bindingOf, withBinding } from './binding.ts';
import { problemFound, report } from './outcome.ts';
import { timeOf } from './time.ts';
import { openTransports, type Transports } from './transports.ts';

interface Flags extends BindingFlags {
  readonly topic?: string;
  readonly from?: Date;
  readonly to?: Date;
  readonly json?: true;
}

interface Pair {
  readonly topic: string;
  readonly left: string;
  readonly right: string;
}

const hourMs = 3_600_000;
/** A relay that is further behind than this rings an alarm of its own. */
const settledMs = 15_000;

/** `millrace compare`: whether the mirror of a topic has what its live route has, before consumers move there. */
export function compareCommand(): Command {
  return withBinding(new Command('compare'))
    .description('compare what brokers keep of topics in the phase mirror with their live route; exit code 2 when they differ')
    .option('--topic <name>', 'this topic alone (default: every topic with a mirror)')
    .option('--from <time>', 'events enqueued from this time on, as 2026-11-01T12:00:00Z (default: an hour ago)', timeOf)
    .option('--to <time>', 'events enqueued before this time (default: 15 s ago, so that both relays have published them)', timeOf)
    .option('--json', 'one JSON document')
    .action((flags: Flags) => run(flags));
}

async function run(flags: Flags): Promise<void> {
  const binding = await bindingOf(flags);
  const topology = await readTopology(binding);
  const pairs = pairsOf(topology, flags.topic);
  await using transports = openTransports(binding, topology);
  const { from = new Date(Date.now() - hourMs), to = new Date(Date.now() - settledMs) } = flags;
  const outcomes: (Pair & Comparison)[] = [];
  for (const pair of pairs) outcomes.push({ ...pair, ...(await compare(pair, transports, from, to)) });
  const equal = outcomes.every(isEqual);
  const sentence = outcomes.length === 0 ? 'no topic has a mirror' : outcomes.map(told).join('\n');
  report(flags.json === true, { from, to, equal, comparisons: outcomes }, sentence);
  if (!equal) process.exitCode = problemFound;
}

function pairsOf(topology: Topology, topic: string | undefined): Pair[] {
  const mirrored = mirroredTopics(topology);
  if (topic !== undefined && !mirrored.some(({ name }) => name === topic)) {
    const names = mirrored.map(({ name }) => name).join(', ') || 'none';
    throw new MillraceError('TOPIC_UNKNOWN', `topic ${topic} has no transport in the phase mirror; topics that have one: ${names}`);
  }
  return mirrored
    .filter(({ name }) => topic === undefined || name === topic)
    .flatMap(({ name, live, mirrors }) => mirrors.map(({ service }) => ({ topic: name, left: live.service, right: service })));
}

async function compare({ topic, left, right }: Pair, transports: Transports, from: Date, to: Date): Promise<Comparison> {
  const both = await Promise.all([transports.to(left), transports.to(right)]);
  const onProgress = process.stderr.isTTY ? (events: number) => process.stderr.write(`\r${topic}: ${events} entries read`) : undefined;
  const compared = await compareRoutes(...both, { topic, from, to, ...(onProgress && { onProgress }) });
  if (process.stderr.isTTY) process.stderr.write('\r\u001B[K');
  return compared;
}

function told({ topic, left, right, equal, ...found }: Pair & Comparison): string {
  const problems = [
    tellOf(`missing on ${left}`, found.missingLeft),
    tellOf(`missing on ${right}`, found.missingRight),
    tellOf('not the same on both', found.different),
    tellOf('keys in another order', found.reordered),
  ].filter((line) => line !== undefined);
  const repeated = found.repeatedLeft + found.repeatedRight;
  const head = `${topic}: ${equal} events equal on ${left} and ${right}${repeated === 0 ? '' : `, ${repeated} of them more than once`}`;
  return [head, ...problems].join('\n');
}

function tellOf(what: string, { count, shown }: Sightings): string | undefined {
  return count === 0 ? undefined : `  ${count} ${what}: ${shown.join(', ')}${count > shown.length ? ', ...' : ''}`;
}
