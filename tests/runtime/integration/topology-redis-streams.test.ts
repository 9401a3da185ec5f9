import type { Redis } from 'ioredis';
import { streamKey, type Topology } from '../../../runtime/src/contracts/topology.ts';
import { applyTopology } from '../../../runtime/src/topology/apply.ts';
import type { TestRedis } from '../../support/servers.ts';
import { applyAll, bindingOf, onUntouchedRedis, openDriver, topologyOn } from '../support/topology-redis.ts';

const orders = (shards: number): Topology =>
  topologyOn(
    { orders: { shards, consumers: [{ group: 'books' }] } },
    {
      relay: { topics: ['orders'], access: 'produce' },
      books: { topics: ['orders'], groups: ['books'], access: 'consume' },
    },
  );
const chat = topologyOn(
  { chat: { isolation: 'tenant', consumers: [{ group: 'history' }] } },
  { relay: { topics: ['chat'], access: 'produce' }, reader: { topics: ['chat'], groups: ['history'], access: 'consume' } },
);
const withoutTopics = topologyOn({}, { relay: { topics: ['orders', 'chat'], access: 'produce' } });

let redis: TestRedis;
let admin: Redis;

onUntouchedRedis((started) => {
  ({ redis, admin } = started);
});

const apply = (topology: Topology, allow: readonly string[] = []) =>
  applyTopology({ binding: bindingOf(redis, topology), topology, allow });
const compare = async (topology: Topology) => {
  await using driver = await openDriver(bindingOf(redis, topology), topology);
  return await driver.compare();
};
const publish = (key: string, id = '*') => admin.xadd(key, id, 'n', '1') as Promise<string>;
const keysOf = async (user: string) => String(((await admin.call('ACL', 'GETUSER', user)) as unknown[])[7]);

async function handle(key: string, group = 'books'): Promise<void> {
  const found = (await admin.xreadgroup('GROUP', group, 'someone', 'STREAMS', key, '>')) as [string, [string, string[]][]][] | null;
  for (const [id] of found?.[0]?.[1] ?? []) await admin.xack(key, group, id);
}

describe('fewer shards of a topic', () => {
  test('wait while events lie in those that go: users keep their keys, and the streams are shown', async () => {
    await applyAll(bindingOf(redis, orders(3)), orders(3));
    for (const shard of [0, 1, 1, 2]) await publish(streamKey('orders', shard));
    await admin.xreadgroup('GROUP', 'books', 'someone', 'COUNT', 1, 'STREAMS', streamKey('orders', 1), '>');
    const { status, services } = await apply(orders(1));
    expect(status).toBe('refused');
    const [relay, books, ...undeclared] = services[0]!.changes;
    const danger = {
      sentence:
        'takes away streams with events that are not handled: stream:{orders:1} (2 entries, 1 pending), stream:{orders:2} (1 entry, 0 pending)',
      messages: 3,
    };
    expect([relay, books]).toMatchObject([
      { name: 'events/user/relay', state: 'refused', danger },
      { name: 'events/user/books', state: 'refused', danger },
    ]);
    expect(undeclared).toMatchObject([
      {
        name: 'events/stream/stream:{orders:1}',
        action: 'delete',
        undeclared: true,
        danger: { sentence: 'deletes the stream with 2 entries, 1 pending, and the keys beside', messages: 2 },
      },
      { name: 'events/stream/stream:{orders:2}', undeclared: true },
    ]);
    expect(services[0]!.notes.filter(({ level }) => level === 'problem').map(({ name }) => name)).toEqual([
      'events/stream/stream:{orders:1}',
      'events/stream/stream:{orders:2}',
    ]);
    expect(await keysOf('relay')).toContain('stream:{orders:2}');
  });

  test('are taken away when all is handled; the empty streams go with the keys beside them when they are named', async () => {
    await applyAll(bindingOf(redis, orders(2)), orders(2));
    const [first, second] = [streamKey('orders', 0), streamKey('orders', 1)];
    for (const key of [first, second]) await publish(key);
    await handle(second);
    const beside = [`${second}:fence`, `${second}:fence:books`, `${second}:blocked:books`];
    for (const key of beside) await admin.set(key, 'x');
    await publish(`${second}:dead:books`);
    const after = await apply(orders(1));
    expect([after.status, after.services[0]!.notes.filter(({ level }) => level === 'problem')]).toEqual(['applied', []]);
    expect(await keysOf('relay')).not.toContain('stream:{orders:1}');
    const { changes } = await compare(orders(1));
    expect(changes).toMatchObject([
      { danger: { sentence: 'deletes the stream with 1 entry, 0 pending and 1 dead letter, and the keys beside', messages: 2 } },
    ]);
    expect((await apply(orders(1), [`events/stream/${second}`])).status).toBe('applied');
    expect(await admin.keys('*')).toEqual([first]);
    expect((await compare(orders(1))).changes).toEqual([]);
  });
});

describe('a topic that is declared no more', () => {
  test('has its streams shown, dead letters too, and users keep them until they are handled or allowed', async () => {
    await applyAll(bindingOf(redis, orders(1)), orders(1));
    await publish('stream:{orders:0}');
    await publish('stream:{older:0}:dead:books');
    const { status, services } = await apply(withoutTopics);
    expect(status).toBe('refused');
    expect(services[0]!.changes).toMatchObject([
      { name: 'events/user/relay', state: 'refused', danger: { messages: 1 } },
      { name: 'events/user/books', undeclared: true },
      { name: 'events/stream/stream:{older:0}', undeclared: true, danger: { messages: 1 } },
      { name: 'events/stream/stream:{orders:0}', undeclared: true, danger: { messages: 1 } },
    ]);
    const names = services[0]!.changes.map(({ name }) => name);
    expect((await apply(withoutTopics, names)).status).toBe('applied');
    expect(await admin.dbsize()).toBe(0);
    expect((await compare(withoutTopics)).changes).toEqual([]);
  });

  test('keeps a stream that has got more entries since it was compared', async () => {
    await publish('stream:{older:0}');
    await using driver = await openDriver(bindingOf(redis, orders(1)), orders(1));
    const change = (await driver.compare()).changes.find(({ name }) => name === 'events/stream/stream:{older:0}');
    await publish('stream:{older:0}');
    await expect(driver.apply(change!)).rejects.toMatchObject({ code: 'TOPOLOGY_CONFLICT' });
    expect(await admin.xlen('stream:{older:0}')).toBe(2);
  });

  test('has the streams of its tenants shown in one, and they go with the register', async () => {
    await applyAll(bindingOf(redis, chat), chat);
    for (const tenant of ['acme', 'other:{x}:stream:y', 'third']) {
      await publish(streamKey('chat', 0, tenant));
      await admin.sadd('tenants:{chat}', tenant);
    }
    expect((await compare(chat)).changes).toEqual([]);
    const { changes } = await compare(withoutTopics);
    const sentence = 'takes away streams with events that are not handled: 3 streams of tenants of chat (3 entries, 0 pending)';
    expect(changes).toMatchObject([
      { name: 'events/user/relay', danger: { sentence, messages: 3 } },
      { name: 'events/user/reader', undeclared: true },
      {
        name: 'events/tenant-streams/chat',
        undeclared: true,
        differences: [
          { property: 'streams', live: '3' },
          { property: 'entries', live: '3' },
          { property: 'pending', live: '0' },
        ],
        danger: { messages: 3 },
      },
    ]);
    const names = changes.map(({ name }) => name);
    expect((await apply(withoutTopics, names)).status).toBe('applied');
    expect(await admin.dbsize()).toBe(0);
  });

  test('is found among thousands of keys without anyone waiting for it', async () => {
    const pipeline = admin.pipeline();
    for (let n = 0; n < 10_000; n += 1) pipeline.xadd(streamKey('chat', 0, `tenant-${n}`), '*', 'n', '1');
    await pipeline.exec();
    await applyAll(bindingOf(redis, chat), chat);
    await using driver = await openDriver(bindingOf(redis, chat), chat);
    const startedAt = performance.now();
    expect((await driver.compare()).changes).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    await publish('stream:{older:0}');
    expect((await driver.compare()).changes.map(({ name }) => name)).toEqual(['events/stream/stream:{older:0}']);
  });
});

describe('more shards of an ordered topic', () => {
  test('wait while groups have yet to acknowledge events in the old ones', async () => {
    await applyAll(bindingOf(redis, orders(1)), orders(1));
    await publish(streamKey('orders', 0));
    const { status, services } = await apply(orders(2));
    expect(status).toBe('refused');
    const sentence =
      'moves keys from 1 to 2 shards: events of a key may overtake those of it among the 1 entry that groups have yet to acknowledge, until the old ones are consumed';
    expect(services[0]!.changes).toMatchObject([
      { name: 'events/group/stream:{orders:1}/books', state: 'refused', danger: { sentence } },
      { name: 'events/user/relay', state: 'refused', danger: { sentence } },
      { name: 'events/user/books', state: 'refused', danger: { sentence } },
    ]);
    expect(await keysOf('relay')).not.toContain('stream:{orders:1}');
    await handle(streamKey('orders', 0));
    expect((await apply(orders(2))).status).toBe('applied');
    expect(await keysOf('relay')).toContain('stream:{orders:1}');
  });

  test('of one whose events have no order do not wait, nor do users and groups that are new on the same shards', async () => {
    const unordered = (shards: number) =>
      topologyOn(
        { orders: { shards, ordered: false, consumers: [{ group: 'books' }] } },
        { relay: { topics: ['orders'], access: 'produce' } },
      );
    await applyAll(bindingOf(redis, unordered(1)), unordered(1));
    await publish(streamKey('orders', 0));
    expect((await apply(unordered(2))).status).toBe('applied');
    expect((await apply(orders(2))).status).toBe('applied');
  });
});
