import * as kafkajs from 'kafkajs';
import { oauthMechanism } from '../../../runtime/src/connections/kafka/sasl.ts';
import { createHealth } from '../../../runtime/src/health/index.ts';
import { kafkaCheck } from '../../../runtime/src/health/kafka-check.ts';
import { eventually } from '../../support/eventually.ts';
import {
  collecting,
  createTopic,
  kafkaConnections,
  proxiedKafka,
  refusal,
  report,
  setScramPassword,
  timed,
  topicName,
} from '../support/kafka.ts';

const kafka = proxiedKafka({
  'sasl.enabled.mechanisms': 'SCRAM-SHA-512,OAUTHBEARER',
  'listener.name.clients.sasl.enabled.mechanisms': 'SCRAM-SHA-512,OAUTHBEARER',
  'listener.name.clients.oauthbearer.sasl.jaas.config': 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;',
  // Brokers ask for a new proof when the token of the last one has expired, as Amazon MSK does.
  'listener.name.clients.oauthbearer.connections.max.reauth.ms': '900000',
});
const connections = kafkaConnections();

afterEach(async () => {
  kafka.proxy.restore();
  await connections.closeAll();
});

describe('a producer and a consumer', () => {
  test('pass on messages in order, with an offset a partition', async () => {
    const connection = await connections.open(kafka.server.handle());
    const topic = await createTopic(connection, 'order');
    const { values, options } = collecting(topic);
    const consumer = await connection.consumer(options);
    const producer = await connection.producer();
    const messages = Array.from({ length: 100 }, (_, n) => ({ partition: 0, key: 'k', value: String(n) }));
    const results = await Promise.all([0, 50].map((from) => producer.send([{ topic, messages: messages.slice(from, from + 50) }])));
    expect(results.flat().map(({ baseOffset }) => baseOffset)).toEqual(['0', '50']);
    await eventually(() => values.length === 100, { what: 'all are consumed' });
    expect(values).toEqual(messages.map(({ value }) => value));
    expect(consumer.status()).toMatchObject({ state: 'consuming', assigned: { [topic]: [0, 1, 2] } });
    expect(consumer.silentForMs()).toBeLessThan(5_000);
    await eventually(async () => (await connection.lag(options.groupId, [topic])).every(({ lag }) => lag === 0n), {
      what: 'all is committed',
    });
  });

  test('lag counts what a group has not committed', async () => {
    const connection = await connections.open(kafka.server.handle());
    const topic = await createTopic(connection, 'lag', { partitions: 1 });
    const producer = await connection.producer();
    await producer.send([{ topic, messages: [{ value: 'a' }, { value: 'b' }] }]);
    expect(await connection.lag(topicName('group'), [topic])).toEqual([{ topic, partition: 0, end: 2n, committed: undefined, lag: 2n }]);
  });

  test('a batch to a topic that is not there fails, and so do those that waited behind it', async () => {
    const connection = await connections.open(kafka.server.handle());
    const topic = await createTopic(connection, 'behind');
    const producer = await connection.producer();
    const first = refusal(producer.send([{ topic: 'absent', messages: [{ value: 'a' }] }]));
    const second = refusal(producer.send([{ topic, messages: [{ value: 'b' }] }]));
    expect(await first).toMatchObject({ code: 'TOPIC_UNKNOWN' });
    expect(await second).toMatchObject({ code: 'PUBLISH_FAILED', retriable: true });
    expect(await producer.send([{ topic, messages: [{ value: 'b' }] }])).toHaveLength(1);
  });

  test('a message that is too large is refused for good', async () => {
    const connection = await connections.open(kafka.server.handle());
    const topic = await createTopic(connection, 'large', { settings: { 'max.message.bytes': '1000' } });
    const producer = await connection.producer();
    const error = await refusal(producer.send([{ topic, messages: [{ value: 'x'.repeat(5_000) }] }]));
    expect(error).toMatchObject({ code: 'EVENT_TOO_LARGE', retriable: false });
  });

  test('a consumer of a topic that is not there is refused', async () => {
    const connection = await connections.open(kafka.server.handle());
    expect(await refusal(connection.consumer(collecting('absent').options))).toMatchObject({ code: 'TOPIC_UNKNOWN' });
  });

  test('what a handler throws is delivered again', async () => {
    const connection = await connections.open(kafka.server.handle());
    const topic = await createTopic(connection, 'again', { partitions: 1 });
    const seen: string[] = [];
    await connection.consumer({
      groupId: topicName('group'),
      topics: [topic],
      eachBatch: async ({ batch, resolveOffset }) => {
        for (const { value, offset } of batch.messages) {
          seen.push(String(value));
          if (String(value) === 'b' && seen.length < 3) throw new Error('not now');
          resolveOffset(offset);
        }
      },
    });
    await (await connection.producer()).send([{ topic, messages: [{ value: 'a' }, { value: 'b' }] }]);
    await eventually(() => seen.length >= 3, { what: 'it is delivered again', timeoutMs: 20_000 });
    expect(seen.slice(0, 3)).toEqual(['a', 'b', 'b']);
  });

  test('a user without the right is told so', async () => {
    const connection = await connections.open(kafka.server.handle());
    const topic = await createTopic(connection, 'denied');
    const admin = await connection.admin();
    await admin.createAcls({
      acl: [
        {
          principal: 'User:owner',
          host: '*',
          operation: 2,
          permissionType: 3,
          resourceType: 2,
          resourceName: topic,
          resourcePatternType: 3,
        },
      ],
    });
    await setScramPassword(kafka.server, kafka.server.password, 'guest', 'guest-password');
    const guest = await connections.open(kafka.server.handle({ username: 'guest', password: 'guest-password' }));
    const producer = await guest.producer();
    expect(await refusal(producer.send([{ topic, messages: [{ value: 'x' }] }]))).toMatchObject({ code: 'ACCESS_DENIED' });
  });
});

test('a rotated password needs no restart: what runs goes on with the new one, and until the secret has it the refusal is told', async () => {
  await setScramPassword(kafka.server, kafka.server.password, 'service', 'old-password');
  const [told, env]: [unknown[], Record<string, string>] = [[], {}];
  const handle = kafka.server.handle({ username: 'service', password: 'old-password', env });
  const connection = await connections.open(handle, { onError: (error) => told.push((error as { code?: unknown }).code) });
  const topic = await createTopic(await connections.open(kafka.server.handle()), 'rotation', { partitions: 1 });
  const { values, options } = collecting(topic);
  await connection.consumer(options);
  const producer = await connection.producer();
  await producer.send([{ topic, messages: [{ value: 'before' }] }]);
  await eventually(() => values.includes('before'), { what: 'it consumes' });

  await setScramPassword(kafka.server, kafka.server.password, 'service', 'new-password');
  kafka.proxy.cut();
  await eventually(() => told.includes('CONNECTION_REFUSED_CREDENTIALS'), { what: 'the consumer tells of the refusal' });
  expect(await refusal(producer.send([{ topic, messages: [{ value: 'lost' }] }]))).toMatchObject({
    code: 'CONNECTION_REFUSED_CREDENTIALS',
  });

  env.KAFKA_PASSWORD = 'new-password';
  const rotatedAt = performance.now();
  await producer.send([{ topic, messages: [{ value: 'after' }] }]);
  await eventually(() => values.includes('after'), { what: 'it consumes again', timeoutMs: 30_000 });
  report('SCRAM password rotated, after the secret has it', performance.now() - rotatedAt);
});

describe('kafkaCheck', () => {
  const never = new AbortController().signal;

  test('is up, with what it saw', async () => {
    const connection = await connections.open(kafka.server.handle());
    const topic = await createTopic(connection, 'well');
    const check = kafkaCheck(connection, { topics: [topic], groups: [{ groupId: 'nobody', topics: [topic], maxLag: 0 }] });
    expect(check).toMatchObject({ name: 'log', componentType: 'datastore', timeoutMs: 3_000 });
    // A broker tells of a new topic a moment before it leads it.
    const outcome = await eventually(async () => ((await check.check(never)).status === 'up' ? check.check(never) : false), {
      what: 'it is up',
    });
    expect(outcome).toEqual({
      status: 'up',
      observations: [
        { measure: 'brokers', value: 1, unit: '{broker}' },
        { measure: 'controller', value: 1 },
        { measure: 'underReplicatedPartitions', value: 0, unit: '{partition}' },
        { measure: 'lag.nobody', value: 0, unit: '{message}' },
      ],
    });
  });

  test.each([
    ['a topic is missing', { topics: ['absent'] }, 'topic absent does not exist'],
    ['there are too few brokers', { minBrokers: 3 }, '1 of at least 3 brokers are there'],
    ['it is another cluster', { clusterId: 'the-other-one' }, 'not the-other-one'],
  ])('is down if %s', async (_why, options, reason) => {
    const connection = await connections.open(kafka.server.handle());
    expect(await kafkaCheck(connection, options).check(never)).toMatchObject({ status: 'down', reason: expect.stringContaining(reason) });
  });

  test('is degraded if a group is behind', async () => {
    const connection = await connections.open(kafka.server.handle());
    const topic = await createTopic(connection, 'behind');
    await (await connection.producer()).send([{ topic, messages: [{ value: 'a' }, { value: 'b' }] }]);
    const check = kafkaCheck(connection, { topics: [topic], groups: [{ groupId: 'late', topics: [topic], maxLag: 1 }] });
    expect(await check.check(never)).toMatchObject({ status: 'degraded', reason: 'group late is 2 messages behind, more than 1' });
  });

  test('is down at its deadline when the broker hangs, and opens no connection however often it is asked', async () => {
    const connection = await connections.open(kafka.server.handle({ port: kafka.proxy.port }), { requestTimeoutMs: 1_000 });
    const topic = await createTopic(connection, 'asked');
    const health = createHealth({ checks: [kafkaCheck(connection, { topics: [topic], timeoutMs: 400 })], cacheMs: 0 });
    // The first question loads modules of kafkajs, which takes its time.
    await connection.metadata();
    await eventually(async () => (await health.report()).status === 'up', { what: 'it is up' });
    const open = kafka.proxy.connections();
    for (let asked = 0; asked < 20; asked++) await health.report();
    expect(kafka.proxy.connections()).toBe(open);

    kafka.proxy.blackHole();
    const { value, ms } = await timed(health.report());
    expect(value).toMatchObject({ status: 'down', checks: [{ reason: 'no answer within 400 ms' }] });
    expect(ms).toBeLessThan(5_000);
    kafka.proxy.restore();
    await eventually(async () => (await health.report()).status === 'up', { what: 'it is up again' });
  });
});

describe('OAUTHBEARER, as with the tokens of Amazon MSK', () => {
  const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  /** What a broker without a validator of its own takes: a token that nobody has signed. */
  function unsigned(lifeSeconds: number): { token: string; expiresAt: Date } {
    const now = Math.floor(Date.now() / 1_000);
    const claims = { sub: 'orders', iat: now - 1, exp: now + lifeSeconds };
    return { token: `${encoded({ alg: 'none' })}.${encoded(claims)}.`, expiresAt: new Date(claims.exp * 1_000) };
  }
  function adminWith(fetch: () => Promise<{ token: string; expiresAt: Date }>): kafkajs.Admin {
    const client = new kafkajs.Kafka({
      brokers: kafka.server.brokers.map(({ host, port }) => `${host}:${port}`),
      ssl: { ca: kafka.server.ca! },
      sasl: oauthMechanism(kafkajs, fetch),
      reauthenticationThreshold: 28_000,
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const admin = client.admin();
    connections.also({ close: () => admin.disconnect() });
    return admin;
  }

  test('lets in, and proves itself anew on the open connection before the token expires', async () => {
    let fetched = 0;
    const admin = adminWith(async () => {
      fetched += 1;
      return unsigned(30);
    });
    await admin.connect();
    await admin.listTopics();
    expect(fetched).toBe(1);
    const open = kafka.proxy.connections();
    const proofs: string[] = [];
    admin.on('admin.network.request', ({ payload }) => {
      if (payload.apiName === 'SaslAuthenticate') proofs.push(payload.broker);
    });
    await eventually(
      async () => {
        await admin.listTopics();
        return proofs.length > 0;
      },
      { what: 'it has proven itself again', timeoutMs: 15_000 },
    );
    expect(proofs[0]).toBe(`${kafka.proxy.host}:${kafka.proxy.port}`);
    expect(kafka.proxy.connections()).toBe(open);
  });

  test('a token that the broker refuses is refused, not taken for accepted', async () => {
    let fetched = 0;
    const admin = adminWith(async () => {
      fetched += 1;
      return { ...unsigned(-3_600), expiresAt: new Date(Date.now() + 900_000) };
    });
    await expect(admin.connect()).rejects.toMatchObject({ type: 'SASL_AUTHENTICATION_FAILED' });
    expect(fetched).toBeLessThanOrEqual(3);
  });
});
