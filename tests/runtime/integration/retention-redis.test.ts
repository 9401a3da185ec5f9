import type { Redis } from 'ioredis';
import { wrap } from '../../../runtime/src/binding/index.ts';
import { deadLetterKey } from '../../../runtime/src/contracts/redis-keys.ts';
import { deadLetterHours, streamKey, tenantsKey } from '../../../runtime/src/contracts/topology.ts';
import { streamRetention } from '../../../runtime/src/retention/redis/task.ts';
import { trimScript } from '../../../runtime/src/retention/redis/trim.lua.ts';
import { trimStream } from '../../../runtime/src/retention/redis/trim.ts';
import type { TaskReport } from '../../../runtime/src/retention/task.ts';
import { freePorts } from '../../support/ports.ts';
import { startTestRedisCluster, type TestRedis, type TestRedisCluster } from '../../support/servers.ts';
import { onEmptyRedis, plainClient, serviceOf, type TopicInputs, topologyOf } from './redis-streams-fixture.ts';

const hourMs = 3_600_000;
const signal = new AbortController().signal;
const stream = streamKey('t', 0);
const inventory = { windowHours: 24, consumers: [{ group: 'inventory' }] };

let redis: TestRedis;
let client: Redis;

onEmptyRedis((started) => {
  ({ redis, client } = started);
});

/** Entries of so many hours of age; gives their ids. */
async function add(key: string, ...hours: number[]): Promise<string[]> {
  const now = Date.now();
  const ids: string[] = [];
  for (const [index, age] of hours.entries()) ids.push((await client.xadd(key, `${now - age * hourMs}-${index}`, 'n', String(index)))!);
  return ids;
}

async function idsOf(key: string): Promise<string[]> {
  return (await client.xrange(key, '-', '+')).map(([id]) => id);
}

/** Gives the group what there is, and acknowledges all but `open`. */
async function consume(key: string, group: string, open: readonly string[] = []): Promise<void> {
  await client.xgroup('CREATE', key, group, '0', 'MKSTREAM').catch((error: Error) => {
    if (!error.message.startsWith('BUSYGROUP')) throw error;
  });
  await client.xreadgroup('GROUP', group, 'c', 'STREAMS', key, '>');
  for (const id of await idsOf(key)) if (!open.includes(id)) await client.xack(key, group, id);
}

function run(topics: TopicInputs): Promise<TaskReport> {
  return streamRetention({ service: serviceOf(redis), topology: topologyOf(topics) }).run(signal);
}

describe('a stream is trimmed to its window', () => {
  test('to the entry, when all groups have acknowledged what is older', async () => {
    const ids = await add(stream, 30, 25, 23, 1);
    await consume(stream, 'inventory');
    expect(await run({ t: inventory })).toMatchObject({
      ...{ sentence: 'removed 2 entries of 1 streams, kept more than the window in 0', held: [], lost: [], gauges: [] },
      details: { streams: 1, removed: 2, deadLetters: 0 },
    });
    expect(await idsOf(stream)).toEqual(ids.slice(2));
    expect(await run({ t: inventory })).toMatchObject({ details: { removed: 0 } });
  });

  test('to the retention where no window is declared, and in every shard', async () => {
    for (const shard of [0, 1]) await add(streamKey('t', shard), 3, 1);
    expect(await run({ t: { shards: 2, retentionHours: 2 } })).toMatchObject({ details: { streams: 2, removed: 2 } });
  });

  test('also where nobody consumes it, and where there is none', async () => {
    await add(stream, 30, 1);
    expect(await run({ t: { windowHours: 24 }, u: { windowHours: 24 } })).toMatchObject({ details: { removed: 1 }, held: [] });
  });

  test('for each tenant of an isolated topic, who stays registered when nothing is left', async () => {
    await client.sadd(tenantsKey('t'), 'acme', 'globex');
    const [acme, globex] = ['acme', 'globex'].map((tenant) => streamKey('t', 0, tenant));
    await add(acme!, 30, 28);
    await add(globex!, 30, 1);
    expect(await run({ t: { isolation: 'tenant', windowHours: 24 } })).toMatchObject({ details: { streams: 2, removed: 3 } });
    expect((await client.smembers(tenantsKey('t'))).sort()).toEqual(['acme', 'globex']);
  });

  test('with a window longer than time itself, to nothing', async () => {
    await add(stream, 30);
    expect(await run({ t: { windowHours: 1_000_000 } })).toMatchObject({ details: { removed: 0 }, held: [] });
  });

  test('when memory is full, which is when it matters most', async () => {
    await client.xadd(stream, '1-0', 'n', 'x'.repeat(100_000));
    const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1]);
    await client.config('SET', 'maxmemory', String(used - 50_000));
    try {
      await expect(client.xadd(stream, '*', 'n', 'x')).rejects.toThrow(/OOM/);
      expect(await run({ t: { windowHours: 24 } })).toMatchObject({ details: { removed: 1 } });
    } finally {
      await client.config('SET', 'maxmemory', '512mb');
    }
  });
});

describe('an entry that somebody still needs is kept, however old', () => {
  const seconds = expect.stringMatching(/^stream:\{t:0\} keeps 216\d\d s more than its window, because /);

  test('one that is not acknowledged, which a plain trim by age loses', async () => {
    const [acknowledged, open, later] = await add(stream, 31, 30, 28);
    await consume(stream, 'inventory', [open!]);
    await client.copy(stream, 'wrong{t:0}');
    const report = await run({ t: inventory });
    expect(await idsOf(stream)).toEqual([open, later]);
    expect(report.held).toEqual([{ name: stream, sentence: seconds }]);
    expect(report.held[0]!.sentence).toContain(`because group inventory has not acknowledged ${open}: mend or release what holds it up`);
    expect(report.gauges).toEqual([
      { signal: 'redis.stream.retention_held', labels: { service: 'events', topic: 't', shard: '0' }, value: expect.any(Number) },
    ]);
    expect(Math.abs(report.gauges![0]!.value - 6 * 3_600)).toBeLessThan(60);
    // The wrong variant.
    await client.xtrim('wrong{t:0}', 'MINID', Date.now() - 24 * hourMs);
    expect(await idsOf('wrong{t:0}')).toEqual([]);
    expect(acknowledged).toBeDefined();
    // And when it is acknowledged, it goes.
    await client.xack(stream, 'inventory', open!);
    expect(await run({ t: inventory })).toMatchObject({ details: { removed: 2 }, held: [], gauges: [] });
  });

  test('of all tenants of a topic the longest is told, and no tenant with it', async () => {
    await client.sadd(tenantsKey('t'), 'acme', 'globex');
    await add(streamKey('t', 0, 'acme'), 31);
    await add(streamKey('t', 0, 'globex'), 26);
    const { gauges } = await run({ t: { isolation: 'tenant', windowHours: 24, consumers: [{ group: 'inventory' }] } });
    expect(gauges).toEqual([
      { signal: 'redis.stream.retention_held', labels: { service: 'events', topic: 't', shard: 'tenants' }, value: expect.any(Number) },
    ]);
    expect(Math.abs(gauges![0]!.value - 7 * 3_600)).toBeLessThan(60);
  });

  test('one that a group has not been given', async () => {
    const [, unread] = await add(stream, 31, 30);
    await consume(stream, 'inventory');
    await client.xgroup('SETID', stream, 'inventory', (await idsOf(stream))[0]!);
    const report = await run({ t: inventory });
    expect(await idsOf(stream)).toEqual([unread]);
    expect(report.held[0]!.sentence).toMatch(/group inventory has read nothing from \d+-1 on: start it again$/);
  });

  test('all of them, while a declared group does not exist', async () => {
    await add(stream, 31, 30);
    await consume(stream, 'other');
    const report = await run({ t: inventory });
    expect(await idsOf(stream)).toHaveLength(2);
    expect(report.held[0]!.sentence).toMatch(
      /group inventory is declared and does not exist yet: start it, or take it out of the topology$/,
    );
  });

  test('what a group needs that nobody declared', async () => {
    const [open] = await add(stream, 30);
    await consume(stream, 'inventory');
    await consume(stream, 'stranger', [open!]);
    const report = await run({ t: inventory });
    expect(await idsOf(stream)).toEqual([open]);
    expect(report.held[0]!.sentence).toMatch(
      /group stranger has not acknowledged .*, or destroy the group if nobody uses it, for it is not declared$/,
    );
  });

  test('nothing is held that is within the window', async () => {
    const [open] = await add(stream, 2);
    await consume(stream, 'inventory', [open!]);
    expect(await run({ t: inventory })).toMatchObject({ held: [], gauges: [] });
  });

  test('what a group begins to need between two calls', async () => {
    await fill(stream, 3_000);
    let calls = 0;
    const meddling = Object.assign(Object.create(client) as Redis, {
      async callBuffer(command: string, args: string[]) {
        if (args[0] === trimScript.sha1 && ++calls === 3) await client.xgroup('CREATE', stream, 'late', '0');
        return client.callBuffer(command, args);
      },
    });
    const trimmed = await trimStream(meddling, stream, { windowMs: hourMs, groups: [], signal, entriesPerCall: 500 });
    // Whole nodes of the stream, as many as fit into two calls.
    expect(trimmed).toMatchObject({ held: { group: 'late', reason: 'unread' } });
    expect(Math.abs(trimmed.removed - 1_000)).toBeLessThan(200);
    expect(await client.xlen(stream)).toBe(3_000 - trimmed.removed);
  });
});

describe('dead letters', () => {
  const dead = deadLetterKey(stream, 'inventory');
  const keptHours = deadLetterHours(topologyOf({ t: inventory }).topics.t!);

  test('are kept for a month longer than their topic keeps events', async () => {
    await add(stream, 1);
    await add(dead, keptHours - 1);
    expect(keptHours).toBe(90 * 24 + 30 * 24);
    expect(await run({ t: inventory })).toMatchObject({ details: { deadLetters: 0 }, lost: [] });
  });

  test('are never removed in silence, and those of a group that nobody declared are looked after as well', async () => {
    await consume(stream, 'stranger');
    await add(dead, keptHours + 2, keptHours + 1, 1);
    await add(deadLetterKey(stream, 'stranger'), keptHours + 1);
    const report = await run({ t: inventory });
    expect(report).toMatchObject({ details: { deadLetters: 3 } });
    expect(report.lost!.map(({ sentence }) => sentence)).toEqual([
      `2 dead letters of ${dead} were older than ${keptHours} hours and are gone`,
      `1 dead letters of ${deadLetterKey(stream, 'stranger')} were older than ${keptHours} hours and are gone`,
    ]);
    expect(await client.xlen(dead)).toBe(1);
  });
});

test('a long stream is trimmed in short calls, between which others are served', async () => {
  await fill(stream, 200_000);
  let longestMs = 0;
  let ended = false;
  const other = await plainClient(redis);
  const watch = (async () => {
    while (!ended) {
      const startedAt = performance.now();
      await other.ping();
      longestMs = Math.max(longestMs, performance.now() - startedAt);
    }
  })();
  const startedAt = performance.now();
  const { removed } = await trimStream(client, stream, { windowMs: hourMs, groups: [], signal });
  const totalMs = performance.now() - startedAt;
  ended = true;
  await watch;
  other.disconnect();
  process.stderr.write(
    `redis: 200,000 entries trimmed in ${Math.round(totalMs)} ms, longest PING of another client ${longestMs.toFixed(1)} ms\n`,
  );
  expect(removed).toBe(200_000);
  expect(longestMs).toBeLessThan(250);
});

test('a run that is stopped ends between two calls, and the next one goes on', async () => {
  await fill(stream, 3_000);
  const stopped = await trimStream(client, stream, { windowMs: hourMs, groups: [], signal: AbortSignal.abort(), entriesPerCall: 500 });
  expect(Math.abs(stopped.removed - 500)).toBeLessThan(100);
  expect(await run({ t: { windowHours: 1 } })).toMatchObject({ details: { removed: 3_000 - stopped.removed } });
});

test('a service that cannot be reached fails the run with its name', async () => {
  const port = await freePorts(1);
  const task = streamRetention({ service: serviceOf({ ...redis, port }), topology: topologyOf({ t: inventory }) });
  await expect(task.run(signal)).rejects.toMatchObject({
    code: 'CONNECTION_FAILED',
    message: expect.stringMatching(/redis service events/),
  });
});

describe('in a cluster', () => {
  let cluster: TestRedisCluster;
  beforeAll(async () => {
    cluster = await startTestRedisCluster();
  }, 60_000);
  afterAll(() => cluster?.stop());

  test('streams are trimmed on whichever node they lie', async () => {
    const streams = Array.from({ length: 4 }, (_, shard) => streamKey('t', shard));
    for (const key of [...streams, streamKey('t', 4), streamKey('t', 5), streamKey('t', 6)]) {
      const node = await plainClient(await cluster.masterOf(key));
      await node.xadd(key, '1-0', 'n', '1');
      await node.xadd(key, '*', 'n', '2');
      node.disconnect();
    }
    const service = wrap(
      {
        events: {
          ...{ kind: 'redis', role: 'events', clusterMode: true },
          endpoints: [{ purpose: 'primary', host: cluster.nodes[0]!.host, port: cluster.nodes[0]!.port }],
          auth: { mode: 'password', secretRef: { from: 'env', id: 'PASSWORD' } },
        },
      },
      { env: { PASSWORD: cluster.password } },
    ).service('events');
    const report = await streamRetention({ service, topology: topologyOf({ t: { shards: 4, windowHours: 24 } }) }).run(signal);
    expect(report).toMatchObject({ details: { streams: 4, removed: 4 } });
    expect(report.held[0]!.sentence).toMatch(/^stream:\{t:4\} and 2 more of topic t belong to no topic/);
  });
});

/** So many old entries, made on the server. */
async function fill(key: string, entries: number): Promise<void> {
  const lua = `for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], i .. '-0', 'n', ARGV[2]) end`;
  for (let left = entries, from = 0; left > 0; left -= 10_000, from += 10_000) {
    const count = Math.min(left, 10_000);
    await client.eval(lua.replace("i .. '-0'", `(${from} + i) .. '-0'`), 1, key, count, 'x'.repeat(300));
  }
}
