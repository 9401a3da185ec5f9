import type { Redis } from 'ioredis';
import { isMillraceError, type MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { streamKey, tenantsKey } from '../../../runtime/src/contracts/topology.ts';
import { shardOf } from '../../../runtime/src/hash.ts';
import type { PublishResult, Transport } from '../../../runtime/src/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestRedis, type TestRedis } from '../../support/servers.ts';
import { eventsOf, openTransport, plainClient, serviceOf } from './redis-streams-fixture.ts';

let redis: TestRedis;
let client: Redis;
let transport: Transport;
const topics = {
  orders: { shards: 4 },
  single: { shards: 1 },
  small: { maxBytes: 100 },
  isolated: { isolation: 'tenant' as const },
  elsewhere: { transports: [{ kind: 'kafka' as const, service: 'log' }] },
};

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
  await client.config('SET', 'maxmemory', '0');
  transport = await openTransport(serviceOf(redis), topics);
  await transport.incarnation();
});
afterEach(() => transport.close());

function errorsOf(results: readonly PublishResult[]): (MillraceError | undefined)[] {
  return results.map((result) => (result.status === 'failed' ? (result.error as MillraceError) : undefined));
}
function codesOf(results: readonly PublishResult[]): (string | undefined)[] {
  return errorsOf(results).map((error) => error?.code);
}
function published(results: readonly PublishResult[]): string[] {
  return results.map((result) => (result.status === 'published' ? result.position : `failed: ${result.error.message}`));
}
const relay = (epoch: bigint) => ({ fence: { producer: 'relay', epoch } });

test('events go to the shard of their key, in order, and the positions told are the ids of the entries', async () => {
  const events = eventsOf(2_500, { keys: 40 });
  const positions = published(await transport.publish('orders', events));
  for (let shard = 0; shard < 4; shard++) {
    const entries = await client.xrange(streamKey('orders', shard), '-', '+');
    const expected = events
      .map((event, i) => [positions[i], event] as const)
      .filter(([, event]) => shardOf(event.partitionkey!, 4) === shard);
    expect(entries.map(([id, fields]) => [id, fields[fields.indexOf('id') + 1]])).toEqual(expected.map(([id, event]) => [id, event.id]));
  }
});

test('an empty partition key is none: its events are spread as others without key, and do not wait for each other', async () => {
  const [refused, ...events] = eventsOf(40, { partitionkey: '' });
  const results = await transport.publish('orders', [{ ...refused!, data: Buffer.alloc(2_000_000) }, ...events]);
  expect(codesOf(results)).toEqual(['EVENT_TOO_LARGE', ...events.map(() => undefined)]);
  for (let shard = 0; shard < 4; shard++) {
    const ids = events.filter(({ id }) => shardOf(id, 4) === shard).map(({ id }) => id);
    const entries = await client.xrange(streamKey('orders', shard), '-', '+');
    expect(entries.map(([, fields]) => fields[fields.indexOf('id') + 1])).toEqual(ids);
  }
});

test('any client reads the attributes under their CloudEvents names', async () => {
  await transport.publish('single', eventsOf(1, { subject: 'order/1', extensions: { region: 'eu' } }));
  const [[, fields]] = (await client.xrange(streamKey('single', 0), '-', '+')) as [[string, string[]]];
  expect(fields).toEqual([
    ...['specversion', '1.0', 'id', 'event-1', 'source', '/services/orders', 'type', 'com.example.order.created', 'subject', 'order/1'],
    ...['time', '2026-11-21T06:00:00.000Z', 'partitionkey', 'key-0', 'sequence', '1', 'extensions', '{"region":"eu"}', 'data', '{"n":1}'],
  ]);
});

test('what was published is read again, bytes included, from the beginning, a position or a time', async () => {
  const data = Uint8Array.from({ length: 256 }, (_, i) => i);
  const events = [...eventsOf(30, { keys: 9 }), ...eventsOf(1, { from: 31, data, extensions: { region: 'eu' } })];
  const positions = published(await transport.publish('orders', events));
  const read = async (from: 'earliest' | string | Date) => {
    const seen = [];
    for await (const delivery of transport.read!('orders', { from })) seen.push(delivery);
    return seen;
  };
  const all = await read('earliest');
  expect(new Set(all.map(({ position }) => position))).toEqual(new Set(positions));
  const last = all.find(({ event }) => event.id === 'event-31')!.event;
  expect({ ...last, data: Uint8Array.from(last.data!) }).toEqual(events[30]);
  expect((await read(new Date(Date.now() + 60_000))).length).toBe(0);
  expect((await read(new Date(0))).length).toBe(31);
  const middle = all[10]!.position;
  expect((await read(middle))[0]!.position).toBe(middle);
});

test('a batch of several scripts keeps its order', async () => {
  const positions = published(await transport.publish('single', eventsOf(3_500)));
  const entries = await client.xrange(streamKey('single', 0), '-', '+');
  expect(entries.map(([id]) => id)).toEqual(positions);
});

test('a server that has forgotten the scripts is given them again', async () => {
  await transport.publish('single', eventsOf(1));
  await client.script('FLUSH');
  expect(codesOf(await transport.publish('single', eventsOf(1)))).toEqual([undefined]);
});

describe('the fence', () => {
  test('refuses an older epoch and tells the one it knows', async () => {
    await transport.publish('single', eventsOf(1), relay(2n ** 60n));
    const [error] = errorsOf(await transport.publish('single', eventsOf(1), relay(2n ** 60n - 1n)));
    expect([error?.code, error?.retriable, error?.cause]).toEqual(['RELAY_FENCED', true, 2n ** 60n]);
    expect(await client.xlen(streamKey('single', 0))).toBe(1);
  });

  test('lets a newer epoch start anew, and other producers be', async () => {
    await transport.publish('single', eventsOf(1, { from: 100 }), relay(9n));
    expect(codesOf(await transport.publish('single', eventsOf(1, { from: 5 }), relay(10n)))).toEqual([undefined]);
    expect(codesOf(await transport.publish('single', eventsOf(1), { fence: { producer: 'other', epoch: 1n } }))).toEqual([undefined]);
    const fence = await client.hgetall(`${streamKey('single', 0)}:fence`);
    expect(fence['relay:last']).toBe('5'.padStart(20, '0'));
  });

  test('takes late rows: log ids below those published before', async () => {
    await transport.publish('single', eventsOf(1, { from: 100 }), relay(1n));
    expect(codesOf(await transport.publish('single', eventsOf(1, { from: 50 }), relay(1n)))).toEqual([undefined]);
    expect(codesOf(await transport.publish('single', eventsOf(1, { from: 101 }), relay(1n)))).toEqual([undefined]);
  });

  test('takes a repetition whose first answer was lost: the server knows more than the publisher', async () => {
    await transport.publish('single', eventsOf(1, { from: 100 }), relay(1n));
    await using another = await openTransport(serviceOf(redis), topics);
    await another.incarnation();
    expect(codesOf(await another.publish('single', eventsOf(1, { from: 100 }), relay(1n)))).toEqual([undefined]);
  });

  test.each([
    ['rolled back to an earlier log id', (key: string) => client.hset(key, 'relay:last', '99'.padStart(20, '0'))],
    ['rolled back to an earlier epoch', (key: string) => client.hset(key, 'relay:epoch', '3'.padStart(20, '0'))],
    ['forgotten altogether', (key: string) => client.del(key)],
  ])('notices acknowledged events being %s, and refuses until the incarnation is asked', async (_, forget) => {
    const key = streamKey('single', 0);
    await transport.publish('single', eventsOf(1, { from: 100 }), relay(4n));
    await forget(`${key}:fence`);
    for (let again = 0; again < 2; again++) {
      const [error] = errorsOf(await transport.publish('single', eventsOf(1, { from: 101 }), relay(4n)));
      expect([error?.code, error?.retriable]).toEqual(['BROKER_LOST_EVENTS', true]);
    }
    expect(await client.xlen(key)).toBe(1);
    await transport.incarnation();
    expect(codesOf(await transport.publish('single', eventsOf(1, { from: 90 }), relay(4n)))).toEqual([undefined]);
  });

  test('holds until the incarnation was asked on this very connection', async () => {
    const before = await transport.incarnation();
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await eventually(() => transport.ping().then(() => true), { what: 'the connection is back' });
    const [refused] = errorsOf(await transport.publish('single', eventsOf(1), relay(1n)));
    expect([refused?.code, refused?.retriable]).toEqual(['PUBLISH_FAILED', true]);
    expect(codesOf(await transport.publish('small', eventsOf(1)))).toEqual([undefined]);
    expect(await client.xlen(streamKey('single', 0))).toBe(0);
    expect(await transport.incarnation()).toBe(before);
    expect(codesOf(await transport.publish('single', eventsOf(1), relay(1n)))).toEqual([undefined]);
  });

  test('a restarted server is another incarnation', async () => {
    const before = await transport.incarnation();
    await redis.restart();
    expect(await eventually(() => transport.incarnation(), { what: 'the server is back' })).not.toBe(before);
  });
});

describe('what cannot be published', () => {
  test('a key of the wrong type fails for good, and only its own shard', async () => {
    const events = eventsOf(40, { keys: 40 });
    await client.set(streamKey('orders', 2), 'a text');
    const results = await transport.publish('orders', events);
    const expected = events.map(({ partitionkey }) => (shardOf(partitionkey!, 4) === 2 ? 'PUBLISH_REJECTED' : undefined));
    expect(codesOf(results)).toEqual(expected);
    expect(errorsOf(results).find((error) => error !== undefined)?.retriable).toBe(false);
  });

  test('a full memory fails for now, whole batches at a time, and nothing is published after the first failure', async () => {
    await client.config('SET', 'maxmemory', '1mb');
    const results = await transport.publish('single', eventsOf(2_000), relay(1n));
    expect(new Set(codesOf(results))).toEqual(new Set(['PUBLISH_FAILED']));
    expect(errorsOf(results)[0]?.retriable).toBe(true);
    expect(await client.exists(streamKey('single', 0), `${streamKey('single', 0)}:fence`)).toBe(0);
    await client.config('SET', 'maxmemory', '0');
    expect(new Set(codesOf(await transport.publish('single', eventsOf(2_000), relay(1n))))).toEqual(new Set([undefined]));
  });

  test('a memory that fills up between two scripts of a batch leaves the first whole and the rest out, though there is room again', async () => {
    const data = Buffer.alloc(400_000);
    await client.config('RESETSTAT');
    const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
    await client.config('SET', 'maxmemory', String(used + 6_000_000));
    const topic = { big: { maxBytes: 1_000_000 } };
    await using big = await openTransport(serviceOf(redis), topic);
    const publishing = big.publish('big', eventsOf(100, { data }));
    const relieved = eventually(async () => (await client.info('errorstats')).includes('errorstat_OOM'), { what: 'memory is full' });
    await Promise.all([relieved.then(() => client.config('SET', 'maxmemory', '0')), publishing]);
    const codes = codesOf(await publishing);
    const stored = await client.xlen(streamKey('big', 0));
    expect(stored).toBeGreaterThan(0);
    expect(stored).toBeLessThan(100);
    expect(codes).toEqual([...Array(stored).fill(undefined), ...Array(100 - stored).fill('PUBLISH_FAILED')]);
  });

  test('a replica refuses for now', async () => {
    await client.replicaof('127.0.0.1', '1');
    try {
      const [error] = errorsOf(await transport.publish('single', eventsOf(1)));
      expect([error?.code, error?.retriable]).toEqual(['PUBLISH_FAILED', true]);
    } finally {
      await client.replicaof('NO', 'ONE');
    }
  });

  test('an event that is too large fails for good; later events of its key wait, other keys go on', async () => {
    const data = Buffer.alloc(101);
    const events = [
      ...eventsOf(2, { keys: 2 }),
      ...eventsOf(1, { from: 3, partitionkey: 'key-0', data }),
      ...eventsOf(2, { from: 4, keys: 2 }),
    ];
    const results = await transport.publish('small', events);
    expect(codesOf(results)).toEqual([undefined, undefined, 'EVENT_TOO_LARGE', 'PUBLISH_FAILED', undefined]);
    expect(errorsOf(results).map((error) => error?.retriable)).toEqual([undefined, undefined, false, true, undefined]);
  });

  test.each(['nowhere', 'elsewhere'])('an unknown topic fails for now: %s', async (topic) => {
    const [error] = errorsOf(await transport.publish(topic, eventsOf(1)));
    expect([error?.code, error?.retriable]).toEqual(['TOPIC_UNKNOWN', true]);
  });

  test('an event without a tenant on an isolated topic fails for good, the others are published and their tenants registered', async () => {
    const events = [
      ...eventsOf(1, { tenantid: 'acme' }),
      ...eventsOf(1, { from: 2, partitionkey: 'x' }),
      ...eventsOf(1, { from: 3, tenantid: 'beta' }),
    ];
    expect(codesOf(await transport.publish('isolated', events))).toEqual([undefined, 'TENANT_REQUIRED', undefined]);
    expect((await client.smembers(tenantsKey('isolated'))).sort()).toEqual(['acme', 'beta']);
    expect(await client.xlen(streamKey('isolated', 0, 'acme'))).toBe(1);
  });

  test.each(['', '*', 'acme}:stream:isolated:x', 'a b', '{acme'])(
    'an event of tenant %j, whose stream others could read, fails for good',
    async (tenantid) => {
      const events = [...eventsOf(1, { tenantid }), ...eventsOf(1, { from: 2, tenantid: 'acme', partitionkey: 'x' })];
      const [refused] = await transport.publish('isolated', events);
      expect(refused).toMatchObject({ status: 'failed', retriable: false, error: { code: 'EVENT_INVALID' } });
      expect((refused as { error: Error }).error.message).toContain(
        `and have only letters, digits and . _ : @ + = ~ -, got ${JSON.stringify(tenantid)}`,
      );
      expect(await client.keys('tenant:*')).toEqual([streamKey('isolated', 0, 'acme')]);
      expect(await client.smembers(tenantsKey('isolated'))).toEqual(['acme']);
      // On a stream that all share a tenant is no part of the key.
      expect(codesOf(await transport.publish('single', eventsOf(1, { tenantid })))).toEqual([undefined]);
    },
  );

  test('an aborted call publishes nothing', async () => {
    const codes = codesOf(await transport.publish('single', eventsOf(2), { signal: AbortSignal.abort() }));
    expect(codes).toEqual(['PUBLISH_FAILED', 'PUBLISH_FAILED']);
    expect(await client.exists(streamKey('single', 0))).toBe(0);
  });

  test('a server that is away fails fast and for now, a silent one within the deadline', async () => {
    await redis.pause();
    const started = Date.now();
    const [silent] = errorsOf(await transport.publish('single', eventsOf(1)));
    await redis.resume();
    expect([silent?.code, silent?.retriable]).toEqual(['PUBLISH_FAILED', true]);
    expect(Date.now() - started).toBeLessThan(4_000);
    await redis.kill();
    const [gone] = errorsOf(await transport.publish('single', eventsOf(1)));
    expect([gone?.code, gone?.retriable, isMillraceError(gone)]).toEqual(['PUBLISH_FAILED', true, true]);
    await redis.restart();
    await eventually(() => transport.ping().then(() => true), { what: 'the server is back' });
  });
});
