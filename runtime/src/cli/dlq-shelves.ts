import type { LoadedBinding } from '../binding/index.ts';
import { declaredTopic } from '../bus/routes.ts';
import { connectPostgres } from '../connections/postgres/index.ts';
import { MillraceError } from '../contracts/errors.ts';
import type { Topology } from '../contracts/topology.ts';
import type { DeadLetter, DeadLetters } from '../dead-letters.ts';
import { relayDeadLetters, relayGroup } from '../outbox/dead-letters.ts';
import { readTopology } from '../topology/index.ts';
import { type BindingFlags, bindingOf, pickService } from './binding.ts';
import { sentenceOf } from './outcome.ts';
import { openTransports, type Transports } from './transports.ts';

export interface ShelfFlags extends BindingFlags {
  readonly topic?: string;
  readonly group?: string;
  readonly service?: string;
  readonly database?: string;
}

/** One place where dead letters lie. */
interface Shelf {
  readonly service: string;
  readonly open: () => Promise<DeadLetters>;
}

/** A dead letter and where it lies. */
export interface Found {
  readonly service: string;
  readonly letter: DeadLetter;
  readonly letters: DeadLetters;
}

export interface Shelves extends AsyncDisposable {
  /** What lies on all of them. A service that does not answer is told of, and the others go on. */
  found(): AsyncIterable<Found>;
  /** Whether all of them have answered. */
  readonly complete: boolean;
}

/** The places that the flags mean: of each topic and group on each of its routes, and of the relays in the database. */
export async function openShelves(flags: ShelfFlags): Promise<Shelves> {
  const binding = await bindingOf(flags);
  const topology = await readTopology(binding);
  const transports = openTransports(binding, topology);
  const closes: (() => Promise<void>)[] = [];
  const shelves = [...shelvesOf(topology, flags, transports), ...relayShelf(binding, flags, closes)];
  let complete = true;
  return {
    get complete() {
      return complete;
    },
    async *found() {
      for (const { service, open } of shelves) {
        try {
          const letters = await open();
          for await (const letter of letters.list()) {
            if (flags.topic === undefined || letter.topic === flags.topic) yield { service, letter, letters };
          }
        } catch (error) {
          complete = false;
          process.exitCode = 1;
          process.stderr.write(`millrace: dead letters of ${service} could not be read: ${sentenceOf(error)}\n`);
        }
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(closes.map((close) => close()));
      await transports[Symbol.asyncDispose]();
    },
  };
}

function shelvesOf(topology: Topology, { topic: only, group, service: place }: ShelfFlags, transports: Transports): Shelf[] {
  if (only !== undefined) declaredTopic(topology, only);
  if (group === relayGroup) return [];
  return Object.entries(topology.topics).flatMap(([topic, { consumers, transports: routes }]) => {
    if (only !== undefined && topic !== only) return [];
    const declared = consumers.map((consumer) => consumer.group);
    // One that is not declared only where it is asked for by name with its topic: a group of a tenant, or one that is gone.
    const groups = group === undefined ? declared : declared.includes(group) || only !== undefined ? [group] : [];
    const services = [...new Set(routes.map(({ service }) => service))].filter((service) => place === undefined || service === place);
    return services.flatMap((service) =>
      groups.map((name) => ({ service, open: async () => (await transports.to(service)).deadLetters(topic, name) })),
    );
  });
}

function relayShelf(binding: LoadedBinding, { group, service, database }: ShelfFlags, closes: (() => Promise<void>)[]): Shelf[] {
  const { services } = binding.document;
  const databases = binding.names.filter((name) => services[name]!.kind === 'postgres');
  if ((group !== undefined && group !== relayGroup) || (databases.length === 0 && database === undefined)) return [];
  const handle = pickService(binding, '--database', database ?? (databases.includes(service ?? '') ? service : undefined), 'postgres');
  if (service !== undefined && service !== handle.name) return [];
  const open = async (): Promise<DeadLetters> => {
    const connection = await connectPostgres(handle, { name: 'millrace dlq', maxConnections: 1 });
    closes.push(() => connection.close());
    return relayDeadLetters(await connection.openClient('millrace dlq'));
  };
  return [{ service: handle.name, open }];
}

/** Those that are meant, by their own ids or those of their events. @throws {MillraceError} DEAD_LETTER_UNKNOWN when one is not there, or is there twice. */
export async function pick(shelves: Shelves, ids: readonly string[]): Promise<Found[]> {
  const wanted = new Map<string, Found[]>(ids.map((id) => [id, []]));
  for await (const found of shelves.found()) {
    for (const id of new Set([found.letter.id, found.letter.event?.id ?? ''])) wanted.get(id)?.push(found);
  }
  for (const [id, found] of wanted) {
    if (found.length === 1) continue;
    const places = found.map(({ service, letter: { topic, group } }) => `${topic} of ${group} on ${service}`);
    const problem =
      found.length === 0
        ? `there is no dead letter ${id}`
        : `dead letter ${id} is there ${found.length} times: ${places.join('; ')}; say which`;
    throw new MillraceError('DEAD_LETTER_UNKNOWN', problem);
  }
  return [...wanted.values()].flat();
}
