import type { Redis } from 'ioredis';
import { streamKey } from '../../../runtime/src/contracts/topology.ts';
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
const topics = { orders: { shards: 2 }, single: {}, once: { retry: { attempts: 1 } } };

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
  await eventually(() => started.lines.includes('ready'), { what: `${settings.name} is ready` });
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
  const handled = new Set([...said(first, /^end/), ...said(second, /^end/)]);
  expect([ofFirst > 0, handled.size]).toEqual([true, 2_000]);
  const byKey = new Map<number, number>();
  for (const line of said(second, /^begin/)) {
    const n = Number(line.split(' ')[1]!.split('-')[1]);
    expect(n).toBeGreaterThan(byKey.get(n % 10) ?? 0);
    byKey.set(n % 10, n);
  }
}, 30_000);

test('a holder stopped for longer than its lease begins nothing more when it comes back, and its acknowledgement is refused', async () => {
  await transport.publish('single', eventsOf(20));
  const stopped = await child({ name: 'stopped', topic: 'single', handlerMs: 300 });
  await eventually(() => said(stopped, /^begin event-2 /).length > 0, { what: 'its second handler runs' });
  stopped.kill('SIGSTOP');
  const second = await child({ name: 'second', topic: 'single', handlerMs: 20 });
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
    const victim = await child({ name: `victim-${life}`, topic: 'single', leaseMs: 400, concurrency: 8, handlerMs: 10, poison: 'event-5' });
    await eventually(() => said(victim, /^begin event-5 /).length > 0, { what: `life ${life} meets the poison` });
    await victim.end();
    seen.push(...said(victim, /^begin event-5 /));
  }
  const survivor = await child({ name: 'survivor', topic: 'single', leaseMs: 400, concurrency: 8, poison: 'event-5' });
  await eventually(async () => (await transport.lag('single', 'g')).pending === 0, { what: 'all is handled' });
  expect(seen).toEqual(['begin event-5 1', 'begin event-5 2', 'begin event-5 3']);
  expect(said(survivor, /^begin event-5 /)).toEqual([]);
  const dead = (await client.xrange(`${streamKey('single', 0)}:dead:g`, '-', '+')) as [string, string[]][];
  expect(dead.map(([, fields]) => fields[fields.indexOf('id') + 1])).toEqual(['event-5']);
  const history = JSON.parse(dead[0]![1][dead[0]![1].indexOf('deaderrors') + 1]!);
  expect(history).toMatchObject([{ attempt: 3, consumer: 'victim-3' }]);
  const ended = new Set(children.flatMap((one) => said(one, /^end/)));
  expect(ended.size).toBe(39);
}, 30_000);

test('on a topic of one attempt, events that were only read by a process that died are handled', async () => {
  await transport.publish('once', eventsOf(10));
  const victim = await child({ name: 'victim', topic: 'once', leaseMs: 400, poison: 'event-1' });
  await eventually(() => said(victim, /^begin event-1 1$/).length > 0, { what: 'the victim has read' });
  await victim.end();
  const survivor = await child({ name: 'survivor', topic: 'once', leaseMs: 400 });
  await eventually(async () => (await transport.lag('once', 'g')).pending === 0, { what: 'all is handled' });
  expect(said(survivor, /^end/)).toHaveLength(10);
  expect(await client.exists(`${streamKey('once', 0)}:dead:g`)).toBe(0);
});
