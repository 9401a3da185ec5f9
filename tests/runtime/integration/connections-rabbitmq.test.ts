import { inspect } from 'node:util';
import type * as Amqp from 'amqplib';
import type { RabbitConnection, RabbitConnectOptions, RabbitDelivery } from '../../../runtime/src/connections/rabbitmq/index.ts';
import { connectRabbit, rabbitReplyCode } from '../../../runtime/src/connections/rabbitmq/index.ts';
import type { HealthCheck } from '../../../runtime/src/health/check.ts';
import { rabbitCheck } from '../../../runtime/src/health/rabbitmq-check.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/ports.ts';
import { startTestRabbit, type TestRabbit } from '../../support/servers.ts';
import { type TestAuthority, testAuthority } from '../../support/test-authority.ts';
import {
  channelCount,
  connectionNames,
  queueName,
  type RabbitHandleChange,
  rabbitConnections,
  rabbitHandle,
  refusalOf,
  startTlsFront,
} from '../support/rabbit.ts';

let server: TestRabbit;
let authority: TestAuthority;
const connections = rabbitConnections();

beforeAll(async () => {
  [server, authority] = await Promise.all([startTestRabbit(), testAuthority()]);
}, 120_000);
afterAll(async () => {
  await server?.stop();
  await authority?.remove();
});
afterEach(() => connections.closeAll());

const connect = (options: RabbitConnectOptions = {}, change: RabbitHandleChange = {}): Promise<RabbitConnection> =>
  connections.open(rabbitHandle(server, change), options);
const refused = (change: RabbitHandleChange, options: RabbitConnectOptions = {}) =>
  refusalOf(connectRabbit(rabbitHandle(server, change), options));

async function declare(connection: RabbitConnection, name: string, queueArguments: Record<string, unknown> = {}): Promise<string> {
  const channel = await connection.openChannel();
  await channel.assertQueue(name, { durable: true, arguments: queueArguments });
  await channel.close();
  return name;
}

async function depth(connection: RabbitConnection, queue: string): Promise<number> {
  const channel = await connection.openChannel();
  const { messageCount } = await channel.checkQueue(queue);
  await channel.close();
  return messageCount;
}

describe('connecting', () => {
  test('over TLS gives channels that publish and consume, under its name', async () => {
    const connection = await connect({ name: 'orders' });
    expect(connection.state).toEqual({ connected: true, endpoint: `${server.host}:${server.port}` });
    const queue = await declare(connection, queueName('hello'));
    const publisher = await connection.openPublisher();
    await publisher.publish('', queue, Buffer.from('hello'), { headers: { a: 1 } });
    const got = await new Promise<RabbitDelivery>((resolve, reject) => {
      connection.openConsumer(({ consume }) => consume(queue, resolve)).catch(reject);
    });
    expect(String(got.message.content)).toBe('hello');
    expect(got.message.properties).toMatchObject({ deliveryMode: 2, headers: { a: 1 }, messageId: expect.any(String) });
    expect([got.ack(), got.ack(), got.nack()]).toEqual([true, false, false]);
    expect(await connectionNames(server)).toContain('orders');
  });

  test('fails at once if the password is wrong, having read it once more, and tells it nowhere', async () => {
    const handle = rabbitHandle(server);
    let reads = 0;
    const counting = {
      ...handle,
      secret: (ref: { from: string; id: string }) =>
        ref.id === 'RABBIT_CA' ? handle.secret(ref as never) : Promise.resolve(`hunter${++reads}`),
    };
    const startedAt = performance.now();
    const error = await refusalOf(connectRabbit(counting));
    expect(error).toMatchObject({
      code: 'CONNECTION_REFUSED_CREDENTIALS',
      message: expect.stringContaining(`${server.host}:${server.port}`),
    });
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(reads).toBe(2);
    expect(inspect(error, { depth: 10 })).not.toContain('hunter');
  });

  test('takes a password that was rotated between reading and using it', async () => {
    const handle = rabbitHandle(server);
    let reads = 0;
    const rotated: typeof handle = {
      ...handle,
      secret: (ref) => (ref.id === 'RABBIT_PASSWORD' && ++reads === 1 ? Promise.resolve('old') : handle.secret(ref)),
    };
    expect((await connections.open(rotated)).state.connected).toBe(true);
  });

  test('fails at once if the virtual host is unknown or not permitted, naming it', async () => {
    const error = await refused({ vhost: 'no/such%2Fhost' });
    expect(error).toMatchObject({
      code: 'ACCESS_DENIED',
      retriable: false,
      message: expect.stringContaining('virtual host no/such%2Fhost'),
    });
  });

  test('reaches a virtual host whose name has to be escaped', async () => {
    await server.ctl('add_vhost', 'a/b%2F');
    await server.ctl('set_permissions', '-p', 'a/b%2F', server.username, '.*', '.*', '.*');
    expect((await connect({}, { vhost: 'a/b%2F' })).state.connected).toBe(true);
  });

  test.each([
    ['its authority is another one', {}, () => server.ca, 'UNABLE_TO|SELF_SIGNED|ERR_SSL|CERT'],
    ['its certificate has expired', { validFrom: new Date('2025-01-01'), validTo: new Date('2025-02-01') }, undefined, 'CERT_HAS_EXPIRED'],
    ['its certificate is for another host', { hosts: ['elsewhere.example'] }, undefined, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('fails at once with CONNECTION_TLS_FAILED if %s', async (_, request, otherCa, reason) => {
    const { ca, ...certificate } = await authority.issue(request);
    const front = await startTlsFront(server, certificate);
    connections.also(front);
    const { port } = front;
    const startedAt = performance.now();
    const error = await refused({ port, ca: otherCa?.() ?? ca });
    expect(error).toMatchObject({ code: 'CONNECTION_TLS_FAILED', retriable: false, message: expect.stringMatching(new RegExp(reason)) });
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  test('fails in the time allowed if nothing listens, naming it', async () => {
    const port = await freePorts();
    const startedAt = performance.now();
    const error = await refused({ port }, { connectTimeoutMs: 500 });
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', retriable: true, message: expect.stringContaining(`127.0.0.1:${port}`) });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });
});

describe('publishing', () => {
  test('tells each message its own outcome: confirmed, returned, refused by a full queue', async () => {
    const connection = await connect();
    const queue = await declare(connection, queueName('small'), { 'x-max-length': 2, 'x-overflow': 'reject-publish' });
    const publisher = await connection.openPublisher();
    const send = (key: string, messageId: string) => publisher.publish('', key, Buffer.from(messageId), { messageId });
    const outcomes = await Promise.allSettled([
      send(queue, 'same'),
      send('nowhere', 'same'),
      send(queue, 'taken'),
      send('nowhere', 'lost'),
      send(queue, 'too much'),
    ]);
    expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'confirmed' : outcome.reason.code))).toEqual([
      'confirmed',
      'MESSAGE_UNROUTABLE',
      'confirmed',
      'MESSAGE_UNROUTABLE',
      'PUBLISH_FAILED',
    ]);
    expect(await depth(connection, queue)).toBe(2);
    expect(publisher.unconfirmed).toBe(0);
  });

  test('tells a returned message from one of the same id that waits for its confirm', async () => {
    const connection = await connect();
    const queue = await declare(connection, queueName('slow'), { 'x-queue-type': 'quorum' });
    const publisher = await connection.openPublisher();
    const taken = Array.from({ length: 300 }, () => publisher.publish('', queue, Buffer.alloc(4_096), { messageId: 'same' }));
    const returned = refusalOf(publisher.publish('', 'nowhere', Buffer.alloc(0), { messageId: 'same' }));
    expect((await Promise.allSettled(taken)).filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(await returned).toMatchObject({ code: 'MESSAGE_UNROUTABLE' });
  });

  test('rejects all that wait when the broker ends the channel, and goes on with another one', async () => {
    const told: Error[] = [];
    const connection = await connect({ onError: (error) => told.push(error) });
    const queue = await declare(connection, queueName('after'));
    const publisher = await connection.openPublisher();
    const [missing, behind] = await Promise.all([
      refusalOf(publisher.publish('no-such-exchange', 'a', Buffer.alloc(0))),
      refusalOf(publisher.publish('no-such-exchange', 'b', Buffer.alloc(0))),
    ]);
    expect(missing).toMatchObject({ code: 'PUBLISH_FAILED', retriable: true, cause: { code: 404 } });
    expect(behind.code).toBe('PUBLISH_FAILED');
    expect(told.map(rabbitReplyCode)).toContain(404);
    await eventually(() => publisher.publish('', queue, Buffer.alloc(0)).then(() => true), { what: 'a message is confirmed again' });
    expect(connection.state.lastError).toBeUndefined();
  });

  test('refuses a message above the window, and one that cannot be encoded, without sending it', async () => {
    const connection = await connect({ maxUnconfirmed: 3 });
    const queue = await declare(connection, queueName('window'));
    const publisher = await connection.openPublisher();
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => publisher.publish('', queue, Buffer.alloc(10))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect((outcomes[4] as PromiseRejectedResult).reason).toMatchObject({
      code: 'PUBLISH_FAILED',
      message: expect.stringContaining('maxUnconfirmed'),
    });
    const tooLarge = publisher.publish('', queue, Buffer.alloc(0), { headers: { text: 'x'.repeat(70_000) } });
    expect(await refusalOf(tooLarge)).toMatchObject({ code: 'PUBLISH_REJECTED', retriable: false });
    expect(await depth(connection, queue)).toBe(3);
  });

  test('fails with ACCESS_DENIED if the user may not write', async () => {
    await server.ctl('add_user', 'reader', 'reads');
    await server.ctl('set_permissions', 'reader', '', '', '.*');
    const connection = await connect({}, { username: 'reader', password: 'reads' });
    const publisher = await connection.openPublisher();
    expect(await refusalOf(publisher.publish('', 'any', Buffer.alloc(0)))).toMatchObject({ code: 'ACCESS_DENIED', retriable: false });
    const declared = connection.openConsumer(({ channel }) => channel.assertQueue('forbidden'));
    expect(await refusalOf(declared)).toMatchObject({ code: 'ACCESS_DENIED', message: expect.stringContaining('forbidden') });
  });
});

describe('consuming', () => {
  test('gives as many messages at once as prefetch allows, and back what was not acknowledged', async () => {
    const connection = await connect();
    const queue = await declare(connection, queueName('prefetch'));
    const publisher = await connection.openPublisher();
    await Promise.all(['a', 'b', 'c'].map((text) => publisher.publish('', queue, Buffer.from(text))));
    const held: RabbitDelivery[] = [];
    const consumer = await connection.openConsumer(async ({ channel, consume }) => {
      await channel.prefetch(2);
      await consume(queue, (delivery) => void held.push(delivery));
    });
    await eventually(() => held.length === 2, { what: 'two are delivered' });
    expect([consumer.active, consumer.unsettled]).toEqual([true, 2]);
    held[0]?.nack();
    await eventually(() => held.length === 3, { what: 'another one is delivered' });
    for (const delivery of held.slice(1)) delivery.ack();
    await eventually(() => held.length === 4, { what: 'the last one is delivered' });
    expect(held.filter(({ message }) => message.fields.redelivered)).toHaveLength(1);
    held[3]?.ack();
    await consumer.close();
    expect(await depth(connection, queue)).toBe(0);
  });

  test('is set up again when its queue is deleted, and drops acknowledgements of the channel before', async () => {
    const told: Error[] = [];
    const connection = await connect({ onError: (error) => told.push(error) });
    const queue = queueName('deleted');
    const held: RabbitDelivery[] = [];
    let setups = 0;
    await connection.openConsumer(async ({ channel, consume }) => {
      setups++;
      await channel.assertQueue(queue);
      await consume(queue, (delivery) => void held.push(delivery));
    });
    const publisher = await connection.openPublisher();
    await publisher.publish('', queue, Buffer.from('before'));
    await eventually(() => held.length === 1, { what: 'the first is delivered' });
    const side = await connection.openChannel();
    await side.deleteQueue(queue);
    await eventually(() => setups === 2, { what: 'the consumer is set up again' });
    expect(told).toContainEqual(expect.objectContaining({ code: 'CONSUMER_CANCELLED', message: expect.stringContaining(queue) }));
    expect(held[0]?.ack()).toBe(false);
    await eventually(() => publisher.publish('', queue, Buffer.from('after')).then(() => true), { what: 'the queue is there again' });
    await eventually(() => held.length === 2, { what: 'the second is delivered' });
    expect(held[1]?.ack()).toBe(true);
    expect(await depth(connection, queue)).toBe(0);
  });

  test('fails with the reply code of the broker if a queue is missing, or declared with other arguments', async () => {
    const connection = await connect();
    const queue = await declare(connection, queueName('other'), { 'x-max-length': 5 });
    const missing = await refusalOf(connection.openConsumer(({ channel }) => channel.checkQueue('no-such-queue')));
    const different = await refusalOf(connection.openConsumer(({ channel }) => channel.assertQueue(queue, { durable: true })));
    expect([rabbitReplyCode(missing), rabbitReplyCode(different)]).toEqual([404, 406]);
    expect(connection.state.connected).toBe(true);
  });

  test('what a handler throws is told, and the message is delivered again on the next channel', async () => {
    const told: Error[] = [];
    const connection = await connect({ onError: (error) => told.push(error) });
    const queue = await declare(connection, queueName('throws'));
    const publisher = await connection.openPublisher();
    await publisher.publish('', queue, Buffer.from('poison'));
    const consumer = await connection.openConsumer(({ consume }) => consume(queue, () => Promise.reject(new Error('handler failed'))));
    await eventually(() => told.some(({ message }) => message === 'handler failed'), { what: 'onError is told' });
    expect([consumer.active, consumer.unsettled]).toEqual([true, 1]);
  });
});

describe('rabbitCheck', () => {
  const look = (check: HealthCheck) => check.check(new AbortController().signal);

  test('tells a missing queue, a long one and one without consumers apart, on one channel for all looks', async () => {
    const connection = await connect({ name: 'checked' });
    const [long, idle] = [await declare(connection, queueName('long')), await declare(connection, queueName('idle'))];
    const publisher = await connection.openPublisher();
    await Promise.all(['a', 'b'].map((text) => publisher.publish('', long, Buffer.from(text))));
    const check = rabbitCheck(connection, {
      queues: [
        { name: long, maxMessages: 1 },
        { name: idle, minConsumers: 1 },
      ],
      confirmRoundTrip: true,
    });
    expect(await look(check)).toEqual({
      status: 'degraded',
      reason: `queue ${long} holds 2 messages; queue ${idle} has 0 of 1 consumers`,
      faults: [
        { status: 'degraded', code: 'RABBITMQ_QUEUE_LONG', reason: `queue ${long} holds 2 messages` },
        { status: 'degraded', code: 'RABBITMQ_CONSUMERS_MISSING', reason: `queue ${idle} has 0 of 1 consumers` },
      ],
      observations: [
        { measure: 'endpoint', value: `${server.host}:${server.port}` },
        { measure: `${long}.messages`, value: 2, unit: '{message}' },
        { measure: `${long}.consumers`, value: 0, unit: '{consumer}' },
        { measure: `${idle}.messages`, value: 0, unit: '{message}' },
        { measure: `${idle}.consumers`, value: 0, unit: '{consumer}' },
      ],
    });
    const missing = rabbitCheck(connection, { queues: ['no-such-queue', idle] });
    for (let n = 0; n < 5; n++) {
      await look(check);
      expect(await look(missing)).toMatchObject({ status: 'down', reason: 'queue no-such-queue is missing', observations: { length: 3 } });
    }
    expect(await channelCount(server, 'checked')).toBe(4); // the publisher's, that of the round trip, one for each check
    expect((await connectionNames(server)).filter((name) => name === 'checked')).toHaveLength(1);
  });

  test('is down once the connection is lost, with the reason', async () => {
    const queue = await declare(await connect(), queueName('private'));
    await server.ctl('add_user', 'leaving', 'soon');
    await server.ctl('set_permissions', 'leaving', '', '', '');
    const connection = await connect({}, { username: 'leaving', password: 'soon' });
    const check = rabbitCheck(connection, { name: 'tasks-of-others', critical: false, queues: [queue] });
    expect(check).toMatchObject({ name: 'tasks-of-others', critical: false });
    expect(await look(check)).toMatchObject({ status: 'up' });
    await server.ctl('delete_user', 'leaving');
    await server.ctl('close_all_user_connections', 'leaving', 'gone');
    const outcome = await eventually(async () => [await look(check)].find(({ status }) => status === 'down'), {
      what: 'the check is down',
    });
    expect(outcome.reason).toMatch(/^the connection is lost: /);
  });
});

describe('close()', () => {
  test('waits for confirms and for deliveries that are being handled, and leaves nothing on the broker', async () => {
    const connection = await connect({ name: 'closing' });
    const queue = await declare(connection, queueName('closing'));
    const publisher = await connection.openPublisher();
    const held: RabbitDelivery[] = [];
    await connection.openConsumer(({ consume }) => consume(queue, (delivery) => void held.push(delivery)));
    await publisher.publish('', queue, Buffer.from('held'));
    await eventually(() => held.length === 1, { what: 'it is delivered' });
    const confirms = Promise.allSettled(Array.from({ length: 500 }, () => publisher.publish('', queue, Buffer.alloc(400))));
    const closing = connection.close();
    setImmediate(() => held[0]?.ack());
    expect((await confirms).filter(({ status }) => status === 'rejected')).toEqual([]);
    for (const delivery of held) delivery.ack();
    await closing;
    expect(await refusalOf(publisher.publish('', queue, Buffer.alloc(0)))).toMatchObject({ code: 'CONNECTION_CLOSED' });
    expect(await refusalOf(connection.openChannel())).toMatchObject({ code: 'CONNECTION_CLOSED' });
    await eventually(async () => !(await connectionNames(server)).includes('closing'), { what: 'the connection has left' });
  });

  test('may be called twice, ends in the time allowed with a delivery that nobody settles, and that one is delivered again', async () => {
    const connection = await connect({ closeTimeoutMs: 300 });
    const queue = await declare(connection, queueName('unsettled'));
    const publisher = await connection.openPublisher();
    let delivered = 0;
    await connection.openConsumer(({ consume }) => consume(queue, () => void delivered++));
    await publisher.publish('', queue, Buffer.from('held'));
    await eventually(() => delivered === 1, { what: 'it is delivered' });
    const startedAt = performance.now();
    await Promise.all([connection.close(), connection[Symbol.asyncDispose]()]);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    const other = await connect();
    await eventually(async () => (await depth(other, queue)) === 1, { what: 'the message is back' });
  });

  test('of a consumer ends the channel that is being set up again, at once, so that nothing is delivered afterwards', async () => {
    const connection = await connect({ name: 'halfway', closeTimeoutMs: 20_000, setupTimeoutMs: 20_000 });
    const queue = await declare(connection, queueName('halfway'));
    const publisher = await connection.openPublisher();
    const got: string[] = [];
    const setups: Amqp.Channel[] = [];
    let finish = (): void => undefined;
    const consumer = await connection.openConsumer(async ({ channel, consume }) => {
      await consume(queue, ({ message }) => void got.push(String(message.content)));
      setups.push(channel);
      if (setups.length === 2) await new Promise<void>((resolve) => (finish = resolve));
    });
    await setups[0]?.close();
    await eventually(() => setups.length === 2, { what: 'it is being set up again' });
    const startedAt = performance.now();
    await consumer.close();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    finish();
    await publisher.publish('', queue, Buffer.from('after'));
    await eventually(async () => (await depth(connection, queue)) === 1, { what: 'the message waits for somebody else' });
    expect([got, consumer.active]).toEqual([[], false]);
    await eventually(async () => (await channelCount(server, 'halfway')) === 1, { what: 'only the channel of the publisher is left' });
  });

  test('of a publisher ends the channel that is being set up again, at once', async () => {
    const connection = await connect({ name: 'unready', closeTimeoutMs: 20_000, setupTimeoutMs: 20_000 });
    const setups: Amqp.Channel[] = [];
    const publisher = await connection.openPublisher(async (channel) => {
      setups.push(channel);
      if (setups.length === 2) await new Promise(() => undefined);
    });
    await setups[0]?.close();
    await eventually(() => setups.length === 2, { what: 'it is being set up again' });
    const startedAt = performance.now();
    await publisher.close();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await eventually(async () => (await channelCount(server, 'unready')) === 0, { what: 'no channel is left' });
  });
});
