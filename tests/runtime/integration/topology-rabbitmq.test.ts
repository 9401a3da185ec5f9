import type { Channel } from 'amqplib';
import { referenceTopology } from '../../../environments/topology.ts';
import { managementOf } from '../../../runtime/src/connections/rabbitmq/management.ts';
import { levelBindingKey } from '../../../runtime/src/contracts/rabbit-delays.ts';
import type { TopologyInput } from '../../../runtime/src/contracts/topology.ts';
import { openRabbitDriver } from '../../../runtime/src/topology/drivers/rabbitmq/index.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/ports.ts';
import { startTestRabbit, type TestRabbit } from '../../support/servers.ts';
import { type TestAuthority, testAuthority } from '../../support/test-authority.ts';
import { refusalOf } from '../support/rabbit.ts';
import { applyAll, type Broker, type BrokerChange, brokerHandle, openBroker, parsed, startDyingFront } from '../support/rabbit-topology.ts';

let server: TestRabbit;
let authority: TestAuthority;
let broker: Broker;

beforeAll(async () => {
  [server, authority] = await Promise.all([startTestRabbit({ settings: { collect_statistics_interval: '1000' } }), testAuthority()]);
}, 120_000);
afterAll(async () => {
  await server?.stop();
  await authority?.remove();
});
beforeEach(async () => {
  broker = await openBroker(server);
});
afterEach(() => broker?.[Symbol.asyncDispose]());

const service = 'tasks';
/** 20 levels with a queue, an exchange and two bindings each; the exchange of what is due; exchange, queue and binding of what has no queue. */
const objectsOfDelays = 84;
const isNoDelay = ({ name }: { readonly name: string }): boolean => !/\/millrace\.delay\./.test(name);
const reference = referenceTopology({ tasks: { kind: 'rabbitmq', role: 'tasks' } }, 'process');

async function byHand<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await broker.connection.openChannel();
  const outcome = await work(channel);
  await channel.close();
  return outcome;
}

describe('applying', () => {
  test('the reference topology makes everything once; after that nothing differs', async () => {
    const made = await broker.apply(reference);
    const changes = made.filter(isNoDelay);
    expect(made.length - changes.length).toBe(objectsOfDelays + Object.keys(reference.queues ?? {}).length);
    const { queues = {}, exchanges = {}, bindings = [] } = reference;
    const kinds = changes.map(({ name }) => name.split('/')[1]);
    const times = (kind: string, count: number) => Array.from({ length: count }, () => kind);
    expect(kinds).toEqual([
      ...times('exchange', Object.keys(exchanges).length),
      ...times('queue', Object.keys(queues).length),
      ...times('binding', bindings.length),
    ]);
    expect(changes.find(({ name }) => name.startsWith('tasks/queue/'))?.name).toBe('tasks/queue/tasks.dlq');
    expect(changes.filter(({ action }) => action !== 'create')).toEqual([]);
    expect(changes.filter(({ danger }) => danger !== undefined)).toEqual([]);
    const startedAt = performance.now();
    expect(await broker.compare(reference)).toEqual({ changes: [], notes: [] });
    // 30 ms as a rule; the bound leaves room for what runs beside it.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test('the same change twice is no fault', async () => {
    const driver = await broker.driver(reference);
    const { changes } = await driver.compare();
    for (const change of [...changes, ...changes]) await driver.apply(change);
    expect((await driver.compare()).changes).toEqual([]);
  });

  test('headers route when all of them are there, or one of them', async () => {
    await broker.apply({
      exchanges: { tagged: { service, type: 'headers' } },
      queues: { both: { service }, either: { service } },
      bindings: [
        { exchange: 'tagged', queue: 'both', headers: { country: 'de', kind: 'mail' } },
        { exchange: 'tagged', queue: 'either', headers: { country: 'de', kind: 'mail' }, match: 'any' },
      ],
    });
    await using publisher = await broker.connection.openPublisher();
    for (const headers of [{ country: 'de' }, { country: 'de', kind: 'mail' }])
      await publisher.publish('tagged', '', Buffer.from(''), { headers });
    const refusal = await refusalOf(publisher.publish('tagged', '', Buffer.from(''), { headers: { country: 'fr' } }));
    expect(refusal.code).toBe('MESSAGE_UNROUTABLE');
    expect([await broker.ready('both'), await broker.ready('either')]).toEqual([1, 2]);
  });

  test('what a consumer gives up, and what is too old, is in the dead-letter queue', async () => {
    await broker.apply({
      queues: {
        once: { service, maxRetries: 1, deadLetterQueue: 'dead' },
        brief: { service, ttlSeconds: 1, deadLetterQueue: 'dead' },
        dead: { service },
      },
    });
    await broker.publish('once', 1);
    await byHand(async (channel) => {
      for (const attempt of [1, 2]) {
        const message = await eventually(() => channel.get('once'), { what: `delivery ${attempt} is there` });
        channel.nack(message, false, true);
      }
    });
    await eventually(async () => (await broker.ready('dead')) === 1, { what: 'the rejected message is dead' });
    await broker.publish('brief', 1);
    expect(await broker.ready('dead')).toBe(1);
    await eventually(async () => (await broker.ready('dead')) === 2, { what: 'the old message is dead' });
    expect(await broker.ready('brief')).toBe(0);
  });
});

describe('topics', () => {
  const orders = (change: Partial<NonNullable<TopologyInput['topics']>[string]> = {}): TopologyInput => ({
    topics: { orders: { transports: [{ kind: 'rabbitmq', service }], shards: 2, consumers: [{ group: 'emails' }], ...change } },
  });

  test('get all they need once; what is taken from them by hand is drift, and made again', async () => {
    await broker.apply(orders());
    expect(await broker.compare(orders())).toEqual({ changes: [], notes: [] });
    await byHand(async (channel) => {
      await channel.deleteQueue('orders.emails.1');
      await channel.unbindQueue('orders.emails.0', 'orders', '0.*');
      await channel.unbindExchange('millrace.delay.4', 'millrace.delay.5', levelBindingKey(5, 0));
      await channel.deleteQueue('millrace.delay.7');
    });
    const { changes } = await broker.compare(orders());
    expect(changes.map(({ name, action }) => `${action} ${name.replaceAll('*.', '')}`)).toEqual([
      ...['create tasks/queue/millrace.delay.7', 'create tasks/queue/orders.emails.1'],
      'create tasks/binding/millrace.delay.5/exchange:millrace.delay.4/0.#',
      'create tasks/binding/millrace.delay.7/millrace.delay.7/1.#',
      'create tasks/binding/orders/orders.emails.0/0.*',
      'create tasks/binding/orders/orders.emails.1/1.*',
      'create tasks/binding/millrace.delay.due/orders.emails.1/topic.orders.1.*',
    ]);
    await broker.apply(orders());
    expect((await broker.compare(orders())).changes).toEqual([]);
  });

  test('keep what other groups have when one is added; one that is not declared any more is shown with what it holds', async () => {
    await broker.apply(orders());
    await broker.publish('orders.emails.0', 3);
    const added = await broker.apply(orders({ consumers: [{ group: 'emails' }, { group: 'stock' }] }));
    expect(added.every(({ action, name }) => action === 'create' && name.includes('stock'))).toBe(true);
    const { changes } = await broker.compare(orders({ consumers: [{ group: 'stock' }] }));
    expect(changes.every(({ action, undeclared }) => action === 'delete' && undeclared === true)).toBe(true);
    expect(changes.find(({ name }) => name === 'tasks/queue/orders.emails.0')?.danger?.sentence).toContain('3 messages');
  });
});

describe('a difference', () => {
  const declare = (ttlSeconds: number, type: 'quorum' | 'classic' = 'quorum'): TopologyInput => ({
    queues: { mails: { service, type, ttlSeconds } },
    exchanges: { all: { service, type: 'fanout' } },
    bindings: [{ exchange: 'all', queue: 'mails' }],
  });

  test.each(['quorum', 'classic'] as const)(
    'in an argument of a %s queue names the messages that would be lost; allowed, the queue is made anew',
    async (type) => {
      await broker.apply(declare(600, type));
      await broker.publish('mails', 3);
      const { changes } = await broker.compare(declare(900, type));
      expect(changes).toEqual([
        {
          name: 'tasks/queue/mails',
          action: 'replace',
          differences: [{ property: 'x-message-ttl', live: '600000', declared: '900000' }],
          danger: {
            sentence:
              'deletes the queue and makes it anew (x-message-ttl cannot be changed), losing 3 messages; what is published meanwhile is unroutable',
            messages: 3,
          },
        },
      ]);
      await broker.apply(declare(900, type));
      expect((await broker.compare(declare(900, type))).changes).toEqual([]);
      await using publisher = await broker.connection.openPublisher();
      await publisher.publish('all', '', Buffer.from(''));
      expect(await broker.ready('mails')).toBe(1);
    },
  );

  test('in the type of an exchange keeps its queues: they are bound again', async () => {
    const declared = (type: 'direct' | 'topic'): TopologyInput => ({
      queues: { mails: { service } },
      exchanges: { events: { service, type } },
      bindings: [{ exchange: 'events', queue: 'mails', routingKey: 'mail' }],
    });
    await broker.apply(declared('direct'));
    await broker.publish('mails', 1);
    const changes = await broker.apply(declared('topic'));
    expect(changes).toMatchObject([
      { name: 'tasks/exchange/events', action: 'replace', danger: { sentence: expect.stringContaining('(type cannot be changed)') } },
    ]);
    expect((await broker.compare(declared('topic'))).changes).toEqual([]);
    expect(await broker.ready('mails')).toBe(1);
  });

  test('in a binding makes the new one and shows the old one', async () => {
    const bound = (routingKey: string): TopologyInput => ({
      queues: { mails: { service } },
      exchanges: { events: { service, type: 'topic' } },
      bindings: [{ exchange: 'events', queue: 'mails', routingKey }],
    });
    await broker.apply(bound('a/b.#'));
    await broker.apply(bound('c.#'));
    const driver = await broker.driver(bound('c.#'));
    const { changes } = await driver.compare();
    expect(changes).toMatchObject([{ name: 'tasks/binding/events/mails/a%2Fb.#', action: 'delete', undeclared: true }]);
    await driver.apply(changes[0]!);
    expect((await driver.compare()).changes).toEqual([]);
  });

  test('made by hand is shown with what it holds, and left alone until its name is allowed', async () => {
    const declaration = declare(600);
    await broker.apply(declaration);
    await byHand(async (channel) => {
      await channel.assertQueue('by hand/1', { durable: true });
      await channel.assertExchange('spare', 'direct', { durable: true });
      await channel.bindQueue('by hand/1', 'spare', 'x');
    });
    await broker.publish('by hand/1', 2);
    expect(await broker.apply(declaration)).toEqual([]);
    const driver = await broker.driver(declaration);
    const { changes } = await driver.compare();
    expect(changes).toMatchObject([
      {
        name: 'tasks/queue/by hand/1',
        action: 'delete',
        undeclared: true,
        danger: { sentence: 'deletes the queue, 1 binding and 2 messages', messages: 2 },
      },
      { name: 'tasks/exchange/spare', action: 'delete', undeclared: true },
    ]);
    for (const change of changes) await driver.apply(change);
    expect((await driver.compare()).changes).toEqual([]);
  });

  test("is none where RabbitMQ's own objects and those of connections are concerned", async () => {
    await byHand(async (channel) => {
      await channel.assertQueue('', { exclusive: true });
      await channel.assertQueue('passing', { durable: false, autoDelete: true });
      await channel.assertExchange('passing', 'fanout', { durable: false });
      await channel.bindQueue('passing', 'amq.topic', '#');
      expect((await broker.compare({})).changes).toEqual([]);
    });
  });

  test('of a policy is a problem that names it', async () => {
    await broker.apply(declare(600, 'classic'));
    const management = managementOf(broker.handle);
    const path = `/operator-policies/${broker.vhost}/short`;
    await management.ask({
      method: 'PUT',
      path,
      body: { pattern: '.*', 'apply-to': 'queues', definition: { 'message-ttl': 1_000, expires: 9_000_000 } },
    });
    const notes = await eventually(
      async () => {
        const found = (await broker.compare(declare(600, 'classic'))).notes;
        return found.length > 0 && found;
      },
      { what: 'the policy is seen' },
    );
    expect(notes.filter(isNoDelay)).toEqual([
      {
        level: 'problem',
        name: 'tasks/queue/mails',
        sentence:
          'policy short gives it expires 9000000 instead of none, message-ttl 1000 instead of 600000; declare that, or remove it with rabbitmqctl clear_policy or clear_operator_policy',
      },
    ]);
    await management[Symbol.asyncDispose]();
  });
});

describe('since it was compared', () => {
  test('a queue that was made anew by someone else is not touched', async () => {
    await broker.apply({ queues: { mails: { service, ttlSeconds: 600 } } });
    const driver = await broker.driver({ queues: { mails: { service, ttlSeconds: 900 } } });
    const [change] = (await driver.compare()).changes;
    await byHand(async (channel) => {
      await channel.deleteQueue('mails');
      await channel.assertQueue('mails', { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-message-ttl': 1 } });
    });
    expect(await refusalOf(driver.apply(change!))).toMatchObject({
      code: 'TOPOLOGY_CONFLICT',
      message: 'tasks/queue/mails was changed by someone else since it was compared: x-message-ttl is 1, not 600000; compare again',
    });
  });

  test.each(['quorum', 'classic'] as const)('a %s queue that was empty has got messages: they are kept', async (type) => {
    await broker.apply({ queues: { mails: { service, type, ttlSeconds: 600 } } });
    const driver = await broker.driver({ queues: { mails: { service, type, ttlSeconds: 900 } } });
    const [change] = (await driver.compare()).changes;
    expect(change).toMatchObject({ danger: { messages: 0 } });
    await broker.publish('mails', 2);
    expect(await refusalOf(driver.apply(change!))).toMatchObject({
      code: 'TOPOLOGY_CONFLICT',
      message: 'tasks/queue/mails was empty when it was compared and now holds 2 messages; compare again',
    });
    expect(await broker.ready('mails')).toBe(2);
  });

  test('a queue of the same name and other arguments was made where there was none: it is left', async () => {
    const driver = await broker.driver({ queues: { mails: { service } } });
    const change = (await driver.compare()).changes.find(({ name }) => name === 'tasks/queue/mails');
    await byHand((channel) => channel.assertQueue('mails', { durable: true, arguments: { 'x-queue-type': 'classic' } }));
    expect(await refusalOf(driver.apply(change!))).toMatchObject({
      code: 'TOPOLOGY_CONFLICT',
      message: expect.stringContaining('x-queue-type is classic, not quorum'),
    });
  });
});

test('killed after any change, the next run completes it and touches nothing else', async () => {
  const before: TopologyInput = {
    queues: { mails: { service, ttlSeconds: 600 }, kept: { service } },
    exchanges: { all: { service, type: 'direct' } },
    bindings: [
      { exchange: 'all', queue: 'mails', routingKey: 'm' },
      { exchange: 'all', queue: 'kept', routingKey: 'k' },
    ],
  };
  const after: TopologyInput = {
    queues: { mails: { service, ttlSeconds: 900, deadLetterQueue: 'dead' }, kept: { service }, dead: { service } },
    exchanges: { all: { service, type: 'topic' } },
    bindings: [...before.bindings!, { exchange: 'all', queue: 'dead', routingKey: 'd.#' }],
  };
  const certificate = await authority.issue();
  const ca = server.ca + authority.ca;
  await broker.apply(before);
  await broker.publish('kept', 1);
  const traces: string[] = [];
  for (let mutations = 1, finished = false; !finished; mutations += 1) {
    expect(mutations).toBeLessThan(20);
    const front = await startDyingFront(server, certificate, mutations);
    const handle = brokerHandle(server, { vhost: broker.vhost, managementPorts: [front.port], ca });
    const signal = new AbortController().signal;
    const driver = await openRabbitDriver({ service: handle, topology: parsed(after), signal });
    finished = await applyAll(driver).then(
      () => true,
      () => false,
    );
    await driver[Symbol.asyncDispose]();
    await front.close();
    traces.push(front.seen.at(-1) ?? 'nothing');
    await broker.apply(after);
    expect((await broker.compare(after)).changes).toEqual([]);
    expect(await broker.ready('kept')).toBe(1);
    // Back to the beginning, so that the next kill comes later in the same work.
    if (!finished) {
      await broker.apply(before);
      await byHand((channel) => channel.deleteQueue('dead'));
    }
  }
  expect(traces.map((trace) => trace.split(' ')[0])).toEqual(expect.arrayContaining(['PUT', 'DELETE', 'POST']));
});

describe('one clear sentence, where', () => {
  const refusal = async (change: BrokerChange, declaration: TopologyInput = {}) => {
    const handle = brokerHandle(server, { vhost: broker.vhost, ...change });
    await using driver = await openRabbitDriver({ service: handle, topology: parsed(declaration), signal: new AbortController().signal });
    // Awaited: the driver must not be closed before.
    return await refusalOf(applyAll(driver));
  };
  const where = () => `rabbitmq service tasks (127.0.0.1:${server.managementPort})`;

  test('the password is wrong', async () => {
    const { code, message } = await refusal({ env: { PASSWORD: 'wrong' } });
    expect({ code, message }).toEqual({
      code: 'CONNECTION_REFUSED_CREDENTIALS',
      message: `${where()} refused user admin or the password at the management interface, which takes users with the tag management or a higher one`,
    });
  });

  test('nobody answers', async () => {
    const port = await freePorts();
    const { code, message } = await refusal({ managementPorts: [port] });
    expect({ code, message }).toEqual({
      code: 'CONNECTION_FAILED',
      message: `no connection to rabbitmq service tasks (127.0.0.1:${port}): connect ECONNREFUSED 127.0.0.1:${port}`,
    });
  });

  test('the authority is another', async () => {
    const { code, message } = await refusal({ ca: authority.ca });
    expect({ code, message }).toEqual({ code: 'CONNECTION_TLS_FAILED', message: expect.stringContaining(`TLS with ${where()} failed`) });
  });

  test('the virtual host is missing', async () => {
    const { code, message } = await refusal({ vhost: 'nowhere' });
    expect({ code, message }).toEqual({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining('has no virtual host nowhere for this user (status 404)'),
    });
  });

  test('the user may look, and not make', async () => {
    const management = managementOf(broker.handle);
    await management.ask({ method: 'PUT', path: '/users/reader', body: { password: 'reads', tags: 'monitoring' } });
    await management.ask({
      method: 'PUT',
      path: `/permissions/${broker.vhost}/reader`,
      body: { configure: '^$', write: '^$', read: '.*' },
    });
    await management[Symbol.asyncDispose]();
    const { code, message } = await refusal({ username: 'reader', env: { PASSWORD: 'reads' } }, { queues: { mails: { service } } });
    expect({ code, message }).toEqual({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining(`does not permit user reader to PUT /exchanges/${broker.vhost}/`),
    });
  });

  test('a connection keeps a queue of that name to itself', async () => {
    await byHand(async (channel) => {
      await channel.assertQueue('mails', { exclusive: true, durable: true });
      const { code, message } = await refusal({}, { queues: { mails: { service } } });
      expect({ code, message }).toEqual({ code: 'TOPOLOGY_REFUSED', message: expect.stringContaining('tasks/queue/mails') });
    });
  });

  test('RabbitMQ refuses what is declared', async () => {
    const { code, message } = await refusal({}, { queues: { mails: { service, ttlSeconds: 101 * 366 * 86_400 } } });
    expect({ code, message }).toEqual({
      code: 'TOPOLOGY_REFUSED',
      message: expect.stringContaining("refused tasks/queue/mails: invalid arg 'x-message-ttl'"),
    });
  });
});
