import { readFileSync, writeFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { aclRulesOf } from '../../../runtime/src/contracts/redis-acl.ts';
import { blockedKey, deadLetterKey } from '../../../runtime/src/contracts/redis-keys.ts';
import { streamKey, type Topology, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Delivery, Transport } from '../../../runtime/src/transport.ts';
import { redisStreams } from '../../../runtime/src/transports/redis-streams/index.ts';
import { eventually } from '../../support/eventually.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { bindingEnv, builtCli, type CliEnd, runCli } from '../support/cli.ts';
import { commitEach, event, openLog, type TestLog } from '../support/log.ts';
import { startTestRelay } from '../support/relay.ts';
import { eventsOf, plainClient, serviceOf } from './redis-streams-fixture.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const retry = { attempts: 2, initialDelayMs: 10, maxDelayMs: 20 };
const transports = [{ kind: 'redis-streams', service: 'events' }];
const topology: Topology = topologySchema.parse({
  topics: {
    orders: { transports, retry, tenantless: true, consumers: [{ group: 'stock' }, { group: 'mail' }] },
    audit: { transports, retry, tenantless: true, onExhausted: 'block', consumers: [{ group: 'stock' }] },
  },
  aclUsers: { operator: { service: 'events', topics: ['orders', 'audit'], access: 'admin' } },
});

let redis: TestRedis;
let postgres: TestPostgres;
let client: Redis;
let folder: TestFolder;
let log: TestLog;
let env: Record<string, string>;
let transport: Transport;

beforeAll(async () => {
  [redis, postgres, folder] = await Promise.all([startTestRedis(), startTestPostgres(), testFolder('dlq'), builtCli()]);
  client = await plainClient(redis);
  log = await openLog(postgres);
  env = asOperator(bindingEnv(folder.path, { redis, database: log.url, topology }));
}, 120_000);
afterAll(async () => {
  client?.disconnect();
  await log?.close();
  await Promise.all([redis?.stop(), postgres?.stop(), folder?.remove()]);
});
beforeEach(async () => {
  await client.flushall();
  await client.acl('SETUSER', 'operator', 'reset', 'on', '>mends', ...aclRulesOf(topology, 'operator'));
  transport = await redisStreams({ service: serviceOf(redis), topology, logger: silent, leaseMs: 1_000 });
});
afterEach(() => transport.close());

/** The binding with the rights of an operator instead of all. */
function asOperator(all: Record<string, string>): Record<string, string> {
  const binding = JSON.parse(readFileSync(all.MILLRACE_BINDING!, 'utf8')) as { services: { events: { auth: object } } };
  binding.services.events.auth = { mode: 'password', username: 'operator', secretRef: { from: 'env', id: 'OPERATOR_PASSWORD' } };
  writeFileSync(all.MILLRACE_BINDING!, JSON.stringify(binding));
  return { ...all, OPERATOR_PASSWORD: 'mends' };
}

const dlq = (...args: string[]): Promise<CliEnd> => runCli(['dlq', ...args], env);
interface Letter {
  readonly id: string;
  readonly event: { readonly id: string };
}
const listed = async (...args: string[]): Promise<Letter[]> =>
  (await dlq('list', '--json', ...args)).stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Letter);

/** A group of `topic` that fails the events named in `failing`, and tells what it was given. */
async function consumer(topic: string, group: string, failing: Set<string>): Promise<Delivery[]> {
  const given: Delivery[] = [];
  await transport.subscribe(topic, { group, concurrency: 4 }, async (received, delivery) => {
    given.push(delivery);
    if (failing.has(received.id)) throw new Error(`no stock for\n${received.id}`);
  });
  return given;
}
const idsOf = (given: readonly Delivery[]): string[] => given.map(({ event: { id } }) => id);
const deadOf = (topic: string, group = 'stock') => client.xlen(deadLetterKey(streamKey(topic, 0), group));

test('a dead letter is listed, shown, and delivered again to its group alone, with its attempts counted anew', async () => {
  const failing = new Set(['event-2']);
  const [stock, mail] = [await consumer('orders', 'stock', failing), await consumer('orders', 'mail', new Set())];
  await transport.publish('orders', eventsOf(3, { keys: 1, tenantid: 'acme', datacontenttype: 'application/json' }));
  await eventually(async () => (await deadOf('orders')) === 1, { what: 'the event is given up' });
  const { stdout, stderr, code } = await dlq('list', '--topic', 'orders');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n')[0]).toMatch(/^ID +TOPIC +GROUP +TYPE +KEY +TENANT +WHEN +ATTEMPTS +LAST ERROR$/);
  expect(stdout.split('\n')[1]).toMatch(
    /^0\/\d+-0 +orders +stock +com\.example\.order\.created +key-0 +acme +20\S+Z +2 +no stock for event-2$/,
  );
  const [letter] = await listed();
  const shown = await dlq('show', letter!.id);
  expect(shown.stdout).toMatch(/event id +event-2\n/);
  expect(shown.stdout).toMatch(/data of 7 bytes\n\{\n {2}"n": 2\n\}\n/);
  expect(shown.stdout.match(/^attempt \d, 20\S+Z, \S+: no stock for$/gm)).toHaveLength(2);
  failing.clear();
  expect(await dlq('redrive', 'event-2')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/redriven 0\/\S+ of orders, stock on events: event event-2 .*\nredriven 1 dead letter\n/),
  });
  await eventually(() => idsOf(stock).length === 5, { what: 'it is delivered again' });
  expect(stock.at(-1)).toMatchObject({ event: { id: 'event-2' }, attempt: 1, position: stock[1]!.position });
  await eventually(async () => (await transport.lag('orders', 'stock')).pending === 0, { what: 'it is acknowledged' });
  expect(idsOf(mail)).toEqual(['event-1', 'event-2', 'event-3']);
  expect(await dlq('list')).toMatchObject({ code: 0, stdout: 'there are no dead letters\n' });
}, 60_000);

test('one that was trimmed meanwhile comes to its group alone all the same, as it was', async () => {
  const failing = new Set(['event-1']);
  const [stock, mail] = [await consumer('orders', 'stock', failing), await consumer('orders', 'mail', new Set())];
  await transport.publish('orders', eventsOf(2, { extensions: { own: 'kept' } }));
  await eventually(async () => (await deadOf('orders')) === 1, { what: 'the event is given up' });
  await eventually(async () => (await transport.lag('orders', 'mail')).pending === 0 && mail.length === 2, { what: 'mail has done' });
  await client.xtrim(streamKey('orders', 0), 'MAXLEN', 0);
  failing.clear();
  expect(await dlq('redrive', '--all', '--topic', 'orders', '--group', 'stock', '--json')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/"redriven":1,"gone":0/),
  });
  await eventually(() => idsOf(stock).filter((id) => id === 'event-1').length === 3, { what: 'it is delivered again' });
  expect(stock.at(-1)!.event).toEqual(stock.find(({ event: { id } }) => id === 'event-1')!.event);
  await eventually(async () => (await transport.lag('orders', 'mail')).undelivered === 0, { what: 'mail has passed it over' });
  await eventually(async () => (await transport.lag('orders', 'mail')).pending === 0, { what: 'and owes nothing' });
  expect(idsOf(mail)).toEqual(['event-1', 'event-2']);
  const past: string[] = [];
  for await (const {
    event: { id },
  } of transport.read!('orders', { from: 'earliest' }))
    past.push(id);
  expect(past).toEqual([]);
}, 60_000);

test('where it holds its key back, later events follow it when it is redriven, and go on without it when it is dropped', async () => {
  const failing = new Set(['event-1', 'event-4']);
  const stock = await consumer('audit', 'stock', failing);
  await transport.publish('audit', eventsOf(3));
  await eventually(async () => (await deadOf('audit')) === 1, { what: 'the event is given up' });
  expect((await dlq('list')).stdout).toMatch(/2, key waits/);
  failing.delete('event-1');
  await dlq('redrive', (await listed())[0]!.id);
  await eventually(() => stock.length === 5, { what: 'its key has gone on' });
  expect(idsOf(stock).slice(2)).toEqual(['event-1', 'event-2', 'event-3']);
  expect(await client.scard(blockedKey(streamKey('audit', 0), 'stock'))).toBe(0);
  await transport.publish('audit', eventsOf(2, { from: 4 }));
  await eventually(async () => (await deadOf('audit')) === 1, { what: 'the next is given up' });
  expect(await dlq('drop', 'event-4')).toMatchObject({ code: 1, stderr: expect.stringMatching(/give --yes/) });
  expect(await dlq('drop', 'event-4', '--yes')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /^dropped 0\/\S+ of audit, stock on events: event event-4 .*"no stock for\\nevent-4"\ndropped 1 dead letter\n$/,
    ),
  });
  await eventually(() => idsOf(stock).at(-1) === 'event-5', { what: 'the key has gone on' });
  expect(await deadOf('audit')).toBe(0);
}, 60_000);

test('an id that is not there, or there twice, changes nothing', async () => {
  const failing = new Set(['event-1']);
  await consumer('orders', 'stock', failing);
  await consumer('orders', 'mail', failing);
  await transport.publish('orders', eventsOf(1));
  await eventually(async () => (await deadOf('orders')) + (await deadOf('orders', 'mail')) === 2, { what: 'both groups have given it up' });
  expect(await dlq('redrive', '0/1-1')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/DEAD_LETTER_UNKNOWN: there is no dead letter 0\/1-1/),
  });
  expect(await dlq('redrive', 'event-1')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/is there 2 times: orders of stock on events; orders of mail on events/),
  });
  expect(await dlq('redrive')).toMatchObject({ code: 1, stderr: expect.stringMatching(/give ids of dead letters, or --all/) });
  expect((await deadOf('orders')) + (await deadOf('orders', 'mail'))).toBe(2);
}, 60_000);

describe('what a relay could not publish is listed, and published once it was redriven', () => {
  const large = { data: { n: 0, text: 'longer than it may be' } };
  const orders = { ...topology.topics.orders, maxBytes: 20 };
  const audit = { ...topology.topics.audit, maxBytes: 20 };
  const narrow = topologySchema.parse({ ...topology, topics: { orders, audit } });

  /** Lets a relay give up events that are too large for its topology. */
  async function givenUp(count: number): Promise<void> {
    await using before = await redisStreams({ service: serviceOf(redis), topology: narrow, logger: silent });
    await using _relay = startTestRelay({ log, transport: before, topology: narrow });
    await eventually(async () => (await listed('--group', '@relay')).length === count, {
      what: 'the relay has given up',
      timeoutMs: 20_000,
    });
  }

  test('by a relay that holds nothing back, and so looks at nothing', async () => {
    await commitEach(log, [event('a', 0, { topic: 'orders', ...large })]);
    await givenUp(1);
    await using after = startTestRelay({ log, transport, topology });
    await eventually(() => after.status().state === 'active', { what: 'the relay is at work' });
    expect((await dlq('list', '--group', '@relay')).stdout).toMatch(
      /^redis-streams@events\/1 +orders +@relay +happened +a .* 1 +data of event/m,
    );
    expect(await client.xlen(streamKey('orders', 0))).toBe(0);
    expect(await dlq('redrive', '--all', '--group', '@relay')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/redriven 1 dead letter\n$/),
    });
    await eventually(async () => (await client.xlen(streamKey('orders', 0))) === 1, { what: 'it is published' });
    expect(await listed('--group', '@relay')).toEqual([]);
  }, 60_000);

  test('before the later events of its key, where those wait for it', async () => {
    await commitEach(log, [event('b', 0, { topic: 'audit', ...large })], [event('b', 1, { topic: 'audit' })]);
    await givenUp(1);
    await using _relay = startTestRelay({ log, transport, topology });
    const [letter] = await listed('--group', '@relay');
    expect(letter).toMatchObject({ topic: 'audit', blocking: true });
    expect(await dlq('redrive', letter!.event.id)).toMatchObject({ code: 0 });
    await eventually(async () => (await client.xlen(streamKey('audit', 0))) === 2, { what: 'the key goes on' });
    const numbers = (await client.xrange(streamKey('audit', 0), '-', '+')).map(([, flat]) => flat[flat.indexOf('data') + 1]);
    expect(numbers).toEqual([JSON.stringify(large.data), '{"n":1}']);
  }, 60_000);
});

test('a service that cannot be reached is told of, and the others are listed', async () => {
  const end = await runCli(['dlq', 'list', '--topic', 'audit'], { ...env, OPERATOR_PASSWORD: 'forgotten' });
  expect(end).toMatchObject({ code: 1, stdout: 'there are no dead letters\n' });
  expect(end.stderr).toMatch(/dead letters of events could not be read: CONNECTION_REFUSED_CREDENTIALS/);
}, 60_000);
