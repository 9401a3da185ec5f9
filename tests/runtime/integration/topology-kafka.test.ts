import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from 'kafkajs';
import { connectKafka, type KafkaConnection } from '../../../runtime/src/connections/kafka/index.ts';
import { readTopicSettings, setTopicSettings } from '../../../runtime/src/connections/kafka/topic-settings.ts';
import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Change, Driver } from '../../../runtime/src/topology/driver.ts';
import { openKafkaDriver } from '../../../runtime/src/topology/drivers/kafka/index.ts';
import { eventually } from '../../support/eventually.ts';
import { createTopic } from '../../support/kafka-topic.ts';
import { startTestKafka, type TestKafka } from '../../support/servers.ts';
import type { TestKafkaChange } from '../../support/test-kafka.ts';
import { refusal, setScramPassword, takesMessages, timed } from '../support/kafka.ts';

const onKafka = { transports: [{ kind: 'kafka' as const, service: 'log' }] };
const dayMs = 24 * 3_600_000;

let server: TestKafka;
let connection: KafkaConnection;
const drivers: Driver[] = [];

beforeAll(async () => {
  server = await startTestKafka();
  connection = await connectKafka(server.handle());
}, 120_000);

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver[Symbol.asyncDispose]()));
  const { topics } = await connection.metadata('all');
  const own = topics.map(({ name }) => name).filter((name) => !name.startsWith('__'));
  if (own.length > 0) await (await connection.admin()).deleteTopics({ topics: own });
});

afterAll(async () => {
  await connection?.close();
  await server?.stop();
});

async function driverFor(
  topics: TopologyInput['topics'],
  who: TestKafkaChange = {},
  signal = new AbortController().signal,
): Promise<Driver> {
  const driver = await openKafkaDriver({ service: server.handle(who), topology: topologySchema.parse({ topics }), signal });
  drivers.push(driver);
  return driver;
}

async function changesOf(driver: Driver): Promise<readonly Change[]> {
  return (await driver.compare()).changes;
}

async function applyAll(driver: Driver): Promise<void> {
  for (const change of await changesOf(driver)) await driver.apply(change);
}

/** Applies one declaration after another, as a repository that goes on. */
async function declared(topics: TopologyInput['topics']): Promise<Driver> {
  const driver = await driverFor(topics);
  await applyAll(driver);
  return driver;
}

async function settingsOf(topic: string, ...names: string[]): Promise<Record<string, string>> {
  const [settings] = await readTopicSettings(connection, [topic], names);
  return Object.fromEntries(settings!.values);
}

async function send(topic: string, count: number, ageMs = 0): Promise<void> {
  await takesMessages(connection, topic);
  const producer = await connection.producer();
  const timestamp = String(Date.now() - ageMs);
  const messages = Array.from({ length: count }, (_, index) => ({ key: `key-${index}`, value: 'x', timestamp }));
  await producer.send([{ topic, messages }]);
  await producer.close();
}

const orders = { orders: { ...onKafka, retentionHours: 24, consumers: [{ group: 'emails' }] } };

describe('topics that are applied', () => {
  test('are as declared, and then there is nothing to do', async () => {
    const driver = await driverFor(orders);
    expect((await changesOf(driver)).map(({ action, name }) => [action, name])).toEqual([
      ['create', 'log/topic/orders'],
      ['create', 'log/topic/orders.dead.emails'],
    ]);
    await applyAll(driver);
    expect(await driver.compare()).toEqual({ changes: [], notes: [] });
    expect((await connection.metadata(['orders'])).topics[0]!.partitions).toHaveLength(3);
    expect(await settingsOf('orders', 'retention.ms', 'max.message.bytes', 'cleanup.policy')).toEqual({
      'retention.ms': String(dayMs),
      'max.message.bytes': '1048588',
      'cleanup.policy': 'delete',
    });
  });

  test('are compared in less than 0.4 s when nothing is to do, 60 of them too', async () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`topic-${index}`, { ...onKafka, partitions: 1 }]));
    const driver = await declared(many);
    const took: number[] = [];
    for (let sample = 0; sample < 5; sample++) {
      const { value, ms } = await timed(driver.compare());
      expect(value.changes).toEqual([]);
      took.push(ms);
    }
    process.stderr.write(`kafka: no-op compare of 60 topics: ${took.map(Math.round).join(', ')} ms\n`);
    // What else runs on the machine makes some of them longer, none shorter.
    expect(Math.min(...took)).toBeLessThan(400);
  });

  test('are completed after a run that ended in the middle', async () => {
    const three = { a: onKafka, b: onKafka, c: onKafka };
    const first = await driverFor(three);
    await first.apply((await changesOf(first))[0]!);
    const second = await driverFor(three);
    expect((await changesOf(second)).map(({ name }) => name)).toEqual(['log/topic/b', 'log/topic/c']);
    await applyAll(second);
    expect(await changesOf(second)).toEqual([]);
  });

  test('stand the same change twice', async () => {
    const driver = await driverFor(orders);
    const changes = await changesOf(driver);
    for (const change of [...changes, ...changes]) await driver.apply(change);
    expect(await changesOf(driver)).toEqual([]);
  });

  test('a topic of which half was changed is completed', async () => {
    await declared({ orders: { ...onKafka, ordered: false, retentionHours: 24 } });
    const driver = await driverFor({ orders: { ...onKafka, ordered: false, retentionHours: 48, partitions: 4 } });
    const [change] = await changesOf(driver);
    // As far as a run came that was killed between the two requests.
    await (await connection.admin()).createPartitions({ topicPartitions: [{ topic: 'orders', count: 4 }] });
    await driver.apply(change!);
    expect(await changesOf(driver)).toEqual([]);
  });

  test('a topic that was deleted and not created again, in the middle of a replacement, is created', async () => {
    await declared(orders);
    const driver = await driverFor({ orders: { ...orders.orders, partitions: 1 } });
    const [change] = await changesOf(driver);
    await (await connection.admin()).deleteTopics({ topics: ['orders'] });
    await driver.apply(change!);
    expect(await changesOf(driver)).toEqual([]);
  });
});

describe('topics that are created together', () => {
  test('are there with leaders before the first change, two hundred in seconds', async () => {
    const driver = await driverFor(
      Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`topic-${index}`, { ...onKafka, partitions: 1 }])),
    );
    const changes = await changesOf(driver);
    const { ms } = await timed(driver.prepare!(changes));
    const { topics } = await connection.metadata(changes.map(({ name }) => name.slice('log/topic/'.length)));
    expect(topics.filter(({ partitions }) => partitions[0]?.leader === undefined)).toEqual([]);
    const each = await timed(
      Promise.resolve().then(async () => {
        for (const change of changes) await driver.apply(change);
      }),
    );
    process.stderr.write(`kafka: 200 topics created together in ${Math.round(ms)} ms, looked at again in ${Math.round(each.ms)} ms\n`);
    expect(await driver.compare()).toEqual({ changes: [], notes: [] });
  }, 60_000);

  test('do not keep each other: one that is refused is told why when its turn comes', async () => {
    const taken = [{ topic: 'taken.name', numPartitions: 1 }];
    await (await connection.admin()).createTopics({ waitForLeaders: false, topics: taken });
    const driver = await driverFor({ a: onKafka, taken_name: onKafka, z: onKafka });
    const created = (await changesOf(driver)).filter(({ action }) => action === 'create');
    await driver.prepare!(created);
    const { topics } = await connection.metadata(['a', 'taken_name', 'z']);
    expect(topics.map(({ name, partitions }) => [name, partitions.length]).sort()).toEqual([
      ['a', 3],
      ['taken_name', 0],
      ['z', 3],
    ]);
    expect(await refusal(driver.apply(created[1]!))).toMatchObject({
      code: 'TOPOLOGY_REFUSED',
      message: expect.stringContaining('taken_name'),
    });
  });
});

describe('what was changed by hand', () => {
  test('is a problem where it weakens what is declared', async () => {
    const driver = await declared(orders);
    await setTopicSettings(connection, 'orders', { 'retention.bytes': '1000', 'unclean.leader.election.enable': 'true' });
    const { changes, notes } = await driver.compare();
    expect(changes).toEqual([]);
    expect(notes.map(({ level, name, sentence }) => [level, name, sentence.split(',')[0]])).toEqual([
      ['problem', 'log/topic/orders', 'retention.bytes is 1000 for this topic'],
      ['problem', 'log/topic/orders', 'unclean.leader.election.enable is true for this topic'],
    ]);
    await setTopicSettings(connection, 'orders', { 'retention.bytes': null, 'unclean.leader.election.enable': null });
    expect(await driver.compare()).toEqual({ changes: [], notes: [] });
  });

  test('is shown with both values and put right', async () => {
    const driver = await declared(orders);
    await setTopicSettings(connection, 'orders', { 'retention.ms': '1000', 'max.message.bytes': '5000' });
    expect(await changesOf(driver)).toEqual([
      {
        name: 'log/topic/orders',
        action: 'update',
        differences: [
          { property: 'max.message.bytes', live: '5000', declared: '1048588' },
          { property: 'retention.ms', live: '1000', declared: String(dayMs) },
        ],
      },
    ]);
    await applyAll(driver);
    expect(await changesOf(driver)).toEqual([]);
  });

  test('stays where it is not declared', async () => {
    await declared(orders);
    await setTopicSettings(connection, 'orders', { 'segment.bytes': '1048600', 'compression.type': 'lz4' });
    const driver = await declared({ orders: { ...orders.orders, retentionHours: 48 } });
    expect(await changesOf(driver)).toEqual([]);
    expect(await settingsOf('orders', 'retention.ms', 'segment.bytes', 'compression.type')).toEqual({
      'retention.ms': String(2 * dayMs),
      'segment.bytes': '1048600',
      'compression.type': 'lz4',
    });
  });

  test('a setting that nobody declared is lost by the request that kafkajs has', async () => {
    await declared(orders);
    await setTopicSettings(connection, 'orders', { 'compression.type': 'lz4' });
    const [type, name] = [2, 'orders'];
    const configEntries = [{ name: 'retention.ms', value: '5000' }];
    await (await connection.admin()).alterConfigs({ validateOnly: false, resources: [{ type, name, configEntries }] });
    expect(await settingsOf('orders', 'compression.type')).toEqual({ 'compression.type': 'producer' });
  });

  test('between comparison and change is a conflict, and not overwritten', async () => {
    await declared(orders);
    const driver = await driverFor({ orders: { ...orders.orders, retentionHours: 48 } });
    const [change] = await changesOf(driver);
    await setTopicSettings(connection, 'orders', { 'retention.ms': '7000' });
    const error = await refusal(driver.apply(change!));
    expect(error.code).toBe('TOPOLOGY_CONFLICT');
    expect(error.message).toMatch(/^log\/topic\/orders was changed after it was compared: retention\.ms is 7000 by now/);
    expect(await settingsOf('orders', 'retention.ms')).toEqual({ 'retention.ms': '7000' });
  });

  test('a topic that somebody made is shown with what is in it, and deleted when it is applied; those of the servers are not', async () => {
    await createTopic(await connection.admin(), { topic: 'a-stranger', numPartitions: 2 });
    await send('a-stranger', 12);
    const driver = await driverFor({});
    const changes = await changesOf(driver);
    expect(changes).toMatchObject([
      {
        name: 'log/topic/a-stranger',
        action: 'delete',
        undeclared: true,
        danger: { sentence: 'deletes the topic and 12 messages', messages: 12 },
      },
    ]);
    await driver.apply(changes[0]!);
    await driver.apply(changes[0]!);
    expect(await changesOf(driver)).toEqual([]);
  });
});

describe('a change that costs something says what', () => {
  test('more partitions where keys have an order and there are messages', async () => {
    await declared({ orders: onKafka });
    const driver = await driverFor({ orders: { ...onKafka, partitions: 5 } });
    expect((await changesOf(driver))[0]!.danger).toBeUndefined();
    const [whenEmpty] = await changesOf(driver);
    await send('orders', 4);
    expect((await refusal(driver.apply(whenEmpty!))).message).toMatch(/was empty when it was compared and has 4 messages by now/);
    const [change] = await changesOf(driver);
    expect(change!.danger!.sentence).toMatch(/^moves keys from 3 to 5 partitions: .* 4 messages /);
    await driver.apply(change!);
    expect(await changesOf(driver)).toEqual([]);
  });

  test('more partitions where keys have none cost nothing', async () => {
    await declared({ orders: { ...onKafka, ordered: false } });
    await send('orders', 4);
    const driver = await driverFor({ orders: { ...onKafka, ordered: false, partitions: 5 } });
    expect((await changesOf(driver))[0]!.danger).toBeUndefined();
  });

  test('fewer partitions cost all messages', async () => {
    await declared({ orders: onKafka });
    await send('orders', 4);
    const driver = await driverFor({ orders: { ...onKafka, partitions: 2 } });
    const [change] = await changesOf(driver);
    expect(change).toMatchObject({ action: 'replace', danger: { messages: 4 } });
    await driver.apply(change!);
    expect(await changesOf(driver)).toEqual([]);
    expect((await connection.metadata(['orders'])).topics[0]!.partitions).toHaveLength(2);
  });

  test('a shorter retention costs the older messages, if there are any', async () => {
    await declared({ orders: { ...onKafka, retentionHours: 100 }, fresh: { ...onKafka, retentionHours: 100 } });
    await send('orders', 3, 50 * 3_600_000);
    for (const topic of ['orders', 'fresh']) await send(topic, 2);
    const driver = await driverFor({ orders: { ...onKafka, retentionHours: 48 }, fresh: { ...onKafka, retentionHours: 48 } });
    const [fresh, old] = await changesOf(driver);
    expect(fresh).not.toHaveProperty('danger');
    expect(old!.danger).toEqual({ sentence: 'deletes 3 messages older than 48 hours', messages: 3 });
  });
});

describe('what the cluster refuses is one sentence', () => {
  test('with the reason in its words, when a setting is not possible', async () => {
    const driver = await driverFor({ orders: { ...onKafka, retentionHours: 24 } });
    const [change] = await changesOf(driver);
    const impossible = { orders: { ...onKafka, partitions: 2_000_000 } };
    const error = await refusal((await driverFor(impossible)).apply(change!));
    expect(error.code).toBe('TOPOLOGY_REFUSED');
    expect(error.message).toMatch(/^kafka service log refuses topic orders as it is declared: .+/);
  });

  test('with the topic, when this user may not look at it, or not change it', async () => {
    await setScramPassword(server, server.password, 'guest', 'guest-password');
    await declared(orders);
    const admin = await connection.admin();
    const deny = (operation: AclOperationTypes) => ({
      ...{ resourceType: AclResourceTypes.TOPIC, resourceName: 'orders', resourcePatternType: ResourcePatternTypes.LITERAL },
      ...{ principal: 'User:guest', host: '*', operation, permissionType: AclPermissionTypes.DENY },
    });
    const allow = { ...deny(AclOperationTypes.ALL), permissionType: AclPermissionTypes.ALLOW };
    await admin.createAcls({ acl: [allow, deny(AclOperationTypes.ALTER_CONFIGS)] });
    const guest = { username: 'guest', password: 'guest-password', env: {} };
    const driver = await driverFor({ orders: { ...onKafka, retentionHours: 48 } }, guest);
    const [change] = await changesOf(driver);
    const unchanged = await refusal(driver.apply(change!));
    expect(unchanged).toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringMatching(/alter topic orders; grant it AlterConfigs by an ACL/),
    });
    await admin.createAcls({ acl: [deny(AclOperationTypes.DESCRIBE)] });
    const hidden = await refusal(driver.compare());
    expect(hidden).toMatchObject({ code: 'ACCESS_DENIED', message: expect.stringMatching(/look at topic orders; grant it/) });
  });

  test('with the secret, when it cannot be read', async () => {
    const handle = server.handle();
    const unread = new MillraceError('SECRET_UNAVAILABLE', 'secret file password cannot be read (ENOENT)');
    const secret: typeof handle.secret = (ref, options) =>
      ref.id === 'KAFKA_PASSWORD' ? Promise.reject(unread) : handle.secret(ref, options);
    expect((await refusal(connectKafka({ ...handle, secret }, { connectTimeoutMs: 5_000 }))).code).toBe('SECRET_UNAVAILABLE');
  });

  test('a run that is given up ends at once', async () => {
    const controller = new AbortController();
    const driver = await driverFor(orders, {}, controller.signal);
    controller.abort();
    expect((await refusal(driver.compare())).code).toBe('CONNECTION_CLOSED');
  });
});

test('what was set for a deleted topic does not come back to the next one of its name, after a broker was killed either', async () => {
  await declared({ orders: { ...onKafka, retentionHours: 24 } });
  await setTopicSettings(connection, 'orders', { 'retention.bytes': '12345', 'segment.bytes': '1048600' });
  const driver = await driverFor({ orders: { ...onKafka, retentionHours: 24, partitions: 1 } });
  await (await connection.admin()).createTopics({
    waitForLeaders: false,
    topics: [{ topic: 'by-hand', numPartitions: 1, configEntries: [{ name: 'retention.bytes', value: '99' }] }],
  });
  for (const change of await changesOf(driver)) await driver.apply(change);
  await (await connection.admin()).createTopics({ waitForLeaders: false, topics: [{ topic: 'by-hand', numPartitions: 1 }] });
  await server.nodes[0]!.kill();
  await server.nodes[0]!.restart();
  const settings = await eventually(
    () => settingsOf('orders', 'retention.bytes', 'segment.bytes', 'retention.ms').catch(() => false as const),
    {
      what: 'the broker is back',
      timeoutMs: 30_000,
    },
  );
  expect(settings).toMatchObject({ 'retention.bytes': '-1', 'retention.ms': String(dayMs) });
  expect(settings['segment.bytes']).not.toBe('1048600');
  expect(await settingsOf('by-hand', 'retention.bytes')).toEqual({ 'retention.bytes': '-1' });
}, 60_000);
