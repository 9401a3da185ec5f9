import { wrap } from '../../../runtime/src/binding/index.ts';
import { managementOf } from '../../../runtime/src/connections/rabbitmq/management.ts';
import { bindingName } from '../../../runtime/src/contracts/object-names.ts';
import { delayLevel, dueExchange, strandedName } from '../../../runtime/src/contracts/rabbit-delays.ts';
import type { ExchangeBinding } from '../../../runtime/src/contracts/rabbit-objects.ts';
import { type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { queueCounter } from '../../../runtime/src/topology/drivers/rabbitmq/count.ts';
import { declaredOn, mirrorsOn } from '../../../runtime/src/topology/drivers/rabbitmq/declared.ts';
import { compare, doomedQueues } from '../../../runtime/src/topology/drivers/rabbitmq/diff.ts';
import type { Declared, Exchange, Live, LiveQueue } from '../../../runtime/src/topology/drivers/rabbitmq/model.ts';
import { notesOn } from '../../../runtime/src/topology/drivers/rabbitmq/notes.ts';

test('a binding without an endpoint for management is refused by name', () => {
  const auth = { mode: 'password', username: 'admin', secretRef: { from: 'env', id: 'P' } } as const;
  const binding = wrap({
    tasks: { kind: 'rabbitmq', role: 'tasks', endpoints: [{ purpose: 'primary', host: 'rabbit-0', port: 5671 }], auth },
  });
  expect(() => managementOf(binding.service('tasks'))).toThrow(
    'service tasks needs an endpoint with purpose management, got primary; add one to the binding',
  );
});

const service = 'tasks';
const all = (input: TopologyInput): Declared => declaredOn(topologySchema.parse(input), service);
/** Without the delays, which every broker with queues has. */
const declare = (input: TopologyInput): Declared => {
  const { exchanges, queues, bindings, ...rest } = all(input);
  const isNoDelay = (name: string): boolean => !name.startsWith('millrace.delay.');
  return {
    ...rest,
    exchanges: exchanges.filter(({ name }) => isNoDelay(name)),
    queues: queues.filter(({ name }) => isNoDelay(name)),
    bindings: bindings.filter(({ source }) => isNoDelay(source)),
  };
};
const argumentsOf = (queue: Omit<NonNullable<TopologyInput['queues']>[string], 'service'>) =>
  declare({ queues: { mails: { service, ...queue }, dead: { service } } }).queues.find(({ name }) => name === 'mails')?.arguments;

describe('what is declared', () => {
  test.each([
    ['nothing else', {}, { 'x-queue-type': 'quorum' }],
    ['a classic queue with priorities', { type: 'classic', maxPriority: 5 }, { 'x-queue-type': 'classic', 'x-max-priority': 5 }],
    ['an age', { ttlSeconds: 60 }, { 'x-queue-type': 'quorum', 'x-message-ttl': 60_000 }],
    [
      'retries, and where dead letters go: not let go of before they are there',
      { maxRetries: 3, deadLetterQueue: 'dead' },
      {
        'x-queue-type': 'quorum',
        'x-delivery-limit': 3,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': 'dead',
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
      },
    ],
    [
      'retries of a classic queue, which the consumer counts',
      { type: 'classic', maxRetries: 3, deadLetterQueue: 'dead' },
      { 'x-queue-type': 'classic', 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' },
    ],
    ['how many messages a consumer asks for', { prefetch: 7 }, { 'x-queue-type': 'quorum' }],
  ] as const)('of a queue: %s', (_, queue, expected) => expect(argumentsOf(queue)).toEqual(expected));

  test('dead-letter queues stand before the queues whose dead letters they take', () => {
    const { queues } = declare({
      queues: {
        a: { service, deadLetterQueue: 'b' },
        b: { service, deadLetterQueue: 'c' },
        c: { service },
        d: { service, deadLetterQueue: 'c' },
      },
    });
    expect(queues.map(({ name }) => name)).toEqual(['c', 'b', 'd', 'a']);
  });

  test('objects of other brokers are left to these', () => {
    const { queues, exchanges, bindings } = declare({
      queues: { own: { service }, other: { service: 'jobs' } },
      exchanges: { own: { service, type: 'fanout' }, other: { service: 'jobs', type: 'fanout' } },
      bindings: [
        { exchange: 'own', queue: 'own' },
        { exchange: 'other', queue: 'other' },
      ],
    });
    expect([queues.length, exchanges.length, bindings.length]).toEqual([1, 1, 1]);
  });
});

describe('what topics need', () => {
  const topics: TopologyInput = {
    topics: {
      orders: { transports: [{ kind: 'rabbitmq', service }], shards: 2, consumers: [{ group: 'emails' }] },
      elsewhere: { transports: [{ kind: 'kafka', service: 'log' }], consumers: [{ group: 'emails' }] },
    },
  };

  test('is an exchange, and for each group its dead letters, and a queue and a log of attempts a shard', () => {
    const { exchanges, queues, bindings } = declare(topics);
    expect(exchanges).toMatchObject([{ name: 'orders', type: 'topic', durable: true, arguments: {} }]);
    expect(queues.map(({ name }) => name)).toEqual([
      ...['orders.dead.emails', 'orders.emails.0.attempts', 'orders.emails.1.attempts', 'orders.emails.0', 'orders.emails.1'],
    ]);
    expect(queues.at(-1)!.arguments).toEqual({
      'x-queue-type': 'quorum',
      'x-single-active-consumer': true,
      'x-delivery-limit': 1_000,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'orders.dead.emails',
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    });
    expect(bindings.map(({ source, destination, routingKey }) => [source, destination, routingKey])).toEqual([
      ['orders', 'orders.emails.0', '0.*'],
      ['orders', 'orders.emails.1', '1.*'],
    ]);
  });

  test('is a ladder of delays, whose steps keep a message until the next one has it, and nothing without queues', () => {
    const { exchanges, queues, bindings } = all(topics);
    const level = queues.find(({ name }) => name === delayLevel(3));
    expect(level?.arguments).toEqual({
      'x-queue-type': 'quorum',
      'x-message-ttl': 8_000,
      'x-dead-letter-exchange': delayLevel(2),
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    });
    expect(queues.find(({ name }) => name === delayLevel(0))?.arguments).toMatchObject({ 'x-dead-letter-exchange': dueExchange });
    expect(exchanges.find(({ name }) => name === dueExchange)?.arguments).toEqual({ 'alternate-exchange': strandedName });
    const due = bindings.filter(({ source }) => source === dueExchange).map(({ destination, routingKey }) => [destination, routingKey]);
    const bits = '*.'.repeat(20);
    expect(due).toEqual([
      ['orders.emails.0', `${bits}topic.orders.0.*`],
      ['orders.emails.1', `${bits}topic.orders.1.*`],
    ]);
    expect(all({ queues: { mails: { service } } }).bindings.at(-1)).toMatchObject({
      destination: 'mails',
      routingKey: `${bits}queue.mails`,
    });
    expect(all({ topics: { elsewhere: topics.topics!.elsewhere! } })).toEqual({
      exchanges: [],
      queues: [],
      bindings: [],
      tenantTopics: [],
    });
  });

  test('is not what a consumer of one tenant has made for itself, on a topic that isolates tenants', () => {
    const isolated: TopologyInput = {
      topics: { chat: { transports: [{ kind: 'rabbitmq', service }], isolation: 'tenant', consumers: [{ group: 'web' }] } },
    };
    const live = (declared: Declared): Live => ({
      ...carriedOut(declared),
      queues: [
        ...carriedOut(declared).queues,
        ...['chat.web@acme.0', 'chat.dead.web@acme', 'chat.web@a%2Eb.0.attempts', 'chat.other'].map((name) => liveQueue(name)),
      ],
    });
    expect(compare(service, all(isolated), live(all(isolated))).map(({ change }) => change.name)).toEqual(['tasks/queue/chat.other']);
  });
});

describe('the name of a binding', () => {
  const binding: ExchangeBinding = { source: 'events', destination: 'mails', destinationType: 'queue', routingKey: '', arguments: {} };
  test.each<[string, Partial<ExchangeBinding>]>([
    ['events/mails', {}],
    ['events/mails/orders.#', { routingKey: 'orders.#' }],
    ['events/mails/a=1,x-match=all', { arguments: { 'x-match': 'all', a: '1' } }],
    ['events/mails/a:=1', { arguments: { a: 1 } }],
    ['events/mails/a%3D1', { routingKey: 'a=1' }],
    ['events/mails/key/a=1', { routingKey: 'key', arguments: { a: '1' } }],
    ['events/exchange:mails', { destinationType: 'exchange' }],
    ['events/exchange%3Amails', { destination: 'exchange:mails' }],
    ['a%2Fb/c%2Fd', { source: 'a/b', destination: 'c/d' }],
  ])('%s', (expected, change) => expect(bindingName({ ...binding, ...change })).toBe(expected));
});

const builtIn = (name: string): Exchange => ({ name, type: 'topic', durable: true, autoDelete: false, internal: false, arguments: {} });
const liveQueue = (name: string, change: Partial<LiveQueue> = {}): LiveQueue => ({
  ...{ name, durable: true, autoDelete: false, exclusive: false, arguments: { 'x-queue-type': 'quorum' } },
  ...{ messages: 0, unacknowledged: 0, bytes: 0, consumers: 0, policies: [], policyDefinition: {} },
  ...change,
});
const empty: Live = { version: '4.2.1', exchanges: [builtIn(''), builtIn('amq.topic')], queues: [], bindings: [] };

/** What a server has that was made as declared. */
function carriedOut(declared: Declared): Live {
  return {
    ...empty,
    exchanges: [...empty.exchanges, ...declared.exchanges],
    queues: declared.queues.map((queue) => liveQueue(queue.name, queue)),
    bindings: [
      ...declared.queues.map(({ name }) => ({ ...byDefault(name), propertiesKey: name })),
      ...declared.bindings.map((binding) => ({ ...binding, propertiesKey: 'key' })),
    ],
  };
}

const byDefault = (queue: string): ExchangeBinding => ({
  source: '',
  destination: queue,
  destinationType: 'queue',
  routingKey: queue,
  arguments: {},
});

describe('the difference', () => {
  const declared = declare({
    queues: { mails: { service }, files: { service, type: 'classic' } },
    exchanges: { all: { service, type: 'fanout' } },
    bindings: [{ exchange: 'all', queue: 'mails' }],
  });
  const changesFor = (live: Live) => compare(service, declared, live).map(({ change }) => change);

  test('is none when everything is as declared', () => expect(changesFor(carriedOut(declared))).toEqual([]));

  test('makes queues and exchanges before what binds them', () => {
    expect(changesFor(empty).map(({ action, name }) => `${action} ${name}`)).toEqual([
      'create tasks/exchange/all',
      'create tasks/queue/files',
      'create tasks/queue/mails',
      'create tasks/binding/all/mails',
    ]);
  });

  test('of a queue tells every argument, and what would be lost', () => {
    const live = carriedOut(declared);
    const busy = { messages: 12, bytes: 3_400, consumers: 1, arguments: { 'x-queue-type': 'classic', 'x-max-length': 10 }, durable: false };
    const foreign = {
      source: 'amq.topic',
      destination: 'mails',
      destinationType: 'queue',
      routingKey: 'x',
      arguments: {},
      propertiesKey: 'x',
    } as const;
    const plan = compare(service, declared, {
      ...live,
      queues: [liveQueue('mails', busy), liveQueue('files', { arguments: { 'x-queue-type': 'classic' } })],
      bindings: [...live.bindings, foreign],
    });
    expect(plan).toMatchObject([
      {
        change: {
          name: 'tasks/queue/mails',
          action: 'replace',
          differences: [
            { property: 'durable', live: 'false', declared: 'true' },
            { property: 'x-max-length', live: '10', declared: undefined },
            { property: 'x-queue-type', live: 'classic', declared: 'quorum' },
          ],
          danger: {
            sentence:
              'deletes the queue and makes it anew (durable, x-max-length and x-queue-type cannot be changed), losing 12 messages and 1 binding that nothing declares and cutting off 1 consumer; what is published meanwhile is unroutable',
            messages: 12,
            bytes: 3_400,
          },
        },
        step: { bindings: [{ source: 'all', destination: 'mails' }] },
      },
      { change: { name: 'tasks/binding/amq.topic/mails/x', action: 'delete', undeclared: true } },
    ]);
  });

  test('of an exchange tells its type', () => {
    const live = carriedOut(declared);
    const exchanges = live.exchanges.map((each) => (each.name === 'all' ? { ...each, type: 'direct' } : each));
    expect(changesFor({ ...live, exchanges })).toMatchObject([
      {
        name: 'tasks/exchange/all',
        action: 'replace',
        differences: [{ property: 'type', live: 'direct', declared: 'fanout' }],
        danger: { sentence: 'deletes the exchange and makes it anew (type cannot be changed); what is published meanwhile is refused' },
      },
    ]);
  });

  test('tells of what nothing declares: bindings between declared objects, queues and exchanges with all that hangs on them', () => {
    const live = carriedOut(declared);
    const bind = (source: string, destination: string) =>
      ({ source, destination, destinationType: 'queue', routingKey: 'k', arguments: {}, propertiesKey: 'k' }) as const;
    const found = changesFor({
      ...live,
      queues: [
        ...live.queues,
        liveQueue('old', { messages: 1, bytes: 0 }),
        liveQueue('passing', { autoDelete: true }),
        liveQueue('amq.gen-1'),
      ],
      exchanges: [...live.exchanges, builtIn('old'), { ...builtIn('federated'), internal: true }, { ...builtIn('brief'), durable: false }],
      bindings: [...live.bindings, bind('all', 'files'), bind('old', 'old'), bind('all', 'old'), bind('all', 'passing')],
    });
    expect(found).toMatchObject([
      { name: 'tasks/binding/all/files/k', danger: { sentence: 'stops what reaches queue files from exchange all this way' } },
      { name: 'tasks/queue/old', danger: { sentence: 'deletes the queue, 2 bindings and 1 message', messages: 1 } },
      {
        name: 'tasks/exchange/old',
        danger: { sentence: 'deletes the exchange and 1 binding; what is published to it is refused from then on' },
      },
    ]);
    expect(found.every(({ undeclared, action }) => undeclared === true && action === 'delete')).toBe(true);
    // Bytes that were collected before the message came say nothing about it.
    expect(found[1]?.danger).not.toHaveProperty('bytes');
  });

  test('has messages counted only where they would be lost', () => {
    const live = carriedOut(declared);
    expect(doomedQueues(declared, live)).toEqual([]);
    const queues = [...live.queues.slice(1), liveQueue('files'), liveQueue('old'), liveQueue('amq.gen-1')];
    expect(doomedQueues(declared, { ...live, queues })).toEqual(['files', 'old']);
  });
});

describe('a note tells', () => {
  const declared = declare({
    queues: { mails: { service, ttlSeconds: 60, maxRetries: 3, deadLetterQueue: 'dead' }, dead: { service, maxRetries: 9 } },
  });
  const withPolicy = (policyDefinition: LiveQueue['policyDefinition']): Live => {
    const live = carriedOut(declared);
    return {
      ...live,
      queues: live.queues.map((queue) => (queue.name === 'mails' ? { ...queue, policies: ['a', 'b'], policyDefinition } : queue)),
    };
  };

  test.each<[string, LiveQueue['policyDefinition'], string]>([
    ['a shorter life', { 'message-ttl': 1_000 }, 'message-ttl 1000 instead of 60000'],
    ['a limit that is not declared', { 'max-length': 5 }, 'max-length 5 instead of none'],
    ['another overflow, which comes before the argument', { overflow: 'drop-head' }, 'overflow "drop-head" instead of "reject-publish"'],
  ])('of a policy: %s', (_, definition, told) => {
    expect(notesOn(service, declared, withPolicy(definition), [])).toEqual([
      { level: 'problem', name: 'tasks/queue/mails', sentence: expect.stringContaining(`policy a and b gives it ${told}; `) },
    ]);
  });

  test.each<[string, LiveQueue['policyDefinition']]>([
    ['has a higher number', { 'message-ttl': 90_000 }],
    ['names another dead-letter exchange, because the argument holds', { 'dead-letter-exchange': 'other' }],
    ['is about something else', { 'ha-mode': 'all', 'queue-version': 2 }],
  ])('nothing of a policy that %s', (_, definition) => expect(notesOn(service, declared, withPolicy(definition), [])).toEqual([]));

  test('what RabbitMQ 4 does with messages that come back again and again, where no limit and no dead-letter queue is declared', () => {
    const plain = declare({ queues: { mails: { service } } });
    const notes = (version: string) => notesOn(service, plain, { ...carriedOut(plain), version }, []);
    expect(notes('3.13.7')).toEqual([]);
    expect(notes('4.0.0')).toMatchObject([
      { level: 'info', name: 'tasks/queue/mails', sentence: expect.stringContaining('more than 20 times') },
    ]);
  });

  test('that nobody takes what a mirror keeps', () => {
    const topology = topologySchema.parse({
      topics: {
        orders: { transports: [{ kind: 'rabbitmq', service, phase: 'mirror' }], consumers: [{ group: 'emails' }] },
        quiet: { transports: [{ kind: 'rabbitmq', service, phase: 'mirror' }] },
        live: { transports: [{ kind: 'rabbitmq', service }], consumers: [{ group: 'emails' }] },
      },
    });
    expect(notesOn(service, declaredOn(topology, service), empty, mirrorsOn(topology, service))).toMatchObject([
      { level: 'info', name: 'tasks/exchange/orders' },
    ]);
  });
});

test('nothing is counted, and no connection opened, after the driver was closed', async () => {
  const auth = { mode: 'password', username: 'admin', secretRef: { from: 'env', id: 'P' } } as const;
  const binding = wrap({
    tasks: { kind: 'rabbitmq', role: 'tasks', endpoints: [{ purpose: 'primary', host: 'rabbit-0', port: 5671 }], auth },
  });
  const counter = queueCounter(binding.service('tasks'));
  await counter[Symbol.asyncDispose]();
  await expect(counter.ready(['mails'])).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
});
