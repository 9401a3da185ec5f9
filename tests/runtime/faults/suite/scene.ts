import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoadedBinding, loadBinding } from '../../../../runtime/src/binding/index.ts';
import { type Topology, type TopologyInput, topologySchema } from '../../../../runtime/src/contracts/topology.ts';
import type { RelayTimes } from '../../../../runtime/src/outbox/times.ts';
import { applyTopology } from '../../../../runtime/src/topology/apply.ts';
import { eventually } from '../../../support/eventually.ts';
import { bindingWith } from '../../support/applied.ts';
import type { Built, Program } from './build.ts';
import { bindingOf, type Carrier } from './carriers.ts';
import { type Crew, createCrew } from './crew.ts';
import type { Database, DatabaseServer } from './database.ts';
import type { Owed } from './evidence.ts';
import { Histories } from './histories.ts';
import type { ConsumerSettings, PointCommand, RelaySettings, WriterCommand, WriterSettings } from './programs/settings.ts';

/** Everything that a run is made of: servers, a database of its own, processes and their histories. */
export interface Scene {
  readonly server: DatabaseServer;
  readonly database: Database;
  readonly carrier: Carrier;
  readonly binding: LoadedBinding;
  readonly topology: Topology;
  readonly crew: Crew;
  readonly histories: Histories;
  readonly owed: readonly Owed[];
  readonly times: Partial<RelayTimes>;
  startWriter(name: string, settings?: Partial<WriterSettings>): void;
  startRelay(name: string): void;
  startConsumer(name: string, settings?: Partial<ConsumerSettings>): void;
  /** Steers a process that has started. */
  tell(name: string, command: PointCommand | WriterCommand): void;
  /** Waits until the histories show it. */
  until<T>(probe: (histories: Histories) => T | undefined | false, what: string, timeoutMs?: number): Promise<T>;
  /** Ends all processes at once. @param keep leaves the histories and logs where they are */
  close(keep: boolean): Promise<void>;
}

export interface SceneOptions {
  readonly server: DatabaseServer;
  readonly carrier: Carrier;
  readonly programs: Built;
  readonly times?: Partial<RelayTimes>;
}

/** Pages that are small, so that a crash can cost few duplicates; other times are the shipped ones. */
const defaultTimes: Partial<RelayTimes> = { pageSize: 100, rewindMs: 10_000 };

/** Unacknowledged events that a consumer may have in memory. */
export const maxUnhandled = 100;

/** A group that gets everything, and one that is bound to a tenant. What is poisoned has a topic to itself. */
const owed: readonly Owed[] = [
  { group: 'stock', topic: 'orders' },
  { group: 'view', topic: 'views', tenant: 'north' },
  { group: 'stock', topic: 'fragile' },
];

/** How long the handler takes for an event of the kind `slow`: longer than a lease, which is renewed meanwhile. */
export const slowMs = 5_000;

/** Replayed as a whole when everything is quiet. */
export const replayed: Owed = { group: 'stock', topic: 'orders' };

/** Lanes of the topic `orders`: streams, partitions or queues. */
export const shards = 4;

export const relayNames = ['relay-1', 'relay-2', 'relay-3'] as const;
export const consumerNames = ['consumer-1', 'consumer-2', 'consumer-3'] as const;

function topologyOver({ transport, name }: Carrier): TopologyInput {
  // Eight attempts last 6 s: longer than a database is away here.
  const topic = {
    transports: [{ kind: transport, service: name }],
    retry: { attempts: 8, initialDelayMs: 50, maxDelayMs: 3_000 },
    partitions: shards,
  };
  return {
    topics: {
      orders: { ...topic, shards, consumers: [{ group: 'stock', concurrency: 8 }] },
      // For what is poisoned: it kills its consumer at each attempt.
      fragile: { ...topic, retry: { ...topic.retry, attempts: 3 }, consumers: [{ group: 'stock', concurrency: 8 }] },
      views: { ...topic, isolation: 'tenant', consumers: [{ group: 'view', concurrency: 8 }] },
    },
  };
}

async function apply(binding: LoadedBinding, topology: Topology, { name }: Carrier): Promise<void> {
  const outcome = await applyTopology({ binding, topology, only: [name] });
  if (['applied', 'as-declared'].includes(outcome.status)) return;
  throw new Error(`the topology was not applied: ${JSON.stringify(outcome)}`);
}

/** Makes the folder, the database and the topology; no process runs yet. */
export async function setScene({ server, carrier, programs, times }: SceneOptions): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-faults-'));
  const topology = topologySchema.parse(topologyOver(carrier));
  const database = await server.create();
  const env = { ...carrier.env, ...database.env };
  writeFileSync(join(folder, 'binding.json'), bindingOf({ database: database.service, [carrier.name]: carrier.service }));
  const file = bindingWith(folder, topology);
  const binding = await loadBinding({ file, env: { ...process.env, ...env } });
  await apply(binding, topology, carrier).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  const crew = createCrew(folder, { ...env, MILLRACE_BINDING: file });
  const histories = new Histories(folder);
  const start = (name: string, program: Program, settings: object): void => crew.start(name, programs[program], settings);
  const allTimes = { ...defaultTimes, ...times };
  const until: Scene['until'] = async (probe, what, timeoutMs = 30_000) => {
    const outcome = await eventually(
      async () => {
        await histories.read();
        const value = crew.failures.length > 0 ? undefined : probe(histories);
        return crew.failures.length > 0 ? { failures: crew.failures } : value === undefined || value === false ? undefined : { value };
      },
      { what, timeoutMs },
    );
    if ('failures' in outcome) throw new Error(`waited until ${what}, and ${outcome.failures.join('; ')}`);
    return outcome.value;
  };
  return {
    ...{ server, database, carrier, binding, topology, crew, histories, owed, until, times: allTimes },
    tell: (name, command) => crew.tell(name, command),
    startWriter: (name, settings) =>
      start(name, 'writer', { name, seed: 1, perSecond: 0, keys: 20, shares: {}, ...settings } satisfies WriterSettings),
    startRelay: (name) => start(name, 'relay', { service: carrier.name, times: allTimes } satisfies RelaySettings),
    startConsumer: (name, settings) =>
      start(name, 'consumer', {
        ...{ name, service: carrier.name, owed, replayed, concurrency: 8, maxUnhandled, slowMs },
        ...settings,
      } satisfies ConsumerSettings),
    async close(keep) {
      await crew.close();
      await database.close();
      if (!keep) await rm(folder, { recursive: true, force: true });
    },
  };
}
