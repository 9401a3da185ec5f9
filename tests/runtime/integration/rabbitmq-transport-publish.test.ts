import type { Channel, ConsumeMessage } from 'amqplib';
import { managementOf } from '../../../runtime/src/connections/rabbitmq/management.ts';
import { strandedName } from '../../../runtime/src/contracts/rabbit-delays.ts';
import { groupQueue } from '../../../runtime/src/contracts/rabbit-names.ts';
import { eventually } from '../../support/eventually.ts';
import { collector, type EventBroker, eventsOf, group, outcomesOf, publishAll, startEventBroker } from '../support/rabbit-events.ts';

let broker: EventBroker;

beforeAll(async () => {
  broker = await startEventBroker({
    wire: {},
    foreign: {},
    unbound: {},
    flapping: {},
    missing: {},
    present: {},
    nobody: { consumers: [] },
    full: {},
    hot: {},
    delayed: { shards: 2 },
    stranded: {},
  });
}, 120_000);
afterAll(() => broker?.stop());
afterEach(() => broker.closeAll());

async function byHand<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await broker.connection.openChannel();
  const outcome = await work(channel);
  await channel.close();
  return outcome;
}

const take = (topic: string): Promise<ConsumeMessage | null> =>
  byHand((channel) => new Promise((resolve) => channel.consume(groupQueue(topic, group, 0), resolve, { noAck: true })));

test('an event lies on the wire as the AMQP binding of CloudEvents says, persistent and with its id', async () => {
  const transport = await broker.open();
  const [event] = eventsOf(1, { datacontenttype: 'text/plain', tenantid: 'acme', extensions: { region: 'eu' } });
  await publishAll(transport, 'wire', [event!]);
  const message = await take('wire');
  expect(message).toMatchObject({
    fields: { exchange: 'wire', routingKey: '0.acme' },
    properties: {
      ...{ contentType: 'text/plain', messageId: 'event-1', deliveryMode: 2 },
      headers: {
        ...{ 'cloudEvents:specversion': '1.0', 'cloudEvents:id': 'event-1', 'cloudEvents:source': '/orders', 'cloudEvents:type': 'order' },
        ...{ 'cloudEvents:time': event!.time, 'cloudEvents:tenantid': 'acme', 'cloudEvents:region': 'eu' },
        ...{ 'cloudEvents:partitionkey': 'key-0', 'cloudEvents:sequence': '1' },
      },
    },
  });
  expect(message?.content.toString()).toBe('1');
});

test('events of other programs are read, whichever prefix and mode they use; what is none is set aside', async () => {
  const [transport, got] = [await broker.open(), collector()];
  const required = (mark: string) => ({
    [`cloudEvents${mark}id`]: `id${mark}`,
    [`cloudEvents${mark}source`]: '/x',
    [`cloudEvents${mark}type`]: 't',
  });
  const document = { specversion: '1.0', id: 'structured', source: '/x', type: 't', level: 7, data: { a: 1 } };
  await byHand(async (channel) => {
    channel.publish('foreign', '0.-', Buffer.from('a'), { headers: { ...required(':'), 'cloudEvents:level': 7 } });
    channel.publish('foreign', '0.-', Buffer.from('b'), { headers: required('_'), contentType: 'text/plain' });
    channel.publish('foreign', '0.-', Buffer.from(JSON.stringify(document)), {
      contentType: 'application/cloudevents+json; charset=utf-8',
    });
    channel.publish('foreign', '0.-', Buffer.from('none'), { messageId: 'no-event', headers: { 'cloudEvents:id': 'x' } });
  });
  await transport.subscribe('foreign', { group }, got.handler);
  await eventually(() => got.deliveries.length === 3, { what: 'three events came' });
  expect(got.deliveries.map(({ event }) => [event.id, event.datacontenttype, event.extensions?.level, event.data?.toString()])).toEqual([
    ['id:', undefined, '7', 'a'],
    ['id_', 'text/plain', undefined, 'b'],
    ['structured', 'application/json', '7', '{"a":1}'],
  ]);
  const [letter] = await eventually(
    async () => {
      const letters = [];
      for await (const each of transport.deadLetters('foreign', group).list()) letters.push(each);
      return letters.length > 0 && letters;
    },
    { what: 'there is a dead letter' },
  );
  expect(letter).toMatchObject({ id: 'no-event', failures: [{ message: expect.stringContaining('source is missing; type is missing') }] });
  expect(letter).not.toHaveProperty('event');
});

test('fails what no queue takes and holds back the rest of its key, until the queue is bound again', async () => {
  const transport = await broker.open();
  const queue = groupQueue('unbound', group, 0);
  await byHand((channel) => channel.unbindQueue(queue, 'unbound', '0.*'));
  const events = eventsOf(4, { keys: 2 });
  const results = await transport.publish('unbound', events);
  expect(outcomesOf(results)).toEqual(['MESSAGE_UNROUTABLE', 'MESSAGE_UNROUTABLE', 'PUBLISH_FAILED', 'PUBLISH_FAILED']);
  expect(results.map((result) => result.status === 'failed' && result.retriable)).toEqual([true, true, true, true]);
  await byHand((channel) => channel.bindQueue(queue, 'unbound', '0.*'));
  await publishAll(transport, 'unbound', events);
  expect((await transport.lag('unbound', group)).undelivered).toBe(4);
});

test('nothing of a key is published after what was returned, though its queue is bound again meanwhile', async () => {
  const transport = await broker.open();
  const queue = groupQueue('flapping', group, 0);
  const publishing = transport.publish('flapping', eventsOf(3_000));
  await byHand(async (channel) => {
    await eventually(async () => (await channel.checkQueue(queue)).messageCount > 0, { what: 'the first ones are taken' });
    let ended = false;
    const done = publishing.then(() => {
      ended = true;
    });
    // One event of the key is on its way at a time: whether it meets the moment is luck.
    while (!ended) {
      await channel.unbindQueue(queue, 'flapping', '0.*');
      await channel.bindQueue(queue, 'flapping', '0.*');
    }
    await done;
  });
  const outcomes = outcomesOf(await publishing);
  expect(new Set(outcomes)).toEqual(new Set(['published', 'MESSAGE_UNROUTABLE', 'PUBLISH_FAILED']));
  expect(outcomes.lastIndexOf('published')).toBeLessThan(outcomes.indexOf('MESSAGE_UNROUTABLE'));
});

test('a topic whose exchange is missing is refused, and others go on beside it', async () => {
  const transport = await broker.open();
  await publishAll(transport, 'missing', eventsOf(1));
  await byHand((channel) => channel.deleteExchange('missing'));
  const [lost, taken] = await Promise.all([transport.publish('missing', eventsOf(1)), transport.publish('present', eventsOf(20))]);
  expect(lost.map(({ status }) => status)).toEqual(['failed']);
  // The first one to be lost may take the channel along, and what was on it is tried again.
  await eventually(async () => outcomesOf(await transport.publish('present', eventsOf(1)))[0] === 'published', {
    what: 'others are taken',
  });
  expect(taken).toHaveLength(20);
  for (let round = 0; round < 3; round++) {
    const [refused, others] = await Promise.all([transport.publish('missing', eventsOf(1)), transport.publish('present', eventsOf(20))]);
    expect([outcomesOf(refused), new Set(outcomesOf(others))]).toEqual([['TOPIC_UNKNOWN'], new Set(['published'])]);
  }
});

test('a topic that declares no groups takes events, and keeps none', async () => {
  await publishAll(await broker.open(), 'nobody', eventsOf(3));
});

test('while a queue is full nothing of a key overtakes what was refused', async () => {
  const [transport, got] = [await broker.open({ maxUnhandled: 10 }), collector()];
  await using management = managementOf(broker.handle);
  const policy = '/policies/%2F/full';
  const body = { pattern: '^full\\.g\\.0$', definition: { 'max-length': 5, overflow: 'reject-publish' }, 'apply-to': 'queues' };
  await management.ask({ method: 'PUT', path: policy, body });
  // It is emptied while it is published to, so that what is refused and what is taken alternate.
  await transport.subscribe('full', { group, concurrency: 3 }, got.handler);
  const keys = 10;
  const all = eventsOf(600, { keys });
  const refusals = new Map<string, number>();
  let waiting = all;
  await eventually(
    async () => {
      const outcomes = outcomesOf(await transport.publish('full', waiting));
      for (const outcome of outcomes) refusals.set(outcome, (refusals.get(outcome) ?? 0) + 1);
      waiting = waiting.filter((_, index) => outcomes[index] !== 'published');
      return waiting.length === 0;
    },
    { what: 'everything is published', timeoutMs: 30_000 },
  );
  await management.ask({ method: 'DELETE', path: policy });
  await eventually(() => new Set(got.seen()).size === all.length, { what: 'everything came' });
  expect([...refusals.keys()].sort()).toEqual(['PUBLISH_FAILED', 'published']);
  for (let key = 0; key < keys; key++) {
    const numbers = got.deliveries.filter(({ event }) => event.partitionkey === `key-${key}`).map(({ event }) => Number(event.sequence));
    const firsts = [...new Set(numbers)];
    expect(firsts).toEqual(firsts.toSorted((a, b) => a - b));
  }
}, 60_000);

test('calls that come at once take turns for a key', async () => {
  const [transport, got] = [await broker.open(), collector()];
  const events = eventsOf(60);
  await Promise.all([0, 20, 40].map((from) => publishAll(transport, 'hot', events.slice(from, from + 20))));
  await transport.subscribe('hot', { group }, got.handler);
  await eventually(() => got.deliveries.length === 60, { what: 'all came' });
  expect(got.seen()).toEqual(events.map(({ id }) => id));
});

test('an abort ends publishing between two events of a key', async () => {
  const transport = await broker.open();
  const abort = new AbortController();
  const publishing = transport.publish('hot', eventsOf(200, { from: 100 }), { signal: abort.signal });
  abort.abort();
  expect(new Set(outcomesOf(await publishing))).toEqual(new Set(['PUBLISH_FAILED']));
});

test('a delay is waited for in the levels of its bits, by all groups and shards; a longer one than the ladder has is refused', async () => {
  const transport = await broker.open();
  const arrivals = new Map<string, number>();
  const got = collector(async ({ id }) => void arrivals.set(id, performance.now()));
  await transport.subscribe('delayed', { group, concurrency: 4 }, got.handler);
  const startedAt = performance.now();
  const late = eventsOf(6, { keys: 6 });
  expect(outcomesOf(await transport.publish('delayed', late, { delayMs: 2_100 }))).toEqual(late.map(() => 'published'));
  await publishAll(transport, 'delayed', eventsOf(2, { from: 7 }));
  await eventually(() => got.deliveries.length === 8, { what: 'all came' });
  expect(got.seen().slice(0, 2)).toEqual(['event-7', 'event-8']);
  for (const { id } of late) expect(arrivals.get(id)! - startedAt).toBeGreaterThanOrEqual(2_900);
  expect(outcomesOf(await transport.publish('delayed', late, { delayMs: 2 ** 20 * 1_000 }))).toEqual(late.map(() => 'DELAY_UNSUPPORTED'));
}, 20_000);

test('what is due when its queue has gone is kept apart, and keeps no other from its time', async () => {
  const transport = await broker.open();
  await byHand((channel) => channel.deleteQueue(groupQueue('stranded', group, 0)));
  const events = eventsOf(40, { keys: 40 });
  expect(outcomesOf(await transport.publish('stranded', events, { delayMs: 1 }))).toEqual(events.map(() => 'published'));
  const stranded = () => byHand(async (channel) => (await channel.checkQueue(strandedName)).messageCount);
  await eventually(async () => (await stranded()) === 40, { what: 'all are kept apart' });
}, 20_000);

test('the broker says who it is, and answers', async () => {
  const transport = await broker.open();
  expect(await transport.incarnation()).toMatch(/cluster-id/);
  await transport.ping();
  await expect(transport.ping(AbortSignal.abort(new Error('no time')))).rejects.toThrow('no time');
});
