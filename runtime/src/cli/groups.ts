import { Command } from 'commander';
import { declaredTopic } from '../bus/routes.ts';
import { MillraceError } from '../contracts/errors.ts';
import type { Topology } from '../contracts/topology.ts';
import { readTopology } from '../topology/index.ts';
import { type BindingFlags, bindingOf, withBinding } from './binding.ts';
import { report } from './outcome.ts';
import { table } from './table.ts';
import { timeOf } from './time.ts';
import { openTransports, type Transports } from './transports.ts';

interface ListFlags extends BindingFlags {
  readonly topic?: string;
  readonly json?: true;
}

interface StartFlags extends BindingFlags {
  readonly topic: string;
  readonly group: string;
  readonly service: string;
  readonly from: 'earliest' | 'latest' | Date;
  readonly json?: true;
}

/** `millrace groups`: how far consumer groups are behind, and where a group begins on a broker that it moves to. */
export function groupsCommand(): Command {
  return new Command('groups')
    .description('consumer groups: how far they are behind, and where they begin on a broker')
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(startCommand());
}

function listCommand(): Command {
  return withBinding(new Command('list'))
    .description('how far each declared group is behind, on the live route of its topics')
    .option('--topic <name>', 'of this topic alone')
    .option('--json', 'one JSON document')
    .action(async (flags: ListFlags) => {
      const binding = await bindingOf(flags);
      const topology = await readTopology(binding);
      await using transports = openTransports(binding, topology);
      const groups = await Promise.all(standingsOf(topology, flags.topic).map((each) => standing(each, transports)));
      const rows = groups.map(({ topic, group, service, pending, undelivered }) => [
        topic,
        group,
        service,
        String(pending),
        String(undelivered),
      ]);
      const head = ['TOPIC', 'GROUP', 'SERVICE', 'PENDING', 'UNDELIVERED'];
      report(flags.json === true, { groups }, rows.length === 0 ? 'no group is declared' : table([head, ...rows]));
    });
}

interface Place {
  readonly topic: string;
  readonly group: string;
  readonly service: string;
}

function standingsOf(topology: Topology, only: string | undefined): Place[] {
  const names = only === undefined ? Object.keys(topology.topics) : [only];
  return names.flatMap((topic) => {
    const { consumers, transports } = declaredTopic(topology, topic);
    const live = transports.find(({ phase }) => phase === 'live');
    return live === undefined ? [] : consumers.map(({ group }) => ({ topic, group, service: live.service }));
  });
}

async function standing(place: Place, transports: Transports): Promise<Place & { pending: number; undelivered: number }> {
  return { ...place, ...(await (await transports.to(place.service)).lag(place.topic, place.group)) };
}

function startCommand(): Command {
  return withBinding(new Command('start'))
    .description('let a group without consumers begin at a place, wherever it stood: before its consumers move to another broker')
    .requiredOption('--topic <name>', 'topic')
    .requiredOption('--group <name>', 'group; stop its consumers first')
    .requiredOption('--service <name>', 'service of the binding that it will consume from')
    .requiredOption('--from <place>', 'earliest, latest, or a time as 2026-11-01T12:00:00Z', placeOf)
    .option('--json', 'one JSON document')
    .action(async ({ topic, group, service, from, json, ...flags }: StartFlags) => {
      const binding = await bindingOf(flags);
      const topology = await readTopology(binding);
      requireRoute(topology, topic, service);
      await using transports = openTransports(binding, topology);
      const transport = await transports.to(service);
      if (transport.startGroup === undefined)
        throw new MillraceError(
          'HISTORY_UNSUPPORTED',
          `${transport.kind} keeps no history: group ${group} begins with what is published next`,
        );
      await transport.startGroup(topic, group, from);
      const place = from instanceof Date ? from.toISOString() : from;
      report(json === true, { topic, group, service, from: place }, `group ${group} begins on ${service} at ${place} of ${topic}`);
    });
}

function requireRoute(topology: Topology, name: string, service: string): void {
  const { transports } = declaredTopic(topology, name);
  if (transports.some((route) => route.service === service)) return;
  const routes = transports.map((route) => route.service).join(', ');
  throw new MillraceError(
    'TOPIC_UNKNOWN',
    `topic ${name} does not travel over ${service}, only over ${routes}; add the route in the phase mirror first`,
  );
}

function placeOf(text: string): 'earliest' | 'latest' | Date {
  if (text === 'earliest' || text === 'latest') return text;
  return timeOf(text);
}
