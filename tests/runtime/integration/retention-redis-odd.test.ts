import type { Redis } from 'ioredis';
import { blockedKey, deadLetterKey } from '../../../runtime/src/contracts/redis-keys.ts';
import { deadLetterHours, streamKey, tenantsKey } from '../../../runtime/src/contracts/topology.ts';
import { streamRetention } from '../../../runtime/src/retention/redis/task.ts';
import type { Task, TaskReport } from '../../../runtime/src/retention/task.ts';
import type { TestRedis } from '../../support/servers.ts';
import { onEmptyRedis, serviceOf, type TopicInputs, topologyOf } from './redis-streams-fixture.ts';

const hourMs = 3_600_000;
const signal = new AbortController().signal;
const stream = streamKey('t', 0);
const chat = { isolation: 'tenant' as const, windowHours: 24, consumers: [{ group: 'history' }] };
const [acme, beta] = [streamKey('chat', 0, 'acme'), streamKey('chat', 0, 'beta')];

let redis: TestRedis;
let client: Redis;

onEmptyRedis((started) => {
  ({ redis, client } = started);
});

async function add(key: string, hours: number, ...fields: string[]): Promise<string> {
  return (await client.xadd(key, `${Date.now() - hours * hourMs}-*`, 'n', '1', ...fields))!;
}

function task(topics: TopicInputs): Task {
  return streamRetention({ service: serviceOf(redis), topology: topologyOf(topics) });
}

const run = (topics: TopicInputs): Promise<TaskReport> => task(topics).run(signal);
const sentences = ({ held }: TaskReport): string[] => held.map(({ sentence }) => sentence);

describe('a tenant that does odd things to its own stream keeps no other from being trimmed', () => {
  beforeEach(async () => {
    await client.sadd(tenantsKey('chat'), 'acme', 'beta');
    await add(beta, 30);
    await client.xgroup('CREATE', beta, 'history', '$');
  });

  test.each(['1-18446744073709551614', '1-9007199254740993', '1-9999999999', '1-18446744073709551615'])('with the id %s', async (id) => {
    await client.xadd(acme, id, 'a', 'b');
    await client.xgroup('CREATE', acme, 'history', '0');
    await client.xreadgroup('GROUP', 'history', 'c', 'STREAMS', acme, '>');
    expect(sentences(await run({ chat }))).toEqual([expect.stringContaining(`has not acknowledged ${id}`)]);
    expect(await client.xlen(beta)).toBe(0);
    expect(await client.xlen(acme)).toBe(1);
    await client.xack(acme, 'history', id);
    expect(await run({ chat })).toMatchObject({ held: [], details: { removed: 1 } });
  });

  test('with the last id there is', async () => {
    await client.xadd(acme, '18446744073709551615-18446744073709551615', 'a', 'b');
    await client.xgroup('CREATE', acme, 'history', '$');
    expect(await run({ chat })).toMatchObject({ held: [], details: { removed: 1 } });
    expect([await client.xlen(beta), await client.xlen(acme)]).toEqual([0, 1]);
  });

  test('with something else in its place', async () => {
    await client.hset(acme, 'a', 'b');
    await client.set(deadLetterKey(acme, 'history'), 'x');
    const report = await run({ chat });
    expect(await client.xlen(beta)).toBe(0);
    expect(sentences(report)).toEqual([
      expect.stringMatching(/^tenant:\{acme\}:stream:chat is not kept within its window \(WRONGTYPE .*\): mend or delete the key$/),
      expect.stringMatching(/^tenant:\{acme\}:stream:chat:dead:history is not kept within its window \(WRONGTYPE /),
    ]);
  });

  test('with 30,000 groups, for which nobody waits', async () => {
    await add(acme, 30);
    await client.eval(`for i = 1, 30000 do redis.call('XGROUP', 'CREATE', KEYS[1], 'g' .. i, '0') end`, 1, acme);
    await client.config('RESETSTAT');
    const report = await run({ chat });
    expect(await client.xlen(beta)).toBe(0);
    expect(sentences(report)).toEqual([
      'tenant:{acme}:stream:chat is not kept within its window, because it has 30000 groups, too many to look at: destroy those that nobody uses',
    ]);
    const [, longestUs] = /cmdstat_evalsha:calls=\d+,usec=(\d+)/.exec(await client.info('commandstats'))!;
    expect(Number(longestUs)).toBeLessThan(100_000);
  });
});

describe('a mirror', () => {
  const mirrored = {
    windowHours: 24,
    consumers: [{ group: 'inventory' }],
    transports: [
      { kind: 'kafka' as const, service: 'log' },
      { kind: 'redis-streams' as const, service: 'events', phase: 'mirror' as const },
    ],
  };

  test('is trimmed, although its groups will never come', async () => {
    await add(stream, 30);
    expect(await run({ t: mirrored })).toMatchObject({ details: { removed: 1 }, held: [] });
  });

  test('waits for the groups that did come', async () => {
    await add(stream, 30);
    await client.xgroup('CREATE', stream, 'inventory', '0');
    expect(sentences(await run({ t: mirrored }))).toEqual([expect.stringMatching(/group inventory has read nothing .*: start it again$/)]);
    expect(await client.xlen(stream)).toBe(1);
  });
});

describe('what nobody declares any more is told of and left alone', () => {
  const t = { windowHours: 24, consumers: [{ group: 'inventory' }] };

  test('former shards, topics, isolations, groups and tenants', async () => {
    const left = [streamKey('t', 3), streamKey('u', 0), streamKey('u', 1), streamKey('t', 0, 'acme'), deadLetterKey(stream, 'gone'), acme];
    for (const key of left) await add(key, 30);
    const report = await run({ t, chat });
    for (const key of left) expect(await client.xlen(key)).toBe(1);
    expect(sentences(report)).toEqual([
      expect.stringMatching(/^stream:\{t:0\}:dead:gone and 2 more of topic t belong to no topic, shard, tenant or group there is/),
      expect.stringMatching(/^stream:\{u:0\} and 1 more of topic u /),
      expect.stringMatching(/^tenant:\{acme\}:stream:chat belongs to no/),
    ]);
  });

  test('but not what is declared, what a group made that is there, and what is none of ours', async () => {
    await client.sadd(tenantsKey('chat'), 'acme');
    await add(acme, 1);
    await add(stream, 1);
    await client.xgroup('CREATE', stream, 'stranger', '$');
    for (const group of ['inventory', 'stranger']) await add(deadLetterKey(stream, group), 1);
    await add('streams:of:others', 1);
    await client.set('stream:{t:7}', 'not a stream');
    expect(await run({ t, chat })).toMatchObject({ held: [] });
  });

  test('once an hour, and in the runs between what was found', async () => {
    const again = task({ t });
    await add(streamKey('t', 3), 1);
    expect((await again.run(signal)).held).toHaveLength(1);
    await add(streamKey('u', 0), 1);
    await client.config('RESETSTAT');
    expect((await again.run(signal)).held).toHaveLength(1);
    expect(await client.info('commandstats')).not.toContain('cmdstat_scan');
  });

  test('and a user who may not look does the rest', async () => {
    await client.call('ACL', 'SETUSER', 'janitor', 'on', '>pass', '~*', '+@all', '-scan');
    const service = serviceOf({ ...redis, password: 'pass' });
    const named = {
      ...service,
      service: { ...service.service, auth: { ...service.service.auth, mode: 'acl' as const, username: 'janitor' } },
    };
    await add(stream, 30);
    const report = await streamRetention({ service: named, topology: topologyOf({ t: { windowHours: 24 } }) }).run(signal);
    expect(report).toMatchObject({ held: [], details: { removed: 1, leftovers: 'not looked for: the user may not SCAN' } });
  });
});

describe('a dead letter whose key is blocked', () => {
  const t = { windowHours: 24, consumers: [{ group: 'inventory' }], onExhausted: 'block' as const };
  const dead = deadLetterKey(stream, 'inventory');
  const hours = deadLetterHours(topologyOf({ t }).topics.t!);

  test('stays until the key is released', async () => {
    await add(dead, hours + 3, 'partitionkey', 'free');
    await add(dead, hours + 2, 'partitionkey', 'k');
    await add(dead, hours + 1);
    await client.sadd(blockedKey(stream, 'inventory'), 'k');
    const report = await run({ t });
    expect(report.details).toMatchObject({ deadLetters: 1 });
    expect(sentences(report)).toEqual([
      `${dead} keeps dead letters of more than ${hours} hours, because the key of one is blocked: decide, and release it from ${blockedKey(stream, 'inventory')}`,
    ]);
    expect(await client.xlen(dead)).toBe(2);
    await client.srem(blockedKey(stream, 'inventory'), 'k');
    expect(await run({ t })).toMatchObject({ details: { deadLetters: 2 }, held: [] });
  });

  test('however many others are before it', async () => {
    for (let n = 0; n < 250; n++) await add(dead, hours + 1, 'partitionkey', n === 240 ? 'k' : `free ${n}`);
    await client.sadd(blockedKey(stream, 'inventory'), 'k');
    expect((await run({ t })).details).toMatchObject({ deadLetters: 240 });
  });
});
