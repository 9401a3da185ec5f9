import type { KafkaConnection, KafkaConsumer } from '../../../runtime/src/connections/kafka/index.ts';
import type { Sample, SignalName } from '../../../runtime/src/contracts/signals.ts';
import { deadLetterTopic, type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { openKafkaLook } from '../../../runtime/src/probe/kafka/index.ts';
import type { Look } from '../../../runtime/src/probe/look.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestKafka, type TestKafka } from '../../support/servers.ts';
import { kafkaConnections, takesMessages, timed, topicName } from '../support/kafka.ts';

const names = { orders: topicName('orders'), users: topicName('users'), alone: topicName('alone'), away: topicName('away') };
const emails = topicName('emails');
const idle = topicName('idle');
const dead = deadLetterTopic(names.orders, emails);
const over = [{ kind: 'kafka', service: 'log' }] as const;
const declared = {
  topics: {
    [names.orders]: { transports: over, partitions: 3, consumers: [{ group: emails }, { group: idle }] },
    [names.users]: { transports: over, partitions: 2, consumers: [{ group: emails }] },
    [names.alone]: { transports: over, partitions: 1 },
    [names.away]: { transports: over, consumers: [{ group: emails }] },
  },
} as unknown as TopologyInput;

let server: TestKafka;
let admin: KafkaConnection;
let look: Look;
const connections = kafkaConnections();
const never = new AbortController().signal;

beforeAll(async () => {
  server = await startTestKafka({ nodes: 3 });
  admin = await connections.open(server.handle());
  look = openKafkaLook({ service: server.handle(), topology: topologySchema.parse(declared) });
  await create([
    { topic: names.orders, numPartitions: 3, replicationFactor: 3 },
    { topic: names.users, numPartitions: 2, replicationFactor: 3 },
    { topic: dead, numPartitions: 1, replicationFactor: 3 },
    // On broker 3 alone, which is stopped in the end.
    { topic: names.alone, replicaAssignment: [{ partition: 0, replicas: [3] }] },
  ]);
}, 180_000);
afterAll(async () => {
  await look?.[Symbol.asyncDispose]();
  await connections.closeAll();
  await server?.stop();
});

async function create(topics: Parameters<Awaited<ReturnType<KafkaConnection['admin']>>['createTopics']>[0]['topics']): Promise<void> {
  await (await admin.admin()).createTopics({ waitForLeaders: false, topics });
  await eventually(
    async () => {
      const known = (await admin.metadata(topics.map(({ topic }) => topic))).topics;
      return known.length === topics.length && known.every(({ partitions }) => partitions.length > 0 && partitions.every(led));
    },
    { what: 'the topics are there', timeoutMs: 30_000 },
  );
  for (const { topic } of topics) await takesMessages(admin, topic);
}

const led = ({ leader, replicas, inSync }: { leader: number | undefined; replicas: readonly number[]; inSync: readonly number[] }) =>
  leader !== undefined && replicas.length === inSync.length;

async function publish(topic: string, count: number): Promise<void> {
  const producer = await admin.producer();
  const messages = Array.from({ length: count }, (_, index) => ({ key: `key-${index}`, value: 'x' }));
  await producer.send([{ topic, messages }]);
  await producer.close();
}

/** Values of a signal by its labels, without that of the service. */
function valuesOf(samples: readonly Sample[], name: SignalName): Record<string, number> {
  return Object.fromEntries(
    samples
      .filter(({ signal }) => signal === name)
      .map(({ labels: { service: _service, ...labels }, value }) => [Object.values(labels).join(' '), value]),
  );
}

const one = (samples: readonly Sample[], name: SignalName) => valuesOf(samples, name)[''];

describe('a look at a cluster of three brokers', () => {
  let consumer: KafkaConsumer;

  test('tells how far each declared group is behind, in all partitions of each of its topics, and how many members it has', async () => {
    let gate: Promise<void> | undefined;
    consumer = await admin.consumer({
      groupId: emails,
      topics: [names.orders, names.users],
      eachBatch: async () => {
        await gate;
      },
    });
    connections.also(consumer);
    await publish(names.orders, 20);
    const caughtUp = await eventually(
      async () => {
        const samples = await look.sample(never);
        return one(samples, 'kafka.partitions.under_replicated') === 0 &&
          valuesOf(samples, 'kafka.group.lag')[`${names.orders} ${emails}`] === 0
          ? samples
          : undefined;
      },
      { what: 'the group has consumed everything', timeoutMs: 30_000 },
    );
    // One that never came is behind by all there is.
    expect(valuesOf(caughtUp, 'kafka.group.lag')).toEqual({
      [`${names.orders} ${emails}`]: 0,
      [`${names.users} ${emails}`]: 0,
      [`${names.orders} ${idle}`]: 20,
    });
    expect(valuesOf(caughtUp, 'kafka.group.members')).toEqual({ [emails]: 1, [idle]: 0 });
    let open = (): void => undefined;
    gate = new Promise((resolve) => {
      open = resolve;
    });
    await publish(names.orders, 35);
    await publish(names.users, 7);
    const behind = await look.sample(never);
    open();
    expect(valuesOf(behind, 'kafka.group.lag')).toEqual({
      [`${names.orders} ${emails}`]: 35,
      [`${names.users} ${emails}`]: 7,
      [`${names.orders} ${idle}`]: 55,
    });
  });

  test('tells members apart from lag: a group whose consumer is gone has none, and is behind by what comes', async () => {
    await eventually(
      async () => {
        const lag = valuesOf(await look.sample(never), 'kafka.group.lag');
        return lag[`${names.orders} ${emails}`] === 0 && lag[`${names.users} ${emails}`] === 0;
      },
      { what: 'the group has caught up with both of its topics' },
    );
    await consumer.close();
    await publish(names.users, 4);
    const samples = await look.sample(never);
    expect(valuesOf(samples, 'kafka.group.members')[emails]).toBe(0);
    expect(valuesOf(samples, 'kafka.group.lag')[`${names.users} ${emails}`]).toBe(4);
  });

  test('counts what was added, also after it was deleted, and the dead letters that are left', async () => {
    await publish(dead, 5);
    const kafka = await admin.admin();
    await eventually(() => kafka.deleteTopicRecords({ topic: dead, partitions: [{ partition: 0, offset: '2' }] }).then(() => true), {
      what: 'all copies have them, so that they may be deleted',
    });
    const samples = await look.sample(never);
    expect(valuesOf(samples, 'kafka.topic.dead_letters')).toEqual({ [`${names.orders} ${emails}`]: 3 });
    expect(valuesOf(samples, 'kafka.topic.dead_letters_added')).toEqual({ [`${names.orders} ${emails}`]: 5 });
    expect(valuesOf(samples, 'kafka.topic.messages_added')).toEqual({ [names.orders]: 55, [names.users]: 11, [names.alone]: 0 });
  });

  test('costs little, however many topics there are', async () => {
    const ms: number[] = [];
    for (let index = 0; index < 10; index += 1) ms.push((await timed(look.sample(never))).ms);
    const median = ms.sort((a, b) => a - b)[5]!;
    process.stderr.write(`kafka look: ${median.toFixed(0)} ms with 3 brokers, 2 groups, 4 topics\n`);
    expect(median).toBeLessThan(1_000);
  });

  test('asked for nothing but what CloudWatch is told, it asks for no groups', async () => {
    const wanted = new Set(['kafka.topic.messages_added'] as const);
    await using lean = openKafkaLook({ service: server.handle(), topology: topologySchema.parse(declared), wanted });
    const told = new Set((await lean.sample(never)).map(({ signal }) => signal));
    expect([...told].sort()).toEqual(['kafka.topic.dead_letters', 'kafka.topic.dead_letters_added', 'kafka.topic.messages_added']);
  });

  test('goes on after a topic was deleted', async () => {
    await (await admin.admin()).deleteTopics({ topics: [names.users] });
    const samples = await eventually(
      async () => {
        const found = await look.sample(never);
        return names.users in valuesOf(found, 'kafka.topic.messages_added') ? undefined : found;
      },
      { what: 'the topic is gone' },
    );
    expect(Object.keys(valuesOf(samples, 'kafka.group.lag'))).toEqual([`${names.orders} ${emails}`, `${names.orders} ${idle}`]);
  });

  test('a broker that is gone shows in what is offline and not in sync, and the rest is told all the same', async () => {
    expect(one(await look.sample(never), 'kafka.brokers.offline')).toBe(0);
    await server.nodes[2]!.kill();
    const { value: samples, ms } = await timed(
      eventually(
        async () => {
          const found = await look.sample(never);
          const isNoticed = one(found, 'kafka.brokers.offline') === 1 && one(found, 'kafka.partitions.offline') === 1;
          // Until its partitions have other leaders a topic has no ends to tell of.
          return isNoticed && names.orders in valuesOf(found, 'kafka.topic.messages_added') ? found : undefined;
        },
        { what: 'the others have noticed', timeoutMs: 30_000 },
      ),
    );
    process.stderr.write(`kafka look: broker missed after ${ms.toFixed(0)} ms\n`);
    expect(one(samples, 'kafka.partitions.under_replicated')).toBeGreaterThanOrEqual(4);
    // Two of three are in sync, and two are asked for; the one with a single copy has none in sync.
    expect(valuesOf(samples, 'kafka.topic.messages_added')).toEqual({ [names.orders]: 55 });
    expect(valuesOf(samples, 'kafka.group.lag')[`${names.orders} ${idle}`]).toBe(55);
  });

  test('partitions with fewer copies in sync than they must have are told', async () => {
    const before = one(await look.sample(never), 'kafka.partitions.under_min_isr')!;
    await (await admin.admin()).createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic: topicName('strict'),
          replicaAssignment: [{ partition: 0, replicas: [1, 2] }],
          configEntries: [{ name: 'min.insync.replicas', value: '3' }],
        },
      ],
    });
    await eventually(async () => one(await look.sample(never), 'kafka.partitions.under_min_isr') === before + 1, {
      what: 'the topic is seen',
    });
  });
});

test('a cluster that is away is told by an error', async () => {
  const away = server.handle({ port: 9 });
  await using lost = openKafkaLook({ service: away, topology: topologySchema.parse({}) });
  await expect(lost.sample(never)).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
}, 30_000);
