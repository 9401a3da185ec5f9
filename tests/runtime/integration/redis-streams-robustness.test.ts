import { setTimeout as pause } from 'node:timers/promises';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { streamKey } from '../../../runtime/src/contracts/topology.ts';
import type { Loss } from '../../../runtime/src/transports/redis-streams/index.ts';
import { eventually } from '../../support/eventually.ts';
import { eventsOf, useGround } from './redis-streams-fixture.ts';

const topics = { orders: { shards: 8 }, single: {} };
const losses: Loss[] = [];
const ground = useGround(topics, { onLoss: (loss) => losses.push(loss) });
const stream = (topic: string): string => streamKey(topic, 0);

test('a consumer whose lease was taken acknowledges nothing, reads nothing, and its delivery is told', async () => {
  let signal: AbortSignal | undefined;
  let end = (): void => undefined;
  await ground.transport.publish('single', eventsOf(1));
  await ground.transport.subscribe('single', { group: 'g' }, (_, delivery) => {
    signal = delivery.signal;
    return new Promise<void>((resolve) => {
      end = resolve;
    });
  });
  await eventually(() => signal !== undefined, { what: 'the handler runs' });
  await ground.client.set(`${stream('single')}:lease:g`, 'another/1', 'PX', 60_000);
  end();
  await ground.transport.publish('single', eventsOf(1, { from: 2 }));
  await eventually(() => signal?.aborted === true, { what: 'the loss is noticed' });
  expect(isMillraceError(signal?.reason, 'CONSUMER_LEASE_LOST')).toBe(true);
  expect(await ground.transport.lag('single', 'g')).toEqual({ pending: 1, undelivered: 1 });
});

test('connections that break in the middle of reads and acknowledgements strand nothing and keep the order', async () => {
  const last = new Map<string, number>();
  const seen = new Set<string>();
  const violations: string[] = [];
  await ground.transport.subscribe('single', { group: 'g', concurrency: 4 }, async ({ id, partitionkey, sequence }) => {
    if (!seen.has(id) && (last.get(partitionkey!) ?? 0) >= Number(sequence)) violations.push(id);
    seen.add(id);
    last.set(partitionkey!, Math.max(last.get(partitionkey!) ?? 0, Number(sequence)));
  });
  const breaking = (async () => {
    for (let round = 0; round < 12; round++) {
      await ground.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await pause(120);
    }
  })();
  for (let from = 1; from <= 3_000; from += 50) {
    const page = eventsOf(50, { keys: 10, from });
    await eventually(async () => (await ground.transport.publish('single', page)).every(({ status }) => status === 'published'), {
      what: 'the page is published',
    });
    await pause(10);
  }
  await breaking;
  await ground.settled('single');
  expect([seen.size, violations]).toEqual([3_000, []]);
});

test('entries whose answer never arrived, because the connection broke after the read, are taken up again', async () => {
  const seen: string[] = [];
  await ground.transport.subscribe('single', { group: 'g' }, async ({ id }) => void seen.push(id));
  await eventually(() => ground.client.exists(`${stream('single')}:lease:g`).then((found) => found === 1), { what: 'the stream is held' });
  await ground.client.config('SET', 'client-output-buffer-limit', 'normal 40kb 0 0');
  await ground.transport.publish('single', eventsOf(100, { data: Buffer.alloc(1_000) }));
  await eventually(async () => (await ground.transport.lag('single', 'g')).pending === 100, { what: 'the server has delivered' });
  await ground.client.config('SET', 'client-output-buffer-limit', 'normal 0 0 0');
  await ground.settled('single');
  expect(seen).toEqual(eventsOf(100).map(({ id }) => id));
});

test('an event at its last chance begins though nothing else is to come, when what was read before it was for another group', async () => {
  const seen: string[] = [];
  await ground.client.xadd(
    stream('single'),
    ...['*', 'specversion', '1.0', 'id', 'redriven', 'source', '/s', 'type', 't', 'millraceredrivefor', 'other'],
  );
  await ground.transport.publish('single', eventsOf(1));
  await ground.client.xgroup('CREATE', stream('single'), 'g', '0');
  await ground.client.xreadgroup('GROUP', 'g', 'gone', 'COUNT', 2, 'STREAMS', stream('single'), '>');
  const [, [last]] = (await ground.client.xrange(stream('single'), '-', '+')) as unknown as [unknown, [string]];
  await ground.client.xclaim(stream('single'), 'g', 'gone', 0, last, 'RETRYCOUNT', 2, 'JUSTID');
  await ground.transport.subscribe('single', { group: 'g' }, async ({ id }, { attempt }) => void seen.push(`${id} ${attempt}`));
  await ground.settled('single');
  expect(seen).toEqual(['event-1 3']);
});

describe('a server that forgets', () => {
  test('a group that is gone is made anew from the first entry', async () => {
    const seen: string[] = [];
    await ground.transport.publish('single', eventsOf(2));
    await ground.transport.subscribe('single', { group: 'g' }, async ({ id }) => void seen.push(id));
    await ground.settled('single');
    await ground.client.xgroup('DESTROY', stream('single'), 'g');
    await ground.transport.publish('single', eventsOf(1, { from: 3 }));
    await eventually(() => seen.includes('event-3'), { what: 'the flow resumes' });
    expect(seen).toEqual(['event-1', 'event-2', 'event-1', 'event-2', 'event-3']);
  });

  test('entries deleted before they were handled are reported as lost', async () => {
    const positions = (await ground.transport.publish('single', eventsOf(3))).map((result) =>
      result.status === 'published' ? result.position : '',
    );
    await ground.client.xgroup('CREATE', stream('single'), 'g', '0');
    await ground.client.xreadgroup('GROUP', 'g', 'gone', 'COUNT', 3, 'STREAMS', stream('single'), '>');
    await ground.client.xdel(stream('single'), positions[1]!);
    const seen: string[] = [];
    await ground.transport.subscribe('single', { group: 'g' }, async ({ id }, { attempt }) => void seen.push(`${id} ${attempt}`));
    await ground.settled('single');
    expect(seen).toEqual(['event-1 2', 'event-3 2']);
    expect(losses).toEqual([{ topic: 'single', group: 'g', stream: stream('single'), positions: [positions[1]] }]);
    const consumers = (await ground.client.xinfo('CONSUMERS', stream('single'), 'g')) as unknown[];
    expect(consumers).toHaveLength(1);
  });

  test('a restart in the middle of the flow loses nothing and keeps the order of first deliveries', async () => {
    const last = new Map<string, number>();
    const seen = new Set<string>();
    const violations: string[] = [];
    await ground.transport.subscribe('orders', { group: 'g', concurrency: 8 }, async ({ id, partitionkey, sequence }) => {
      if (!seen.has(id) && (last.get(partitionkey!) ?? 0) >= Number(sequence)) violations.push(id);
      await pause(1);
      seen.add(id);
      last.set(partitionkey!, Math.max(last.get(partitionkey!) ?? 0, Number(sequence)));
    });
    await ground.transport.publish('orders', eventsOf(2_000, { keys: 50 }));
    await eventually(() => seen.size > 200, { what: 'the flow has begun' });
    await ground.redis.restart();
    await ground.settled('orders');
    expect([seen.size, violations]).toEqual([2_000, []]);
  });
});

test('a subscription that is being opened while the transport closes is refused, not left running', async () => {
  const opening = ground.transport.subscribe('single', { group: 'g' }, async () => undefined);
  const refused = expect(opening).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
  await ground.transport.close();
  await refused;
});
