import type { Redis } from 'ioredis';
import type { Sample, SignalName } from '../../../runtime/src/contracts/signals.ts';
import { tenantsKey } from '../../../runtime/src/contracts/topology.ts';
import { IncompleteLook, type Look, type LookGround } from '../../../runtime/src/probe/look.ts';
import { openRedisLook } from '../../../runtime/src/probe/redis/index.ts';
import type { TestRedis } from '../../support/servers.ts';
import { onEmptyRedis, serviceOf, type TopicInputs, topologyOf } from './redis-streams-fixture.ts';

let redis: TestRedis;
let client: Redis;
onEmptyRedis((started) => ({ redis, client } = started));

const looks: Look[] = [];
afterEach(async () => {
  await Promise.all(looks.splice(0).map((look) => look[Symbol.asyncDispose]()));
});

const stream = 'stream:{orders:0}';
const hourMs = 3_600_000;
const books: TopicInputs[string] = { consumers: [{ group: 'books' }], onExhausted: 'block' };

function openLook(topics: TopicInputs, options: Partial<LookGround> = {}): Look {
  const look = openRedisLook({ service: serviceOf(redis), topology: topologyOf(topics), ...options });
  looks.push(look);
  return look;
}

async function sampled(topics: TopicInputs, options: Partial<LookGround> = {}): Promise<readonly Sample[]> {
  return openLook(topics, options).sample(new AbortController().signal);
}

/** Value of the one sample with these labels. */
function theValue(samples: readonly Sample[], signal: SignalName, labels: Record<string, string> = {}): number {
  const found = samples.filter(
    (sample) => sample.signal === signal && Object.entries(labels).every(([name, text]) => sample.labels[name] === text),
  );
  expect(found).toHaveLength(1);
  return found[0]!.value;
}

/** Entries with ids of now, or of so many hours ago. */
async function add(key: string, count: number, hoursAgo = 0): Promise<void> {
  const script = `for i = 1, ARGV[2] do redis.call('XADD', KEYS[1], ARGV[1] .. '-' .. i, 'n', i) end`;
  await client.eval(script, 1, key, Date.now() - hoursAgo * hourMs, count);
}

async function groups(key: string, count: number): Promise<void> {
  await client.eval(`for i = 1, ARGV[1] do redis.call('XGROUP', 'CREATE', KEYS[1], 'group-' .. i, '0') end`, 1, key, count);
}

async function read(key: string, group: string, consumer: string, count: number): Promise<string[]> {
  const reply = (await client.xreadgroup('GROUP', group, consumer, 'COUNT', count, 'STREAMS', key, '>')) as [
    string,
    [string, string[]][],
  ][];
  return reply[0]![1].map(([id]) => id);
}

describe('streams', () => {
  const of = { service: 'events', topic: 'orders', shard: '0', group: 'books' };

  test('are told with what waits, what a paused consumer holds, what was given up and what is blocked behind it', async () => {
    await add(stream, 10_050, 2);
    await client.xgroup('CREATE', stream, 'books', '0');
    const held = await read(stream, 'books', 'paused', 30);
    await read(stream, 'books', 'busy', 20);
    await client.xack(stream, 'books', ...held.slice(0, 10));
    await client.xadd(`${stream}:dead:books`, '*', 'n', 'dead');
    await client.xadd(`${stream}:dead:books`, '*', 'n', 'dead');
    await client.xtrim(`${stream}:dead:books`, 'MAXLEN', 1);
    await client.sadd(`${stream}:blocked:books`, 'key-1', 'key-2');
    const samples = await sampled({ orders: { ...books, volume: { eventsPerDay: 1_005, averageBytes: 500 }, windowHours: 24 } });
    const value = (signal: SignalName, more = {}) => theValue(samples, signal, { ...of, ...more });
    expect(value('redis.stream.lag')).toBe(10_000);
    expect(value('redis.stream.backlog')).toBe(10_040);
    expect(value('redis.stream.pending', { consumer: '' })).toBe(20);
    expect(value('redis.stream.pending', { consumer: 'paused' })).toBe(20);
    expect(value('redis.stream.pending', { consumer: 'busy' })).toBe(20);
    expect(value('redis.stream.oldest_pending_age')).toBeCloseTo(7_200, -2);
    expect(value('redis.stream.oldest_waiting_age')).toBeCloseTo(7_200, -2);
    expect([value('redis.stream.dead_letters'), value('redis.stream.dead_letters_added')]).toEqual([1, 2]);
    expect(value('redis.stream.blocked_keys')).toBe(2);
    expect(theValue(samples, 'redis.stream.length', { topic: 'orders' })).toBe(10_050);
    expect(theValue(samples, 'redis.stream.entries_added', { topic: 'orders' })).toBe(10_050);
    expect(theValue(samples, 'redis.stream.window_ratio', { topic: 'orders' })).toBe(10);
  });

  test('of which there is none yet are told as empty, and as no error of the server', async () => {
    const look = openLook({ orders: { ...books, shards: 2 } });
    const samples = await look.sample(new AbortController().signal);
    for (const shard of ['0', '1']) {
      for (const signal of [
        'lag',
        'backlog',
        'pending',
        'oldest_pending_age',
        'oldest_waiting_age',
        'dead_letters',
        'blocked_keys',
      ] as const)
        expect(theValue(samples, `redis.stream.${signal}`, { ...of, shard })).toBe(0);
    }
    expect(samples.some(({ signal }) => signal === 'redis.stream.window_ratio')).toBe(false);
    // Without those that connecting makes.
    await client.config('RESETSTAT');
    await look.sample(new AbortController().signal);
    expect(await client.info('errorstats')).not.toContain('errorstat_');
  });

  test('wait from the first entry on for a declared group that does not exist, unless it consumes elsewhere', async () => {
    await add(stream, 7, 1);
    const live = await sampled({ orders: books });
    expect(theValue(live, 'redis.stream.lag', of)).toBe(7);
    expect(theValue(live, 'redis.stream.oldest_waiting_age', of)).toBeCloseTo(3_600, -2);
    const mirror = await sampled({ orders: { ...books, transports: [{ kind: 'redis-streams', service: 'events', phase: 'mirror' }] } });
    expect(mirror.filter(({ signal }) => signal === 'redis.stream.lag')).toEqual([]);
  });

  test('tell of blocked keys and of dead letters where a topic has them alone', async () => {
    const told = async (more: object) =>
      new Set((await sampled({ orders: { consumers: [{ group: 'books' }], ...more } })).map(({ signal }) => signal));
    const skips = await told({ onExhausted: 'skip' });
    expect([skips.has('redis.stream.blocked_keys'), skips.has('redis.stream.dead_letters')]).toEqual([false, true]);
    const keepsNone = await told({ onExhausted: 'block', deadLetter: false });
    expect([keepsNone.has('redis.stream.blocked_keys'), keepsNone.has('redis.stream.dead_letters_added')]).toEqual([true, false]);
  });

  test('of 200 groups tell of the declared one, and of 20 others', async () => {
    await add(stream, 5);
    await groups(stream, 200);
    const told = (await sampled({ orders: books })).filter(({ signal }) => signal === 'redis.stream.lag').map(({ labels }) => labels.group);
    expect(told).toHaveLength(21);
    expect(told[0]).toBe('books');
  });

  test('of more groups than are looked at make the look incomplete, instead of a group that seems to be missing', async () => {
    await add(stream, 5);
    await client.xgroup('CREATE', stream, 'books', '$');
    await groups(stream, 1_000);
    const failure: unknown = await sampled({ orders: books, paid: books }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(IncompleteLook);
    const { samples, cause } = failure as IncompleteLook;
    expect(cause).toMatchObject({ message: expect.stringMatching(/a stream of topic orders .* has 1001 groups/) });
    expect(samples.some(({ signal, labels }) => signal === 'redis.stream.lag' && labels.topic === 'orders')).toBe(false);
    expect(theValue(samples, 'redis.stream.lag', { topic: 'paid' })).toBe(0);
  });

  test('tell of groups that nobody declared too, unless it is not wanted', async () => {
    await add(stream, 5, 2);
    await client.xgroup('CREATE', stream, 'stranger', '0');
    await read(stream, 'stranger', 'c', 5);
    const samples = await sampled({ orders: {} });
    expect(theValue(samples, 'redis.stream.backlog', { ...of, group: 'stranger' })).toBe(5);
    const declared = await sampled({ orders: { windowHours: 1 } }, { undeclared: false });
    expect(declared.some(({ labels }) => labels.group === 'stranger')).toBe(false);
    // What it has not acknowledged is held back all the same.
    expect(theValue(declared, 'redis.stream.retention_held', { topic: 'orders' })).toBeGreaterThan(3_000);
  });

  test('have a lag of nothing, of all, or of an estimate where Redis does not know it', async () => {
    for (let minute = 100; minute > 0; minute--) await client.xadd(stream, `${Date.now() - minute * 60_000}-0`, 'n', '1');
    const ids = (await client.xrange(stream, '-', '+')).map(([id]) => id);
    for (const [group, at] of Object.entries({ all: ids[0]!, half: ids[49]!, none: ids[99]! }))
      await client.xgroup('CREATE', stream, group, at);
    // A group that was put in the middle, behind a deleted entry.
    await client.xdel(stream, ids[60]!);
    const lagOf = async () => ((await client.xinfo('GROUPS', stream)) as unknown[][]).map((flat) => flat[flat.indexOf('lag') + 1]);
    expect(await lagOf()).toContain(null);
    const samples = await sampled({ orders: {} });
    const value = (group: string) => theValue(samples, 'redis.stream.lag', { ...of, group });
    expect(Math.abs(value('half') - 49)).toBeLessThanOrEqual(2);
    expect(Math.abs(value('all') - 98)).toBeLessThanOrEqual(1);
    expect(value('none')).toBe(0);
  });

  test('overstep their window where a group has not acknowledged the oldest entry, and there alone', async () => {
    const topics = { orders: { ...books, windowHours: 1 } };
    const held = async () => theValue(await sampled(topics), 'redis.stream.retention_held', { shard: '0' });
    await add(stream, 3, 2);
    expect(await held()).toBeCloseTo(3_600, -2);
    await client.xgroup('CREATE', stream, 'books', '0');
    expect(await held()).toBeCloseTo(3_600, -2);
    const ids = await read(stream, 'books', 'c', 3);
    expect(await held()).toBeCloseTo(3_600, -2);
    await client.xack(stream, 'books', ids[0]!);
    expect(await held()).toBe(0);
  });

  test('that somebody made something else keep no other from being told', async () => {
    await client.set(stream, 'text');
    await add('stream:{paid:0}', 3);
    const samples = await sampled({ orders: books, paid: {} });
    expect(theValue(samples, 'redis.stream.length', { topic: 'paid' })).toBe(3);
    expect(theValue(samples, 'redis.stream.length', { topic: 'orders' })).toBe(0);
  });
});

describe('streams of tenants', () => {
  const of = { service: 'events', topic: 'chat', shard: 'tenants' };
  const topics = { chat: { isolation: 'tenant', windowHours: 1, ...books } } as const;

  test('are told together, without the name of any', async () => {
    for (const [tenant, count] of [
      ['acme', 3],
      ['globex', 5],
      ['initech', 7],
    ] as const) {
      const key = `tenant:{${tenant}}:stream:chat`;
      await client.sadd(tenantsKey('chat'), tenant);
      await add(key, count, tenant === 'globex' ? 3 : 0);
      await client.xgroup('CREATE', key, 'books', '0');
      await client.xgroup('CREATE', key, `group-of-${tenant}`, '0');
      await read(key, 'books', `consumer-of-${tenant}`, count - 2);
      await client.sadd(`${key}:blocked:books`, 'k');
      await client.xadd(`${key}:dead:books`, '*', 'n', 'dead');
    }
    const samples = await sampled(topics);
    const value = (signal: SignalName) => theValue(samples, signal, of);
    expect(value('redis.stream.length')).toBe(15);
    expect(value('redis.stream.entries_added')).toBe(15);
    expect(value('redis.stream.lag')).toBe(6);
    expect(value('redis.stream.backlog')).toBe(15);
    expect(value('redis.stream.pending')).toBe(5);
    expect(value('redis.stream.dead_letters')).toBe(3);
    expect(value('redis.stream.blocked_keys')).toBe(3);
    expect(value('redis.stream.oldest_pending_age')).toBeCloseTo(3 * 3_600, -2);
    expect(value('redis.stream.retention_held')).toBeCloseTo(2 * 3_600, -2);
    expect(JSON.stringify(samples)).not.toMatch(/acme|globex|initech/);
  });

  test('whose register somebody made something else keep no other from being told', async () => {
    await client.set(tenantsKey('chat'), 'text');
    await add(stream, 3);
    const samples = await sampled({ ...topics, orders: books });
    expect(theValue(samples, 'redis.stream.length', { topic: 'orders' })).toBe(3);
    expect(theValue(samples, 'redis.stream.length', of)).toBe(0);
  });

  test('are looked at 500 a round, and none twice before all were', async () => {
    const tenants = Array.from({ length: 1_200 }, (_, n) => `t${n}`);
    await client.sadd(tenantsKey('chat'), tenants);
    const script = `for _, t in ipairs(ARGV) do redis.call('XADD', 'tenant:{' .. t .. '}:stream:chat', '*', 'n', 1) end`;
    await client.eval(script, 0, ...tenants);
    await client.config('RESETSTAT');
    const look = openLook({ chat: { isolation: 'tenant' } });
    const rounds: (readonly Sample[])[] = [];
    for (let round = 0; round < 4; round++) rounds.push(await look.sample(new AbortController().signal));
    const lengths = rounds.map((samples) => theValue(samples, 'redis.stream.length', of));
    expect(lengths[0]).toBeGreaterThanOrEqual(500);
    expect(lengths[0]).toBeLessThan(600);
    expect(lengths.slice(2)).toEqual([1_200, 1_200]);
    // Counters wait until all is known.
    const told = rounds.map((samples) => samples.some(({ signal }) => signal === 'redis.stream.entries_added'));
    expect(told).toEqual([false, false, true, true]);
    // Who is gone from the register is forgotten, after a whole way.
    await client.srem(tenantsKey('chat'), ...tenants.slice(0, 1_000));
    for (let round = 0; round < 4; round++) rounds.push(await look.sample(new AbortController().signal));
    expect(theValue(rounds.at(-1)!, 'redis.stream.length', of)).toBe(200);
  });
});

test('a look at 60 topics of two shards and two groups takes 1,320 commands, none of which is slow or reads more than one entry', async () => {
  const consumers = [{ group: 'a' }, { group: 'b' }];
  const topics = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`topic-${n}`, { shards: 2, consumers }]));
  for (const topic of Object.keys(topics)) {
    for (const shard of [0, 1]) {
      const key = `stream:{${topic}:${shard}}`;
      await add(key, 200);
      for (const { group } of consumers) {
        await client.xgroup('CREATE', key, group, '0');
        await read(key, group, 'c', 100);
      }
    }
  }
  const look = openLook(topics);
  await look.sample(new AbortController().signal);
  await client.config('RESETSTAT');
  // Redis would note 10 ms; a machine that is busy takes a server off its processor for longer.
  await client.config('SET', 'slowlog-log-slower-than', 50_000);
  await client.slowlog('RESET');
  await look.sample(new AbortController().signal);
  const calls = [...(await client.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g)].map(
    ([, name, count]) => [name!, Number(count)] as const,
  );
  const counted = Object.fromEntries(calls.filter(([name]) => !/^(config|slowlog)/.test(name)));
  expect(counted).toEqual({
    ...{ time: 1, info: 1, exists: 360, 'xinfo|stream': 120, 'xinfo|groups': 120, xpending: 240, xrange: 240, scard: 240 },
  });
  expect(await client.slowlog('GET')).toEqual([]);
});

describe('a server', () => {
  const of = { service: 'events' };

  test('is told with its memory, its connections, and no replica that is missed', async () => {
    const samples = await sampled({});
    const node = { ...of, node: `127.0.0.1:${redis.port}` };
    expect(theValue(samples, 'redis.memory.used_ratio', node)).toBeGreaterThan(0);
    expect(theValue(samples, 'redis.memory.used_ratio', node)).toBeLessThan(0.1);
    expect(theValue(samples, 'redis.connections.used_ratio', node)).toBeGreaterThan(0);
    expect(theValue(samples, 'redis.operations', node)).toBeGreaterThanOrEqual(0);
    expect(theValue(samples, 'redis.evicted_keys', node)).toBe(0);
    expect(theValue(samples, 'redis.persistence.failed', node)).toBe(0);
    expect(theValue(samples, 'redis.replicas.missing', of)).toBe(0);
  });

  test('that is full tells how often it refused to write, and is looked at all the same', async () => {
    await client.config('RESETSTAT');
    await client.xadd(stream, '1-0', 'n', 'x'.repeat(100_000));
    const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1]);
    await client.config('SET', 'maxmemory', String(used - 50_000));
    try {
      for (let n = 0; n < 3; n++) await expect(client.xadd(stream, '*', 'n', 'x')).rejects.toThrow(/OOM/);
      const samples = await sampled({ orders: books });
      expect(theValue(samples, 'redis.refused_writes', of)).toBe(3);
      expect(theValue(samples, 'redis.memory.used_ratio', of)).toBeGreaterThan(1);
      expect(theValue(samples, 'redis.stream.length', { topic: 'orders' })).toBe(1);
    } finally {
      await client.config('SET', 'maxmemory', '512mb');
    }
  });
});
