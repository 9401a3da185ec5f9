import { managementOf } from '../../../runtime/src/connections/rabbitmq/management.ts';
import { attemptsQueue, deadLetterQueue, groupQueue } from '../../../runtime/src/contracts/rabbit-names.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { collector, type EventBroker, eventsOf, group, lettersOf, publishAll, startEventBroker } from '../support/rabbit-events.ts';

let broker: EventBroker;

beforeAll(async () => {
  const once = { retry: { attempts: 1, initialDelayMs: 10, maxDelayMs: 10 } };
  broker = await startEventBroker({
    looked: once,
    redriven: { ...once, shards: 3 },
    returned: { shards: 2 },
    long: {},
    dropped: once,
    isolated: { ...once, isolation: 'tenant', tenantless: false },
    many: { ...once, shards: 1 },
  });
}, 120_000);
afterAll(() => broker?.stop());
afterEach(() => broker.closeAll());

/** Publishes `count` events, all of which are given up. */
async function giveUp(transport: Transport, topic: string, count: number): Promise<void> {
  const got = collector(async () => {
    throw new Error('no luck');
  });
  const subscription = await transport.subscribe(topic, { group }, got.handler);
  await publishAll(transport, topic, eventsOf(count, { keys: count }));
  await eventually(async () => (await transport.lag(topic, group)).undelivered === 0 && got.deliveries.length >= count, {
    what: 'all failed',
  });
  await subscription.close();
}

const idsOf = async (transport: Transport, topic: string): Promise<string[]> => (await lettersOf(transport, topic)).map(({ id }) => id);

async function readyIn(queue: string): Promise<number> {
  const channel = await broker.connection.openChannel();
  const { messageCount } = await channel.checkQueue(queue);
  await channel.close();
  return messageCount;
}

test('looking loses nothing and changes no order, however often and whether or not it is broken off', async () => {
  const transport = await broker.open();
  await giveUp(transport, 'looked', 12);
  const ids = await eventually(
    async () => {
      const found = await idsOf(transport, 'looked');
      return found.length === 12 && found;
    },
    { what: 'all are dead letters' },
  );
  for await (const { id } of transport.deadLetters('looked', group).list()) if (id === ids[4]) break;
  const abort = new AbortController();
  const aborted = (async () => {
    for await (const _ of transport.deadLetters('looked', group).list({ signal: abort.signal })) abort.abort(new Error('enough'));
  })();
  await expect(aborted).rejects.toThrow('enough');
  // From version 4 on, RabbitMQ drops what was returned 20 times where the queue says nothing else.
  for (let round = 0; round < 25; round++) expect(await idsOf(transport, 'looked')).toEqual(ids);
  const [letter] = await lettersOf(transport, 'looked');
  expect(letter).toMatchObject({ topic: 'looked', group, position: ids[0], blocking: false, event: { id: ids[0], source: '/orders' } });
  expect(letter!.failures).toMatchObject([{ attempt: 1, message: 'no luck', consumer: expect.any(String) }]);
  expect(Date.now() - Date.parse(letter!.at)).toBeLessThan(60_000);
}, 30_000);

test('redriven ones go to their shards in the order given, with their attempts counted anew', async () => {
  const [transport, got] = [await broker.open(), collector()];
  await giveUp(transport, 'redriven', 9);
  const ids = await eventually(
    async () => {
      const found = await idsOf(transport, 'redriven');
      return found.length === 9 && found;
    },
    { what: 'all are dead letters' },
  );
  const chosen = [ids[7]!, ids[2]!, ids[5]!];
  expect(await transport.deadLetters('redriven', group).redrive([...chosen, 'nobody'])).toBe(3);
  expect(await idsOf(transport, 'redriven')).toEqual(ids.filter((id) => !chosen.includes(id)));
  await transport.subscribe('redriven', { group }, got.handler);
  await eventually(() => got.deliveries.length === 3, { what: 'they came again' });
  expect(got.seen().sort()).toEqual(chosen.toSorted());
  expect(got.deliveries.map(({ event }) => event.extensions)).toEqual([undefined, undefined, undefined]);
}, 30_000);

test('dropped ones are gone, and no others', async () => {
  const transport = await broker.open();
  await giveUp(transport, 'dropped', 4);
  await eventually(async () => (await idsOf(transport, 'dropped')).length === 4, { what: 'all are dead letters' });
  expect(await transport.deadLetters('dropped', group).drop(['event-3', 'event-1'])).toBe(2);
  expect((await idsOf(transport, 'dropped')).sort()).toEqual(['event-2', 'event-4']);
  await expect(transport.deadLetters('dropped', 'unheard').drop([])).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
  await expect(transport.lag('dropped', 'unheard')).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
});

test('those of consumers that are bound to a tenant are found under their group, and go back to that tenant’s queue', async () => {
  const [transport, got] = [await broker.open(), collector()];
  const failing = collector(async () => {
    throw new Error('no luck');
  });
  const of = (tenantid: string, from: number) => eventsOf(1, { tenantid, from })[0]!;
  const subscriptions = [];
  for (const tenant of ['acme.eu', 'globex']) subscriptions.push(await transport.subscribe('isolated', { group, tenant }, failing.handler));
  subscriptions.push(await transport.subscribe('isolated', { group }, failing.handler));
  await publishAll(transport, 'isolated', [of('acme.eu', 1), of('globex', 2), of('initech', 3)]);
  const expected = ['acme%2Eeu/event-1', 'event-1', 'event-2', 'event-3', 'globex/event-2'];
  await eventually(async () => (await idsOf(transport, 'isolated')).length === 5, { what: 'all are dead letters', timeoutMs: 15_000 });
  expect((await idsOf(transport, 'isolated')).sort()).toEqual(expected);
  expect((await lettersOf(transport, 'isolated')).every((letter) => letter.group === group)).toBe(true);
  for (const subscription of subscriptions) await subscription.close();
  await transport.subscribe('isolated', { group, tenant: 'acme.eu' }, got.handler);
  const letters = transport.deadLetters('isolated', group);
  expect(await letters.redrive(['acme%2Eeu/event-1', 'initech/event-3'])).toBe(1);
  await eventually(() => got.deliveries.length === 1, { what: 'it came again' });
  expect(await letters.drop(['globex/event-2', 'event-2'])).toBe(2);
  expect((await idsOf(transport, 'isolated')).sort()).toEqual(['event-1', 'event-3']);
}, 30_000);

test('of many, the first and hundreds in their order are found without a round trip each', async () => {
  const transport = await broker.open();
  await using publisher = await broker.connection.openPublisher();
  for (const round of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const numbers = Array.from({ length: 100 }, (_, index) => 100 * round + index);
    await Promise.all(numbers.map((n) => publisher.publish('', deadLetterQueue('many', group), Buffer.from(''), { messageId: `m-${n}` })));
  }
  const letters = transport.deadLetters('many', group);
  await using management = managementOf(broker.handle);
  const deliveries = async (): Promise<number> => {
    const queue = encodeURIComponent(deadLetterQueue('many', group));
    const { body } = await management.ask({ path: `/queues/${encodeURIComponent(management.vhost)}/${queue}` });
    const { message_stats: stats } = body as { message_stats?: { deliver_get?: number } };
    return stats?.deliver_get ?? 0;
  };
  let first = '';
  for await (const { id } of letters.list()) {
    first = id;
    break;
  }
  const ids = await idsOf(transport, 'many');
  expect(first).toBe('m-0');
  expect(ids).toEqual(Array.from({ length: 800 }, (_, n) => `m-${n}`));
  // The first page, and all of them; one by one would be all of them twice.
  expect(await eventually(async () => (await deliveries()) >= 1_000 && deliveries(), { what: 'deliveries are counted' })).toBe(1_000);
  expect(await letters.redrive(ids.slice(150, 650))).toBe(500);
  expect(await idsOf(transport, 'many')).toEqual([...ids.slice(0, 150), ...ids.slice(650)]);
}, 60_000);

test('what another consumer rejects is a dead letter of the broker, and can be redriven', async () => {
  const [transport, got] = [await broker.open(), collector()];
  await publishAll(transport, 'returned', eventsOf(1));
  await using consumer = await broker.connection.openConsumer(async ({ consume }) => {
    for (const shard of [0, 1]) await consume(groupQueue('returned', group, shard), (delivery) => void delivery.nack({ requeue: false }));
  });
  await eventually(async () => (await readyIn(deadLetterQueue('returned', group))) === 1, { what: 'the broker has set it aside' });
  await consumer.close();
  const [letter] = await lettersOf(transport, 'returned');
  expect(letter).toMatchObject({ id: 'event-1', failures: [{ message: 'given up by the broker: rejected' }], event: { id: 'event-1' } });
  expect(Math.abs(Date.now() - Date.parse(letter!.at))).toBeLessThan(60_000);
  expect(await transport.deadLetters('returned', group).redrive(['event-1'])).toBe(1);
  await transport.subscribe('returned', { group }, got.handler);
  await eventually(() => got.deliveries.length === 1, { what: 'it came again' });
});

test('a long history of long messages is cut to what a message can carry', async () => {
  const transport = await broker.open();
  const got = collector(async () => {
    throw new Error('ä'.repeat(5_000));
  });
  await transport.subscribe('long', { group, retry: { attempts: 40, initialDelayMs: 1, maxDelayMs: 1 } }, got.handler);
  await publishAll(transport, 'long', eventsOf(1));
  const [letter] = await eventually(
    async () => {
      const letters = await lettersOf(transport, 'long');
      return letters.length > 0 && letters;
    },
    { what: 'it is given up', timeoutMs: 20_000 },
  );
  const attempts = letter!.failures.map(({ attempt }) => attempt);
  expect([attempts[0], attempts.at(-1)]).toEqual([1, 40]);
  expect(Buffer.byteLength(JSON.stringify(letter!.failures))).toBeLessThan(33_000);
  expect(got.deliveries).toHaveLength(40);
  await eventually(async () => (await readyIn(attemptsQueue('long', group, 0))) === 0, { what: 'its notes are gone' });
}, 30_000);
