import type { Kafka } from 'kafkajs';
import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { type Topology, type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { DeadLetter, DeadLetters } from '../../../runtime/src/dead-letters.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { type KafkaTopicsOptions, kafkaTopics } from '../../../runtime/src/transports/kafka/index.ts';
import { provisionOn } from '../../conformance/provision.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestKafka, type TestKafka } from '../../support/servers.ts';

export { eventsOf } from '../support/events.ts';

type TopicInput = Partial<NonNullable<TopologyInput['topics']>[string]>;
type TopicInputs = Record<string, TopicInput>;

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Topics that travel over the test's cluster, to the group `g`. */
export function topologyOf(topics: TopicInputs): Topology {
  const routed = Object.entries(topics).map(([name, topic]) => [
    name,
    {
      transports: [{ kind: 'kafka', service: 'log' }],
      ...{ partitions: 1, consumers: [{ group: 'g' }] },
      ...{ retry: { attempts: 3, initialDelayMs: 20, maxDelayMs: 100 }, ...topic },
    },
  ]);
  return topologySchema.parse({ topics: Object.fromEntries(routed) });
}

/** What a process of its own needs to reach the test's cluster. */
export interface HandedOver {
  readonly bound: BoundService;
  readonly env: Record<string, string>;
}

interface Ground {
  kafka: TestKafka;
  service: ServiceHandle;
  handedOver: HandedOver;
  /** Another transport, as another process has one; closed after the test. */
  open(options?: Partial<KafkaTopicsOptions>): Promise<Transport>;
  /** Resolves when a group has nothing left but `left` events. */
  settled(transport: Transport, topic: string, left?: number): Promise<void>;
  /** Deletes a topic and makes another one of its name, with one partition. */
  makeAnew(topic: string): Promise<void>;
  /** A client as other programs have one. */
  ownClient(use: (kafka: Kafka) => Promise<void>): Promise<void>;
}

/** One cluster for all tests of a file, which use topics of their own. */
export function useCluster(topics: TopicInputs): Ground {
  const opened: Transport[] = [];
  const ground = {
    async open(options) {
      const consuming = { logger: silent, drainMs: 2_000, sessionTimeoutMs: 3_000 };
      const transport = await kafkaTopics({ service: ground.service, topology: topologyOf(topics), ...consuming, ...options });
      opened.push(transport);
      return transport;
    },
    async settled(transport, topic, left = 0) {
      const probe = async (): Promise<boolean> => {
        const { pending, undelivered } = await transport.lag(topic, 'g');
        return pending + undelivered === left;
      };
      await eventually(probe, { what: `group g of ${topic} is done but for ${left}`, timeoutMs: 20_000 });
    },
    makeAnew: (topic) =>
      ground.ownClient(async (kafka) => {
        const admin = kafka.admin();
        await admin.connect();
        await admin.deleteTopics({ topics: [topic] });
        const create = async (): Promise<true> => {
          await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: 1 }] });
          return true;
        };
        await eventually(create, { what: `topic ${topic} is there again` });
        await admin.disconnect();
      }),
    async ownClient(use) {
      const { Kafka: Client, logLevel } = await import('kafkajs');
      const { brokers, ca, username, password } = ground.kafka;
      await use(
        new Client({
          brokers: brokers.map(({ host, port }) => `${host}:${port}`),
          ssl: { ca: ca! },
          sasl: { mechanism: 'scram-sha-512', username, password },
          logLevel: logLevel.NOTHING,
        }),
      );
    },
  } as Ground;
  beforeAll(async () => {
    ground.kafka = await startTestKafka();
    const env: Record<string, string> = {};
    ground.service = ground.kafka.handle({ env });
    ground.handedOver = { bound: ground.service.service, env };
    await provisionOn(ground.service, topologyOf(topics));
  }, 120_000);
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((transport) => transport.close()));
  });
  afterAll(() => ground.kafka?.stop(), 30_000);
  return ground;
}

export async function lettersOf(deadLetters: DeadLetters): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const letter of deadLetters.list()) letters.push(letter);
  return letters;
}
