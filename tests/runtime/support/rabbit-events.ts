import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import { connectRabbit, type RabbitConnection } from '../../../runtime/src/connections/rabbitmq/index.ts';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { type Topology, type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { DeadLetter } from '../../../runtime/src/dead-letters.ts';
import { openRabbitDriver } from '../../../runtime/src/topology/drivers/rabbitmq/index.ts';
import type { Delivery, PublishResult, Transport } from '../../../runtime/src/transport.ts';
import { type RabbitQueuesOptions, rabbitQueues } from '../../../runtime/src/transports/rabbitmq/index.ts';
import { startTestRabbit, type TestRabbit } from '../../support/servers.ts';
import { applyAll } from './rabbit-topology.ts';

type Topics = Readonly<Record<string, Partial<NonNullable<TopologyInput['topics']>[string]>>>;

export const group = 'g';

/** Topics of group `g`, three quick attempts, routed to the test's broker. */
function topicsOn(topics: Topics): TopologyInput {
  const settings = {
    transports: [{ kind: 'rabbitmq', service: 'tasks' } as const],
    ...{ tenantless: true, consumers: [{ group }], retry: { attempts: 3, initialDelayMs: 20, maxDelayMs: 100 } },
  };
  return { topics: Object.fromEntries(Object.entries(topics).map(([name, topic]) => [name, { ...settings, ...topic }])) };
}

/** A broker with the topics of a test file on it. */
export interface EventBroker {
  readonly server: TestRabbit;
  readonly handle: ServiceHandle;
  readonly topology: Topology;
  /** For what a person or another program does. */
  readonly connection: RabbitConnection;
  /** A transport as a process has one; closed after the test. */
  open(change?: Partial<RabbitQueuesOptions>): Promise<Transport>;
  closeAll(): Promise<void>;
  stop(): Promise<void>;
}

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

export async function startEventBroker(topics: Topics): Promise<EventBroker> {
  const server = await startTestRabbit({ settings: { collect_statistics_interval: '1000' } });
  const [handle, topology] = [server.handle(), topologySchema.parse(topicsOn(topics))];
  await using driver = await openRabbitDriver({ service: handle, topology, signal: new AbortController().signal });
  await applyAll(driver);
  const connection = await connectRabbit(handle, { name: 'test' });
  const opened: Transport[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((transport) => transport.close()));
  };
  return {
    ...{ server, handle, topology, connection, closeAll },
    async open(change) {
      const transport = await rabbitQueues({ service: handle, topology, logger: silent, drainMs: 2_000, ...change });
      opened.push(transport);
      return transport;
    },
    async stop() {
      await closeAll();
      await connection.close();
      await server.stop();
    },
  };
}

/** `count` events of `keys` keys in turn, from `event-FROM` on. */
export function eventsOf(count: number, { keys = 1, from = 1, ...more }: { keys?: number; from?: number } & Partial<MillraceEvent> = {}) {
  return Array.from({ length: count }, (_, index): MillraceEvent => {
    const number = from + index;
    const event = { id: `event-${number}`, source: '/orders', type: 'order', time: '2026-11-21T06:00:00.123Z', sequence: String(number) };
    return { ...event, partitionkey: `key-${number % keys}`, data: Buffer.from(String(number)), ...more };
  });
}

export async function publishAll(transport: Transport, topic: string, events: readonly MillraceEvent[]): Promise<void> {
  expect(outcomesOf(await transport.publish(topic, events))).toEqual(events.map(() => 'published'));
}

/** `published`, or the code of what it failed with. */
export function outcomesOf(results: readonly PublishResult[]): string[] {
  return results.map((result) => (result.status === 'published' ? 'published' : String((result.error as { code?: unknown }).code)));
}

export interface Collector {
  readonly deliveries: Delivery[];
  /** `event-1`, or `event-1/2` for a second attempt. */
  seen(): string[];
  handler(event: MillraceEvent, delivery: Delivery): Promise<void>;
}

/** Notes what is delivered, then does `work` with it. */
export function collector(work: (event: MillraceEvent, delivery: Delivery) => Promise<void> = async () => undefined): Collector {
  const deliveries: Delivery[] = [];
  return {
    deliveries,
    seen: () => deliveries.map(({ event, attempt }) => (attempt === 1 ? event.id : `${event.id}/${attempt}`)),
    handler(event, delivery) {
      deliveries.push(delivery);
      return work(event, delivery);
    },
  };
}

export async function lettersOf(transport: Transport, topic: string): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const letter of transport.deadLetters(topic, group).list()) letters.push(letter);
  return letters;
}
