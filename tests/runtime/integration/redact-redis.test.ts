import type { Redis } from 'ioredis';
import { blockedKey, deadLetterKey } from '../../../runtime/src/contracts/redis-keys.ts';
import { streamKey, tenantsKey } from '../../../runtime/src/contracts/topology.ts';
import type { PlaceOutcome } from '../../../runtime/src/retention/redact/outcome.ts';
import { redactRedis } from '../../../runtime/src/retention/redact/redis.ts';
import type { Sought } from '../../../runtime/src/retention/redact/sought.ts';
import type { TestRedis } from '../../support/servers.ts';
import { onEmptyRedis, serviceOf, type TopicInputs, topologyOf } from './redis-streams-fixture.ts';

const stream = streamKey('t', 0);
const dead = deadLetterKey(stream, 'g');
const t = { consumers: [{ group: 'g' }], onExhausted: 'block' as const };
const chat = { isolation: 'tenant' as const, consumers: [{ group: 'g' }] };
const person = 'ann@example.org';

let redis: TestRedis;
let client: Redis;

onEmptyRedis((started) => {
  ({ redis, client } = started);
});

async function add(key: string, fields: Record<string, string> = {}, id = '*'): Promise<string> {
  return (await client.xadd(key, id, ...Object.entries({ tenantid: 'acme', actorid: person, ...fields }).flat()))!;
}

function redactIn(
  topics: TopicInputs,
  sought: Sought = { actor: person },
  more: { dryRun?: boolean; since?: Date } = {},
): Promise<PlaceOutcome> {
  return redactRedis(serviceOf(redis), topologyOf(topics), sought, more.dryRun ?? false, more.since);
}

test('a stream that is none, or has too many groups, is told of, and the others are searched', async () => {
  const [acme, beta, crowded] = ['acme', 'beta', 'crowded'].map((tenant) => streamKey('chat', 0, tenant));
  await client.sadd(tenantsKey('chat'), 'acme', 'beta', 'crowded');
  await client.hset(acme!, 'a', 'b');
  await add(beta!);
  await client.xgroup('CREATE', beta!, 'g', '$');
  await add(crowded!);
  await client.eval(`for i = 1, 1001 do redis.call('XGROUP', 'CREATE', KEYS[1], 'g' .. i, '$') end`, 1, crowded!);
  const { counts, remains } = await redactIn({ chat });
  expect(counts).toEqual({ 'events chat': 1 });
  expect(remains.map(({ sentence }) => sentence)).toEqual([
    expect.stringMatching(/^tenant:\{acme\}:stream:chat was not looked at \(WRONGTYPE .*\): mend or delete the key, and run it again$/),
    expect.stringMatching(/^tenant:\{crowded\}:stream:chat was not looked at, because it has more than 1000 groups/),
  ]);
  // What was sought is not repeated.
  expect((await redactIn({ chat }, { tenant: 'acme' })).remains[0]!.sentence).toMatch(/^a stream of topic chat was not looked at/);
});

test('a mirror is searched, although its groups will never come', async () => {
  await add(stream);
  const transports = [
    { kind: 'kafka' as const, service: 'log' },
    { kind: 'redis-streams' as const, service: 'events', phase: 'mirror' as const },
  ];
  expect(await redactIn({ t: { ...t, transports } })).toEqual({ counts: { 'events t': 1 }, remains: [] });
  expect(await client.xlen(stream)).toBe(0);
});

describe('what nobody declares any more', () => {
  const left = [streamKey('t', 3), streamKey('u', 0), streamKey('t', 0, 'acme'), deadLetterKey(stream, 'gone')];

  test('is searched too: former shards, topics, isolations and groups', async () => {
    for (const key of left) {
      await add(key);
      await add(key, { actorid: 'bob' });
    }
    expect(await redactIn({ t })).toEqual({ counts: { 'events t': 3, 'events u': 1 }, remains: [] });
    for (const key of left) expect(await client.xlen(key)).toBe(1);
  });

  test('only of the tenant and the topics that are sought', async () => {
    for (const key of left) await add(key);
    await add(streamKey('t', 0, 'beta'));
    expect((await redactIn({ t }, { tenant: 'acme', topics: ['u'] })).counts).toEqual({ 'events u': 1 });
    expect((await redactIn({ t }, { tenant: 'acme' })).counts).toEqual({ 'events t': 3 });
  });

  test('keeps what a group that is there has not acknowledged', async () => {
    await add(left[0]!);
    await client.xgroup('CREATE', left[0]!, 'g', '0');
    const { counts, remains } = await redactIn({ t });
    expect(counts).toEqual({});
    expect(remains).toEqual([{ where: 'events', sentence: '1 events of t are not acknowledged by group g: run it again when they are' }]);
  });
});

describe('a key that waits behind a dead letter', () => {
  const blocked = blockedKey(stream, 'g');
  beforeEach(async () => {
    await client.sadd(blocked, person, 'other');
  });

  test('is released when the dead letter goes', async () => {
    await add(dead, { partitionkey: person });
    await add(dead, { partitionkey: 'other', actorid: 'bob' });
    expect(await redactIn({ t }, undefined, { dryRun: true })).toEqual({ counts: { 'events t': 1 }, remains: [] });
    expect(await client.scard(blocked)).toBe(2);
    expect(await redactIn({ t })).toEqual({ counts: { 'events t': 1 }, remains: [] });
    expect(await client.smembers(blocked)).toEqual(['other']);
  });

  test('stays behind the dead letter of another, and then it is told of without its name', async () => {
    await add(dead, { partitionkey: person, actorid: 'bob' }, '1000-0');
    await add(dead, { partitionkey: person });
    const { counts, remains } = await redactIn({ t }, undefined, { since: new Date(2_000) });
    expect(counts).toEqual({ 'events t': 1 });
    expect(remains).toEqual([{ where: 'events', sentence: `the key that was sought is blocked in ${blocked}: release it` }]);
    expect(await client.sismember(blocked, person)).toBe(1);
  });
});

test('a second look finds what came since, and leaves the rest unread', async () => {
  await add(stream, {}, '1000-0');
  await add(stream, {}, '3000-0');
  await client.xgroup('CREATE', stream, 'g', '$');
  expect((await redactIn({ t }, undefined, { since: new Date(2_000) })).counts).toEqual({ 'events t': 1 });
  expect(await client.xrange(stream, '-', '+')).toEqual([['1000-0', expect.anything()]]);
});
