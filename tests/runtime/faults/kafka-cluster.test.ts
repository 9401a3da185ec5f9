import type { KafkaConnection } from '../../../runtime/src/connections/kafka/index.ts';
import { kafkaCheck } from '../../../runtime/src/health/kafka-check.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestKafka, type TestKafka, type TestKafkaNode } from '../../support/servers.ts';
import { coordinatorOf, createTopic, kafkaConnections, report, topicName } from '../support/kafka.ts';
import { type KafkaClient, startKafkaClient } from './kafka-child.ts';

let server: TestKafka;
let admin: KafkaConnection;
const connections = kafkaConnections();

beforeAll(async () => {
  server = await startTestKafka({ nodes: 3 });
  admin = await connections.open(server.handle());
}, 180_000);
afterAll(async () => {
  await connections.closeAll();
  await server?.stop();
});

/** The node with this number in Kafka. */
function nodeOf(id: number): TestKafkaNode {
  return server.nodes[id - 1]!;
}

async function leaderOf(topic: string, partition: number): Promise<number> {
  return eventually(async () => (await admin.metadata([topic])).topics[0]?.partitions.find((one) => one.partition === partition)?.leader, {
    what: `partition ${partition} has a leader`,
  });
}

async function coordinatorOfLoneMember(group: string): Promise<number> {
  const client = await admin.admin();
  // One that was built anew leaves its former self in the group until that one's session ends.
  const isAlone = async (): Promise<boolean> => (await client.describeGroups([group])).groups[0]!.members.length === 1;
  await eventually(isAlone, { what: `group ${group} has one member`, timeoutMs: 30_000 });
  return coordinatorOf(admin, group);
}

async function inSync(topic: string): Promise<void> {
  await eventually(
    async () =>
      (await admin.metadata([topic, '__consumer_offsets'])).topics.every(({ partitions }) =>
        partitions.every((one) => one.inSync.length === 3),
      ),
    {
      what: 'every replica is in sync again',
      timeoutMs: 60_000,
    },
  );
}

/** Does something to a node, waits until messages flow again, mends the node; returns how long nothing came. */
async function outage(
  client: KafkaClient,
  fault: string,
  topic: string,
  act: () => Promise<void>,
  mend: () => Promise<void>,
): Promise<void> {
  await client.flows();
  const startedAt = performance.now();
  await act();
  await client.flows(60_000);
  const ms = performance.now() - startedAt;
  const share = client.cpuShare(startedAt, performance.now());
  report(fault, ms);
  await mend();
  await inSync(topic);
  expect(ms).toBeLessThan(45_000);
  if (!Number.isNaN(share)) expect(share).toBeLessThan(0.5);
}

test('messages flow on through the death and the standstill of leaders and of the group’s coordinator', async () => {
  const [topic, group] = [await createTopic(admin, 'cluster', { partitions: 3, replicas: 3 }), topicName('group')];
  const env: Record<string, string> = {};
  const handle = server.handle({ env });
  const client = startKafkaClient(handle, { env, topic, group, options: { requestTimeoutMs: 3_000 }, consumer: {} });
  await client.flows();

  const coordinator = await coordinatorOfLoneMember(group);
  const other = await eventually(
    async () => [await leaderOf(topic, 0), await leaderOf(topic, 1), await leaderOf(topic, 2)].find((leader) => leader !== coordinator),
    { what: 'a leader that does not coordinate' },
  );
  await outage(
    client,
    '3 brokers, leader kill -9',
    topic,
    () => nodeOf(other).kill(),
    () => nodeOf(other).restart(),
  );
  const killed = await coordinatorOfLoneMember(group);
  await outage(
    client,
    '3 brokers, coordinator and leader kill -9',
    topic,
    () => nodeOf(killed).kill(),
    () => nodeOf(killed).restart(),
  );
  const stopped = await leaderOf(topic, 0);
  await outage(
    client,
    '3 brokers, leader SIGTERM',
    topic,
    () => nodeOf(stopped).kill('SIGTERM'),
    () => nodeOf(stopped).restart(),
  );
  const paused = await leaderOf(topic, 0);
  await outage(
    client,
    '3 brokers, leader SIGSTOP',
    topic,
    () => nodeOf(paused).pause(),
    () => nodeOf(paused).resume(),
  );

  await client.nothingLost();
  const { code, stderr } = await client.end();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}, 300_000);

test('kafkaCheck tells replicas that are missing from writes that fail and from partitions without a leader', async () => {
  const signal = new AbortController().signal;
  const short = await createTopic(admin, 'short', { partitions: 1, replicas: 3 });
  const strict = await createTopic(admin, 'strict', { partitions: 1, replicas: 3, settings: { 'min.insync.replicas': '3' } });
  const single = await createTopic(admin, 'single', { partitions: 3, replicas: 1 });
  const all = kafkaCheck(admin, { topics: [short, strict, single], minBrokers: 3 });
  expect(await all.check(signal)).toMatchObject({ status: 'up' });

  await nodeOf(3).kill();
  const outcome = await eventually(
    async () => {
      const found = await all.check(signal);
      return found.reason?.includes('brokers are there') && found.reason.includes('takes no writes') && found;
    },
    { what: 'the death shows', timeoutMs: 30_000 },
  );
  expect(outcome.status).toBe('down');
  expect(outcome.reason).toMatch(/2 of at least 3 brokers are there/);
  expect(outcome.reason).toContain(`topic ${single} has no leader for partition`);
  expect(outcome.reason).toContain(`topic ${strict} takes no writes: 2 replicas are in sync and min.insync.replicas is 3`);
  expect(await kafkaCheck(admin, { topics: [short] }).check(signal)).toMatchObject({
    status: 'degraded',
    reason: `topic ${short} is under-replicated in partition 0`,
  });
  expect(await kafkaCheck(admin, { topics: [strict], writable: false }).check(signal)).toMatchObject({ status: 'degraded' });

  await nodeOf(3).restart();
  await eventually(async () => (await all.check(signal)).status === 'up', { what: 'it is up again', timeoutMs: 60_000 });
}, 180_000);
