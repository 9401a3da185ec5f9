import { join } from 'node:path';
import { connectRabbit } from '../../../runtime/src/connections/rabbitmq/index.ts';
import { managementOf } from '../../../runtime/src/connections/rabbitmq/management.ts';
import { attemptsQueue, deadLetterQueue, groupQueue } from '../../../runtime/src/contracts/rabbit-names.ts';
import { openRabbitDriver } from '../../../runtime/src/topology/drivers/rabbitmq/index.ts';
import { eventually } from '../../support/eventually.ts';
import { type ClientProcess, startClientProcess } from '../support/client-process.ts';
import { openGate } from '../support/gate.ts';
import { refusalOf } from '../support/rabbit.ts';
import { collector, type EventBroker, eventsOf, group, lettersOf, publishAll, startEventBroker } from '../support/rabbit-events.ts';
import type { RabbitChildSettings } from './rabbitmq-transport-child.mts';

let broker: EventBroker;

beforeAll(async () => {
  broker = await startEventBroker({
    bounded: { shards: 2 },
    handed: { retry: { attempts: 12, initialDelayMs: 20, maxDelayMs: 60_000 } },
    killed: { shards: 2 },
    held: { retry: { attempts: 4, initialDelayMs: 700, maxDelayMs: 700 } },
    lost: {},
    outlived: { shards: 1 },
    refused: { onExhausted: 'block' },
    isolated: { isolation: 'tenant', tenantless: false },
    gone: {},
    lagging: {},
    batched: {},
  });
}, 120_000);
afterAll(() => broker?.stop());
afterEach(() => broker.closeAll());

async function readyIn(queue: string): Promise<number> {
  const channel = await broker.connection.openChannel();
  const { messageCount } = await channel.checkQueue(queue);
  await channel.close();
  return messageCount;
}

/** Closed by an administrator; the broker lists them for a while yet. */
const closed = new Set<string>();

/** Closes the connection on which the transport consumes, as an administrator does. */
async function closeConnection(): Promise<void> {
  await using management = managementOf(broker.handle);
  await eventually(
    async () => {
      const { body } = await management.ask({ path: '/connections?columns=name,user_provided_name' });
      const open = (body as { name: string; user_provided_name?: string }[]).filter(
        ({ name, user_provided_name: given }) => given === 'millrace consume' && !closed.has(name),
      );
      if (open.length !== 1) return false;
      const { name } = open[0]!;
      await management.ask({ method: 'DELETE', path: `/connections/${encodeURIComponent(name)}` });
      return closed.add(name);
    },
    { what: 'the broker lists one connection, and closes it', timeoutMs: 20_000 },
  );
}

test('no more messages are in memory than a subscription may have', async () => {
  const [transport, gate] = [await broker.open({ maxUnhandled: 10 }), openGate()];
  const got = collector(() => gate.opened);
  await publishAll(transport, 'bounded', eventsOf(60, { keys: 60 }));
  await transport.subscribe('bounded', { group, concurrency: 3 }, got.handler);
  await eventually(async () => (await transport.lag('bounded', group)).pending === 10, { what: 'ten are in memory' });
  expect(got.deliveries).toHaveLength(3);
  expect((await transport.lag('bounded', group)).undelivered).toBe(50);
  gate.open();
  await eventually(() => got.deliveries.length === 60, { what: 'all were handled' });
  await eventually(async () => (await transport.lag('bounded', group)).pending === 0, { what: 'all are acknowledged' });
});

test('a consumer that closes hands everything on, in order and with the failures so far', async () => {
  const [first, second, transport] = [await broker.open({ maxUnhandled: 10 }), await broker.open(), await broker.open()];
  const before = collector(async ({ id }) => {
    if (id === 'event-2') throw new Error('not here');
  });
  const after = collector();
  await first.subscribe('handed', { group }, before.handler);
  await publishAll(transport, 'handed', eventsOf(20));
  await eventually(() => before.deliveries.length >= 3, { what: 'the second event has failed twice' });
  await second.subscribe('handed', { group }, after.handler);
  await first.close();
  await eventually(() => after.deliveries.length === 19, { what: 'the other consumer has the rest' });
  const [repeated] = after.deliveries;
  expect([repeated!.event.id, repeated!.attempt >= 3, repeated!.redelivered]).toEqual(['event-2', true, true]);
  expect(after.deliveries.map(({ event }) => event.id)).toEqual(eventsOf(19, { from: 2 }).map(({ id }) => id));
  await eventually(async () => (await readyIn(attemptsQueue('handed', group, 0))) === 0, { what: 'no attempts are noted any more' });
});

describe('an event that kills its process', () => {
  const script = join(__dirname, 'rabbitmq-transport-child.mts');

  function startChild(): ClientProcess {
    const { service } = broker.handle;
    const env = { TASKS_PASSWORD: broker.server.password, TASKS_CA: broker.server.ca };
    const settings: RabbitChildSettings = { service, env, topology: broker.topology, topic: 'killed', group };
    return startClientProcess(script, settings);
  }

  test('is found out among those beside it, run alone at last, and set aside; no other one is', async () => {
    const transport = await broker.open();
    const events = eventsOf(40, { keys: 8 });
    const killer = { ...events[4]!, type: 'kill' };
    await publishAll(transport, 'killed', events.with(4, killer));
    const lives: ClientProcess[] = [];
    for (;;) {
      const child = startChild();
      lives.push(child);
      const done = eventually(async () => (await lettersOf(transport, 'killed')).length === 1, {
        what: 'it is set aside',
        timeoutMs: 20_000,
      });
      const ended = await Promise.race([child.ended.then(() => true), done.then(() => false)]);
      done.catch(() => undefined);
      if (!ended) break;
      expect(lives.length).toBeLessThanOrEqual(3);
    }
    const handled = () => new Set(lives.flatMap(({ lines }) => lines.flatMap(({ verb, rest }) => (verb === 'end' ? [rest] : []))));
    await eventually(() => handled().size === 39, { what: 'all others are handled' });
    expect(await lives.at(-1)!.end()).toMatchObject({ code: 0 });
    const [letter, ...others] = await lettersOf(transport, 'killed');
    expect(others).toEqual([]);
    expect(letter!.event?.id).toBe(killer.id);
    const unanswered = 'delivered before, to a consumer that did not answer for it';
    expect(letter!.failures.map(({ attempt, message }) => [attempt, message])).toEqual([1, 2, 3].map((attempt) => [attempt, unanswered]));
    expect(lives).toHaveLength(4);
    const begun = lives.map(({ lines }) => lines.filter(({ verb, rest }) => verb === 'begin' && rest.startsWith(`${killer.id} `)).length);
    expect(begun).toEqual([1, 1, 1, 0]);
    for (const queue of [0, 1].map((shard) => groupQueue('killed', group, shard))) expect(await readyIn(queue)).toBe(0);
  }, 60_000);
});

test('what is held for long is given back and comes again, with its attempts', async () => {
  const transport = await broker.open({ holdMs: 500 });
  const got = collector(async ({ id }) => {
    if (id === 'event-1') throw new Error('no luck');
  });
  await transport.subscribe('held', { group }, got.handler);
  await publishAll(transport, 'held', [...eventsOf(2), ...eventsOf(1, { from: 3, partitionkey: 'other' })]);
  const [letter] = await eventually(
    async () => {
      const letters = await lettersOf(transport, 'held');
      return letters.length > 0 && letters;
    },
    { what: 'it is given up', timeoutMs: 15_000 },
  );
  expect(letter!.failures.map(({ attempt, message }) => [attempt, message])).toEqual([1, 2, 3, 4].map((attempt) => [attempt, 'no luck']));
  expect(got.seen().filter((each) => each.startsWith('event-1'))).toEqual(['event-1', 'event-1/2', 'event-1/3', 'event-1/4']);
  await eventually(() => got.seen().some((each) => each.startsWith('event-2')), { what: 'its key goes on' });
  // Held too long for its attempts alone: 700 ms lie between two of them.
  expect(got.deliveries.some(({ event, redelivered }) => event.id === 'event-2' && redelivered)).toBe(true);
}, 30_000);

test('a handler whose channel was lost is told, and its event comes again when it has ended', async () => {
  const transport = await broker.open();
  let running = 0;
  let most = 0;
  const got = collector(async (_, { signal, attempt }) => {
    running += 1;
    most = Math.max(most, running);
    if (attempt === 1)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => setTimeout(resolve, 300), { once: true }));
    running -= 1;
  });
  await transport.subscribe('lost', { group }, got.handler);
  await publishAll(transport, 'lost', eventsOf(3));
  await eventually(() => running === 1, { what: 'a handler runs' });
  await closeConnection();
  await eventually(() => got.seen().length === 4, { what: 'everything came', timeoutMs: 15_000 });
  expect(got.deliveries.map(({ event: { id }, attempt }) => `${id} ${attempt}`)).toEqual([
    'event-1 1',
    'event-1 2',
    'event-2 2',
    'event-3 2',
  ]);
  expect(most).toBe(1);
}, 30_000);

test('a handler that outlives two channels keeps its own key waiting, and no other one', async () => {
  const [transport, gate] = [await broker.open(), openGate()];
  const running: string[] = [];
  let most = 0;
  const got = collector(async ({ id, partitionkey }, { attempt }) => {
    running.push(partitionkey!);
    most = Math.max(most, running.filter((key) => key === 'slow').length);
    if (id === 'event-1' && attempt === 1) await gate.opened;
    running.splice(running.indexOf(partitionkey!), 1);
  });
  await transport.subscribe('outlived', { group, concurrency: 4 }, got.handler);
  await publishAll(transport, 'outlived', eventsOf(3, { partitionkey: 'slow' }));
  await eventually(() => running.length === 1, { what: 'a handler runs' });
  for (const round of [1, 2]) {
    await closeConnection();
    const [other] = eventsOf(1, { from: 10 * round, partitionkey: `other-${round}` });
    await publishAll(transport, 'outlived', [other!]);
    await eventually(() => got.deliveries.some(({ event }) => event.id === other!.id), { what: 'another key goes on', timeoutMs: 15_000 });
    await eventually(async () => (await transport.lag('outlived', group)).undelivered === 0, { what: 'all are in memory again' });
  }
  expect(running).toEqual(['slow']);
  gate.open();
  const ofSlow = (): string[] => got.deliveries.flatMap(({ event: { id, partitionkey } }) => (partitionkey === 'slow' ? [id] : []));
  await eventually(() => ofSlow().length === 4, { what: 'the key goes on' });
  expect(ofSlow()).toEqual(['event-1', 'event-1', 'event-2', 'event-3']);
  expect(most).toBe(1);
}, 60_000);

test.each([
  ['blocks keys', 'refused', { group }, 'onExhausted'],
  ['isolates no tenants', 'lost', { group, tenant: 'acme' }, 'does not isolate'],
  ['declares no such group', 'lost', { group: 'unheard' }, 'add it to consumers'],
  ['isolates tenants, of one with a name that has a meaning', 'isolated', { group, tenant: 'a*b' }, 'must begin'],
])('subscribing is refused on a topic that %s', async (_, topic, options, words) => {
  const refusal = await refusalOf((await broker.open()).subscribe(topic, options, async () => undefined));
  expect([refusal.code, refusal.message]).toEqual(['SUBSCRIPTION_INVALID', expect.stringContaining(words)]);
});

test('subscribing to what is declared and not on the broker says what to do', async () => {
  const channel = await broker.connection.openChannel();
  await channel.deleteQueue(groupQueue('gone', group, 0));
  await channel.close();
  const refusal = await refusalOf((await broker.open()).subscribe('gone', { group }, async () => undefined));
  expect([refusal.code, refusal.message]).toEqual(['TOPIC_UNKNOWN', expect.stringContaining('run `millrace apply`')]);
});

test('a consumer of one tenant has queues of its own, which last, get that tenant alone, and are no drift', async () => {
  const [transport, got] = [await broker.open(), collector()];
  const tenant = 'acme.eu';
  const queue = groupQueue('isolated', `${group}@acme%2Eeu`, 0);
  await (await transport.subscribe('isolated', { group, tenant }, async () => undefined)).close();
  const events = ['acme.eu', 'acme', 'acme.eu.x', 'globex'].map((tenantid, index) => eventsOf(1, { from: index + 1, tenantid })[0]!);
  await publishAll(transport, 'isolated', events);
  expect(await readyIn(queue)).toBe(1);
  await transport.subscribe('isolated', { group, tenant }, got.handler);
  await eventually(() => got.deliveries.length === 1, { what: 'its event came' });
  expect(got.deliveries.map(({ event, group: told }) => [event.tenantid, told])).toEqual([[tenant, group]]);
  // What somebody puts there by hand is not shown to it.
  await using publisher = await broker.connection.openPublisher();
  const headers = { 'cloudEvents:id': 'x', 'cloudEvents:source': '/x', 'cloudEvents:type': 't', 'cloudEvents:tenantid': 'globex' };
  await publisher.publish('', queue, Buffer.from(''), { headers });
  const dead = deadLetterQueue('isolated', `${group}@acme%2Eeu`);
  await eventually(async () => (await readyIn(dead)) === 1, { what: 'it is set aside' });
  expect(got.deliveries).toHaveLength(1);
  await using driver = await openRabbitDriver({ service: broker.handle, topology: broker.topology, signal: new AbortController().signal });
  const { changes } = await driver.compare();
  expect(changes.filter(({ name }) => name.includes('isolated'))).toEqual([]);
});

test('one consumer of a group has a shard; what another process has in hand counts as pending', async () => {
  const [first, second, looker, gate] = [await broker.open(), await broker.open(), await broker.open(), openGate()];
  const [got, idle] = [collector(() => gate.opened), collector()];
  await first.subscribe('lagging', { group }, got.handler);
  await second.subscribe('lagging', { group }, idle.handler);
  await publishAll(looker, 'lagging', eventsOf(5, { keys: 5 }));
  await eventually(async () => (await looker.lag('lagging', group)).pending === 5, { what: 'all are in hand', timeoutMs: 15_000 });
  expect((await looker.lag('lagging', group)).undelivered).toBe(0);
  gate.open();
  await eventually(() => got.deliveries.length === 5, { what: 'all came' });
  expect(idle.deliveries).toEqual([]);
}, 30_000);

test('closing the transport while the broker is asked leaves no connection', async () => {
  const transport = await broker.open();
  await transport.subscribe('batched', { group }, async () => undefined);
  await Promise.all([transport.close(), transport.lag('batched', group).catch(() => undefined)]);
  await expect(transport.subscribe('batched', { group }, async () => undefined)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
  await using check = await connectRabbit(broker.handle, { name: 'check' });
  const channel = await check.openChannel();
  await eventually(async () => (await channel.checkQueue(groupQueue('batched', group, 0))).consumerCount === 0, {
    what: 'no consumer is left',
  });
});
