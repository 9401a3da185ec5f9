import type { Redis } from 'ioredis';
import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { streamKey } from '../../../runtime/src/contracts/topology.ts';
import type { DeadLetter } from '../../../runtime/src/dead-letters.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestRedis, type TestRedis } from '../../support/servers.ts';
import {
  type ChildConsumer,
  type ChildSettings,
  eventsOf,
  openTransport,
  plainClient,
  serviceOf,
  startChildConsumer,
} from './redis-streams-fixture.ts';

let redis: TestRedis;
let client: Redis;
let transport: Transport;
const children: ChildConsumer[] = [];
const topics = { orders: { shards: 2 }, single: {}, once: { retry: { attempts: 1 } }, twice: { retry: { attempts: 2 } } };

beforeAll(async () => {
  redis = await startTestRedis();
  client = await plainClient(redis);
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  await client.flushall();
  transport = await openTransport(serviceOf(redis), topics);
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.end()));
  await transport.close();
});

async function child(settings: Partial<ChildSettings> & { name: string; topic: string }): Promise<ChildConsumer> {
  const { host, port, password } = redis;
  const started = startChildConsumer({ redis: { host, port, password }, topics, ...settings });
  children.push(started);
  await eventually(() => started.lines.includes('ready'), { what: `${settings.name} is ready`, timeoutMs: 30_000 });
  return started;
}

const said = (consumer: ChildConsumer, pattern: RegExp): string[] => consumer.lines.filter((line) => pattern.test(line));

test('when the holder is killed another takes over within 6 s, with the default lease, and nothing is lost or handled out of order', async () => {
  const lasting = { topic: 'orders', leaseMs: 4_000, concurrency: 4, handlerMs: 5 };
  const first = await child({ ...lasting, name: 'first' });
  const second = await child({ ...lasting, name: 'second' });
  const holders = async (): Promise<string> => {
    const leases = await client.mget(`${streamKey('orders', 0)}:lease:g`, `${streamKey('orders', 1)}:lease:g`);
    return leases
      .map((lease) => lease?.split('/')[0] ?? 'nobody')
      .sort()
      .join(' and ');
  };
  await eventually(async () => (await holders()) === 'first and second', { what: 'they share the shards' });
  await transport.publish('orders', eventsOf(2_000, { keys: 10 }));
  await eventually(() => said(first, /^end/).length > 100, { what: 'the first consumer works' });
  first.kill('SIGKILL');
  const killedAt = performance.now();
  const ofFirst = said(first, /^end/).length;
  const resumed = await eventually(async () => (await holders()) === 'second and second' && performance.now(), {
    what: 'the second holds both shards',
    timeoutMs: 8_000,
  });
  await eventually(
    async () => (await transport.lag('orders', 'g')).pending === 0 && (await transport.lag('orders', 'g')).undelivered === 0,
    { what: 'all is handled' },
  );
  process.stdout.write(`shard taken over ${Math.round(resumed - killedAt)} ms after SIGKILL of its holder (lease 4,000 ms)\n`);
  expect(resumed - killedAt).toBeLessThan(6_000);
  // What a process has said may come after what the server knows.
  const handled = () => new Set([...said(first, /^end/), ...said(second, /^end/)]).size;
  await eventually(() => handled() === 2_000, { what: 'every event was handled by one of them' });
  expect(ofFirst).toBeGreaterThan(0);
  const byKey = new Map<number, number>();
  for (const line of said(second, /^begin/)) {
    const n = Number(line.split(' ')[1]!.split('-')[1]);
    expect(n).toBeGreaterThan(byKey.get(n % 10) ?? 0);
    byKey.set(n % 10, n);
  }
}, 30_000);

test('a holder stopped for longer than its lease begins nothing more when it comes back, and its acknowledgement is refused', async () => {
  await transport.publish('single', eventsOf(20));
  const stopped = await child({ name: 'stopped', topic: 'single', leaseMs: 4_000, handlerMs: 2_000 });
  await eventually(() => said(stopped, /^begin event-2 /).length > 0, { what: 'its second handler runs' });
  stopped.kill('SIGSTOP');
  const second = await child({ name: 'second', topic: 'single', leaseMs: 4_000, handlerMs: 20 });
  await eventually(() => said(second, /^end event-3$/).length > 0, { what: 'the second has taken over' });
  stopped.kill('SIGCONT');
  await eventually(() => said(stopped, /^end event-2$/).length > 0, { what: 'the stopped handler ends' });
  await eventually(() => said(stopped, /lease lost/).length > 0, { what: 'it notices' });
  await eventually(async () => (await transport.lag('single', 'g')).pending === 0, { what: 'all is handled' });
  expect(said(stopped, /^begin/)).toEqual(['begin event-1 1', 'begin event-2 1']);
  expect(said(second, /^begin/).map((line) => line.split(' ')[1])).toEqual(Array.from({ length: 19 }, (_, i) => `event-${i + 2}`));
  expect(said(second, /^begin event-2 /)).toEqual(['begin event-2 2']);
});

test('an event that kills its process is set aside after its attempts; those read along with it are not', async () => {
  await transport.publish('single', eventsOf(40, { keys: 40 }));
  const seen: string[] = [];
  for (let life = 1; life <= 3; life++) {
    const victim = await child({
      name: `victim-${life}`,
      topic: 'single',
      leaseMs: 2_000,
      concurrency: 8,
      handlerMs: 10,
      poison: 'event-5',
    });
    await eventually(() => said(victim, /^begin event-5 /).length > 0, { what: `life ${life} meets the poison` });
    await victim.end();
    seen.push(...said(victim, /^begin event-5 /));
  }
  const survivor = await child({ name: 'survivor', topic: 'single', leaseMs: 2_000, concurrency: 8, poison: 'event-5' });
  await eventually(async () => (await transport.lag('single', 'g')).pending === 0, { what: 'all is handled' });
  expect(seen).toEqual(['begin event-5 1', 'begin event-5 2', 'begin event-5 3']);
  expect(said(survivor, /^begin event-5 /)).toEqual([]);
  const dead = (await client.xrange(`${streamKey('single', 0)}:dead:g`, '-', '+')) as [string, string[]][];
  expect(dead.map(([, fields]) => fields[fields.indexOf('id') + 1])).toEqual(['event-5']);
  const history = JSON.parse(dead[0]![1][dead[0]![1].indexOf('deaderrors') + 1]!);
  expect(history).toMatchObject([{ attempt: 3, consumer: 'victim-3' }]);
  const ended = () => new Set(children.flatMap((one) => said(one, /^end/))).size;
  await eventually(() => ended() === 39, { what: 'they have said so' });
}, 60_000);

/** What consumers begin that end by it, one after the other, until it is set aside. */
async function livesUntilSetAside(poison: string): Promise<string[]> {
  const seen: string[] = [];
  for (let life = 1; life <= 4; life++) {
    const victim = await child({ name: `life-${life}`, topic: 'twice', leaseMs: 2_000, poison });
    const met = (): string[] => said(victim, new RegExp(`^begin ${poison} `));
    const isSetAside = async (): Promise<boolean> => (await transport.lag('twice', 'g')).pending === 0;
    await eventually(async () => met().length > 0 || (await isSetAside()), { what: `life ${life} meets the poison, or it is set aside` });
    await victim.end();
    seen.push(...met());
    if (await isSetAside()) break;
  }
  return seen;
}

test('an event that kills its process is set aside too when a consumer has read it before, and closed in good order without beginning it', async () => {
  await transport.publish('twice', eventsOf(2, { keys: 2 }));
  const first = await openTransport(serviceOf(redis), topics);
  await new Promise<void>((resolve) => {
    void first.subscribe('twice', { group: 'g' }, async () => {
      resolve();
      await eventually(async () => (await transport.lag('twice', 'g')).undelivered === 0, { what: 'both are read' });
    });
  });
  await first.close();
  expect(await transport.lag('twice', 'g')).toEqual({ pending: 1, undelivered: 0 });
  expect(await livesUntilSetAside('event-2')).toEqual(['begin event-2 1', 'begin event-2 2']);
}, 60_000);

test('an event that kills its process is set aside too when it was redriven', async () => {
  await transport.publish('twice', eventsOf(1));
  const refusing = await transport.subscribe('twice', { group: 'g' }, async () => {
    throw new MillraceError('EVENT_REJECTED', 'not like this');
  });
  const letters = transport.deadLetters('twice', 'g');
  const list = async (): Promise<DeadLetter[]> => {
    const all: DeadLetter[] = [];
    for await (const letter of letters.list()) all.push(letter);
    return all;
  };
  await eventually(async () => (await list()).length === 1, { what: 'it is set aside' });
  await refusing.close();
  expect(await letters.redrive((await list()).map(({ id }) => id))).toBe(1);
  expect(await transport.lag('twice', 'g')).toEqual({ pending: 1, undelivered: 0 });
  expect(await livesUntilSetAside('event-1')).toEqual(['begin event-1 1', 'begin event-1 2']);
  expect(await list()).toHaveLength(1);
}, 60_000);

test('on a topic of one attempt, events that were only read by a process that died are handled', async () => {
  await transport.publish('once', eventsOf(10));
  const victim = await child({ name: 'victim', topic: 'once', leaseMs: 2_000, poison: 'event-1' });
  await eventually(() => said(victim, /^begin event-1 1$/).length > 0, { what: 'the victim has read' });
  await victim.end();
  const survivor = await child({ name: 'survivor', topic: 'once', leaseMs: 2_000 });
  await eventually(async () => (await transport.lag('once', 'g')).pending === 0, { what: 'all is handled' });
  await eventually(() => said(survivor, /^end/).length === 10, { what: 'it has said so' });
  expect(await client.exists(`${streamKey('once', 0)}:dead:g`)).toBe(0);
});
