import { setTimeout as pause } from 'node:timers/promises';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { streamKey } from '../../../runtime/src/contracts/topology.ts';
import type { Delivery } from '../../../runtime/src/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { openGate } from '../support/gate.ts';
import { eventsOf, openTransport, serviceOf, useGround } from './redis-streams-fixture.ts';

const topics = { orders: { shards: 8 }, single: {}, isolated: { isolation: 'tenant' as const } };
const ground = useGround(topics, { drainMs: 300 });
const stream = (topic: string): string => streamKey(topic, 0);

test('each of two groups gets every event, whether it began before or after they were published', async () => {
  const seen = { early: [] as string[], late: [] as string[] };
  await ground.transport.subscribe('orders', { group: 'early' }, async ({ id }) => void seen.early.push(id));
  await ground.transport.publish('orders', eventsOf(200, { keys: 20 }));
  await ground.transport.subscribe('orders', { group: 'late' }, async ({ id }) => void seen.late.push(id));
  await ground.settled('orders', 'early');
  await ground.settled('orders', 'late');
  const all = eventsOf(200, { keys: 20 })
    .map(({ id }) => id)
    .sort();
  expect([seen.early.sort(), seen.late.sort()]).toEqual([all, all]);
});

test('a delivery tells what it is, and its event is as it was published', async () => {
  let got: { event: unknown; delivery: Delivery } | undefined;
  const [event] = eventsOf(1, { extensions: { region: 'eu' }, data: Buffer.from([0, 255, 10]) });
  await ground.transport.publish('single', [event!]);
  await ground.transport.subscribe('single', { group: 'g', run: 'replay-1' }, async (seen, delivery) => {
    got = { event: seen, delivery };
  });
  const { delivery, event: seen } = await eventually(() => got, { what: 'the event arrives' });
  expect(seen).toEqual(event);
  expect(delivery).toMatchObject({
    topic: 'single',
    group: 'g',
    attempt: 1,
    redelivered: false,
    run: 'replay-1',
    lease: { scope: stream('single') },
  });
  const [[position]] = (await ground.client.xrange(stream('single'), '-', '+')) as unknown as [[string]];
  expect(delivery.position).toBe(position);
  expect(delivery.signal.aborted).toBe(false);
});

test('competing consumers handle the events of a key one after the other, at concurrency 16, while consumers come and go', async () => {
  const others = await Promise.all([1, 2].map(() => openTransport(serviceOf(ground.redis), topics, { drainMs: 5_000 })));
  const last = new Map<string, number>();
  const running = new Set<string>();
  const violations: string[] = [];
  const handled = new Set<string>();
  const handler = async ({ id, partitionkey, sequence }: { id: string; partitionkey?: string; sequence?: string }): Promise<void> => {
    const key = partitionkey!;
    if (running.has(key)) violations.push(`${id} ran beside another of ${key}`);
    running.add(key);
    if (!handled.has(id) && (last.get(key) ?? 0) >= Number(sequence)) violations.push(`${id} after ${last.get(key)}`);
    await pause(Math.random() * 4);
    handled.add(id);
    last.set(key, Math.max(last.get(key) ?? 0, Number(sequence)));
    running.delete(key);
  };
  try {
    const count = 6_000;
    await ground.transport.subscribe('orders', { group: 'g', concurrency: 16 }, handler);
    for (let from = 1; from <= count; from += 1_000) {
      await ground.transport.publish('orders', eventsOf(1_000, { keys: 97, from }));
      if (from === 1_001) await others[0]!.subscribe('orders', { group: 'g', concurrency: 16 }, handler);
      if (from === 2_001) await others[1]!.subscribe('orders', { group: 'g', concurrency: 16 }, handler);
      await pause(150);
      if (from === 4_001) await others[0]!.close();
    }
    await ground.settled('orders');
    expect(violations).toEqual([]);
    expect(handled.size).toBe(count);
  } finally {
    await Promise.all(others.map((other) => other.close()));
  }
});

test('three consumers share eight shards fairly within seconds, and two after one has left', async () => {
  const transports = await Promise.all([1, 2, 3].map((n) => openTransport(serviceOf(ground.redis), topics, { consumerName: `c${n}` })));
  const heldBy = async (): Promise<number[]> => {
    const leases = await ground.client.mget(Array.from({ length: 8 }, (_, shard) => `${streamKey('orders', shard)}:lease:g`));
    const names = leases.map((lease) => lease?.split('/')[0] ?? 'nobody');
    return ['c1', 'c2', 'c3', 'nobody'].map((name) => names.filter((other) => other === name).length);
  };
  const shares = (expected: string, what: string) =>
    eventually(
      async () =>
        String(await heldBy())
          .split(',')
          .sort()
          .join() === expected,
      { what, timeoutMs: 5_000 },
    );
  try {
    await transports[0]!.subscribe('orders', { group: 'g' }, async () => undefined);
    await shares('0,0,0,8', 'one consumer holds all');
    await transports[1]!.subscribe('orders', { group: 'g' }, async () => undefined);
    await transports[2]!.subscribe('orders', { group: 'g' }, async () => undefined);
    await shares('0,2,3,3', 'three consumers share');
    await transports[1]!.close();
    await shares('0,0,4,4', 'two consumers share');
  } finally {
    await Promise.all(transports.map((one) => one.close()));
  }
});

test('tenants are found as they come, and a consumer of one tenant sees no other', async () => {
  const all: string[] = [];
  const one: string[] = [];
  await ground.transport.publish('isolated', eventsOf(1, { tenantid: 'acme' }));
  await ground.transport.subscribe('isolated', { group: 'all' }, async ({ id, tenantid }) => void all.push(`${tenantid} ${id}`));
  await ground.transport.subscribe(
    'isolated',
    { group: 'one', tenant: 'beta' },
    async ({ id, tenantid }) => void one.push(`${tenantid} ${id}`),
  );
  await eventually(() => all.length === 1, { what: 'the first tenant is read' });
  await ground.transport.publish('isolated', eventsOf(1, { from: 2, tenantid: 'beta' }));
  await eventually(() => all.length === 2 && one.length === 1, { what: 'the second tenant is found' });
  expect([all, one]).toEqual([['acme event-1', 'beta event-2'], ['beta event-2']]);
});

test('what a user of one tenant gives out in its stream as an event of another, or of none, is set aside and is no history', async () => {
  const seen: string[] = [];
  const handler = async ({ id, tenantid }: { id: string; tenantid?: string }): Promise<void> => void seen.push(`${tenantid} ${id}`);
  const forge = (...tenant: string[]) =>
    ground.client.xadd(streamKey('isolated', 0, 'acme'), '*', 'specversion', '1.0', 'id', 'forged', 'source', '/s', 'type', 't', ...tenant);
  await ground.transport.publish('isolated', eventsOf(1, { tenantid: 'acme' }));
  await forge('tenantid', 'acme-labs');
  await forge();
  await ground.transport.publish('isolated', eventsOf(1, { from: 2, tenantid: 'acme' }));
  await ground.transport.subscribe('isolated', { group: 'all' }, handler);
  await ground.settled('isolated', 'all');
  await ground.transport.subscribe('isolated', { group: 'one', tenant: 'acme' }, handler);
  await ground.settled('isolated', 'one');
  expect(seen).toEqual(['acme event-1', 'acme event-2', 'acme event-1', 'acme event-2']);
  for (const group of ['all', 'one']) {
    const letters: string[] = [];
    for await (const { failures } of ground.transport.deadLetters('isolated', group).list()) letters.push(failures.at(-1)!.message);
    expect(letters).toEqual(Array(2).fill('event is of another tenant than the stream it was found in'));
  }
  const past: string[] = [];
  for await (const { event } of ground.transport.read!('isolated', { from: 'earliest' })) past.push(event.id);
  expect(past).toEqual(['event-1', 'event-2']);
});

test('fails if a group is to begin elsewhere while it has a consumer, of one tenant too', async () => {
  await ground.transport.publish('isolated', eventsOf(1, { tenantid: 'acme' }));
  for (const [topic, options] of [
    ['single', { group: 'g' }],
    ['isolated', { group: 'g', tenant: 'acme' }],
  ] as const) {
    const subscription = await ground.transport.subscribe(topic, options, async () => undefined);
    const isHeld = async (): Promise<boolean> => (await ground.client.keys('*:lease:g')).length === 1;
    await eventually(isHeld, { what: `${topic} is held` });
    const refusal = { code: 'SUBSCRIPTION_INVALID', message: `group g has consumers of ${topic}; stop them before it begins elsewhere` };
    await expect(ground.transport.startGroup!(topic, 'g', 'earliest')).rejects.toMatchObject(refusal);
    await subscription.close();
    await ground.transport.startGroup!(topic, 'g', 'earliest');
  }
});

test('fails if a topic is unknown, one tenant of a shared topic is wanted, or the transport is closed', async () => {
  const code = (opened: Promise<unknown>) =>
    opened.then(
      () => 'opened',
      (error) => (isMillraceError(error) ? error.code : error),
    );
  expect(await code(ground.transport.subscribe('nowhere', { group: 'g' }, async () => undefined))).toBe('TOPIC_UNKNOWN');
  expect(await code(ground.transport.subscribe('orders', { group: 'g', tenant: 'acme' }, async () => undefined))).toBe(
    'SUBSCRIPTION_INVALID',
  );
  await ground.transport.close();
  expect(await code(ground.transport.subscribe('orders', { group: 'g' }, async () => undefined))).toBe('CONNECTION_CLOSED');
});

describe('closing', () => {
  test('lets a running handler end and acknowledges it; what was read and not begun goes to the next consumer as if never read', async () => {
    const seen: string[] = [];
    await ground.transport.publish('single', eventsOf(5));
    const gate = openGate();
    const subscription = await ground.transport.subscribe('single', { group: 'g' }, async ({ id }) => {
      await gate.opened;
      seen.push(id);
    });
    await eventually(async () => (await ground.transport.lag('single', 'g')).pending === 5, { what: 'all are read' });
    const closing = Promise.all([subscription.close(), subscription.close()]);
    gate.open();
    await closing;
    expect(seen).toEqual(['event-1']);
    const deliveries: string[] = [];
    const started = Date.now();
    await ground.transport.subscribe(
      'single',
      { group: 'g' },
      async ({ id }, { attempt, redelivered }) => void deliveries.push(`${id} ${attempt} ${redelivered}`),
    );
    await ground.settled('single');
    expect(deliveries).toEqual(['event-2 1 false', 'event-3 1 false', 'event-4 1 false', 'event-5 1 false']);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  test('aborts the signal of a handler that takes too long, and ends in bounded time though the handler never does', async () => {
    let signal: AbortSignal | undefined;
    let abortedAt = 0;
    await ground.transport.publish('single', eventsOf(1));
    await using patient = await openTransport(serviceOf(ground.redis), topics, { drainMs: 300, leaseMs: 20_000 });
    const subscription = await patient.subscribe('single', { group: 'g' }, (_, delivery) => {
      signal = delivery.signal;
      signal.addEventListener('abort', () => {
        abortedAt = performance.now();
      });
      return new Promise<void>(() => undefined);
    });
    await eventually(() => signal !== undefined, { what: 'the handler runs' });
    const startedAt = performance.now();
    await subscription.close();
    expect(signal?.aborted).toBe(true);
    expect(abortedAt - startedAt).toBeGreaterThan(290);
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    expect(await ground.client.exists(`${stream('single')}:lease:g`)).toBe(1);
  });
});

test('lag counts what is delivered and what is not, also where Redis does not know', async () => {
  expect(await ground.transport.lag('single', 'g')).toEqual({ pending: 0, undelivered: 0 });
  const results = await ground.transport.publish('single', eventsOf(1_500));
  expect(await ground.transport.lag('single', 'g')).toEqual({ pending: 0, undelivered: 1_500 });
  const middle = results[299]!;
  await ground.client.xgroup('CREATE', stream('single'), 'g', middle.status === 'published' ? middle.position : '');
  expect(await ground.transport.lag('single', 'g')).toEqual({ pending: 0, undelivered: 1_200 });
  await ground.client.xreadgroup('GROUP', 'g', 'c', 'COUNT', 100, 'STREAMS', stream('single'), '>');
  expect(await ground.transport.lag('single', 'g')).toEqual({ pending: 100, undelivered: 1_100 });
});
