import { setTimeout as pause } from 'node:timers/promises';
import { streamKey } from '../../../runtime/src/contracts/topology.ts';
import { trimStream } from '../../../runtime/src/retention/redis/trim.ts';
import { eventually } from '../../support/eventually.ts';
import { eventsOf, useGround } from './redis-streams-fixture.ts';

const topics = {
  single: {},
  blocking: { onExhausted: 'block' as const },
  strict: { onExhausted: 'block' as const, deadLetter: false },
  lenient: { deadLetter: false },
};
// A machine so busy that a lease lapses gives what was begun another attempt.
const ground = useGround(topics, { drainMs: 300, leaseMs: 10_000 });
const stream = (topic: string): string => streamKey(topic, 0);

test('a failing event is tried again after a pause, in which only its key waits, then set aside with its history', async () => {
  const order: string[] = [];
  const attempts: number[] = [];
  await ground.transport.publish('single', eventsOf(30, { keys: 3 }));
  await ground.transport.subscribe('single', { group: 'g', concurrency: 4 }, async ({ id, partitionkey }, { attempt }) => {
    if (id === 'event-3') {
      attempts.push(attempt);
      throw new Error(`no luck ${attempt}`);
    }
    order.push(`${partitionkey} ${id}`);
  });
  await ground.settled('single');
  expect(attempts).toEqual([1, 2, 3]);
  const ofKey = (key: string) => order.filter((line) => line.startsWith(key)).map((line) => Number(line.split('-').at(-1)));
  expect(ofKey('key-0')).toEqual([6, 9, 12, 15, 18, 21, 24, 27, 30]);
  expect(order.indexOf('key-1 event-28')).toBeLessThan(order.indexOf('key-0 event-6'));
  const [[, dead]] = (await ground.client.xrange(`${stream('single')}:dead:g`, '-', '+')) as [[string, string[]]];
  const field = (name: string) => dead[dead.indexOf(name) + 1]!;
  expect([field('id'), field('data'), field('deadgroup')]).toEqual(['event-3', '{"n":3}', 'g']);
  expect(JSON.parse(field('deaderrors'))).toMatchObject([
    { attempt: 1, message: 'no luck 1', at: expect.stringMatching(/^\d{4}-/), consumer: expect.any(String) },
    { attempt: 2, message: 'no luck 2' },
    { attempt: 3, message: 'no luck 3' },
  ]);
});

test('an event that fails twice and then succeeds is handled once more only, in its place', async () => {
  const seen: string[] = [];
  await ground.transport.publish('single', eventsOf(600));
  await ground.transport.subscribe('single', { group: 'g', concurrency: 4 }, async ({ id }, { attempt, redelivered }) => {
    seen.push(`${id} ${attempt}`);
    expect(redelivered).toBe(attempt > 1);
    if (id === 'event-2' && attempt < 3) throw new Error('not yet');
  });
  await ground.settled('single');
  const rest = Array.from({ length: 598 }, (_, i) => `event-${i + 3} 1`);
  expect(seen).toEqual(['event-1 1', 'event-2 1', 'event-2 2', 'event-2 3', ...rest]);
  expect(await ground.client.exists(`${stream('single')}:dead:g`)).toBe(0);
});

test('keys keep their order while many of their events fail once and new ones keep coming', async () => {
  const last = new Map<string, number>();
  const failed = new Set<string>();
  const violations: string[] = [];
  await ground.transport.subscribe('single', { group: 'g', concurrency: 8 }, async ({ id, partitionkey, sequence }) => {
    await pause(Math.random());
    if (Number(sequence) % 40 === 0 && !failed.has(id)) {
      failed.add(id);
      throw new Error('once');
    }
    if ((last.get(partitionkey!) ?? 0) >= Number(sequence)) violations.push(`${id} after ${last.get(partitionkey!)}`);
    last.set(partitionkey!, Number(sequence));
  });
  for (let from = 1; from <= 3_000; from += 30) {
    await ground.transport.publish('single', eventsOf(30, { keys: 7, from }));
    await pause(3);
  }
  await ground.settled('single');
  expect([failed.size, violations]).toEqual([75, []]);
  expect(Math.min(...last.values())).toBeGreaterThan(2_993);
});

test.each(['blocking', 'strict'])(
  'a topic that blocks (%s) holds back the key after the last attempt, through a restart, until it is released',
  async (topic) => {
    const seen: string[] = [];
    let broken = true;
    const handler = async ({ id }: { id: string }): Promise<void> => {
      if (broken && id === 'event-2') throw new Error('broken');
      seen.push(id);
    };
    await ground.transport.publish(topic, eventsOf(10, { keys: 2 }));
    const subscription = await ground.transport.subscribe(topic, { group: 'g' }, handler);
    const left = topic === 'strict' ? 5 : 4;
    const isBlocked = async () => (await ground.client.sismember(`${stream(topic)}:blocked:g`, 'key-0')) === 1;
    await eventually(isBlocked, { what: 'the key is blocked' });
    await ground.settled(topic, 'g', left);
    expect(seen).toEqual(['event-1', 'event-3', 'event-5', 'event-7', 'event-9']);
    await subscription.close();
    await ground.transport.subscribe(topic, { group: 'g' }, handler);
    await ground.transport.publish(topic, eventsOf(2, { keys: 2, from: 11 }));
    await ground.settled(topic, 'g', left + 1);
    expect(seen).not.toContain('event-4');
    broken = false;
    await ground.client.srem(`${stream(topic)}:blocked:g`, 'key-0');
    await ground.settled(topic);
    const released = ['event-4', 'event-6', 'event-8', 'event-10', 'event-12'];
    expect(seen.filter((id) => Number(id.split('-')[1]) % 2 === 0)).toEqual(topic === 'strict' ? ['event-2', ...released] : released);
  },
);

test('what waits behind a blocked key is not sent again whenever an event of another key fails', async () => {
  let failed = false;
  const seen: string[] = [];
  await ground.transport.subscribe('blocking', { group: 'g' }, async ({ id, partitionkey }) => {
    if (partitionkey === 'bad') throw new Error('broken');
    seen.push(id);
    if (id !== 'event-1' || failed) return;
    failed = true;
    throw new Error('once');
  });
  await ground.transport.publish('blocking', eventsOf(1, { partitionkey: 'bad' }));
  await eventually(async () => (await ground.client.scard(`${stream('blocking')}:blocked:g`)) === 1, { what: 'the key is blocked' });
  for (let from = 2; from <= 3_000; from += 500) await ground.transport.publish('blocking', eventsOf(500, { from, partitionkey: 'bad' }));
  await ground.settled('blocking', 'g', 3_000);
  const claims = async (): Promise<number> => Number(/cmdstat_xclaim:calls=(\d+)/.exec(await ground.client.info('commandstats'))?.[1] ?? 0);
  const before = await claims();
  await ground.transport.publish('blocking', eventsOf(3, { partitionkey: 'good' }));
  await ground.settled('blocking', 'g', 3_000);
  expect(seen).toEqual(['event-1', 'event-1', 'event-2', 'event-3']);
  expect((await claims()) - before).toBeLessThan(20);
});

test('an event that blocks its key keeps its place in the stream beyond the window, and is handled before the later ones once it is redriven', async () => {
  const seen: string[] = [];
  let broken = true;
  await ground.transport.subscribe('blocking', { group: 'g' }, async ({ id }) => {
    if (broken && id === 'event-2') throw new Error('broken');
    seen.push(id);
  });
  const published = await ground.transport.publish('blocking', eventsOf(4));
  await ground.settled('blocking', 'g', 2);
  const [, place] = published.map((result) => (result.status === 'published' ? result.position : ''));
  const trim = () => trimStream(ground.client, stream('blocking'), { windowMs: 0, groups: ['g'], signal: new AbortController().signal });
  expect(await trim()).toMatchObject({ removed: 1, held: { group: 'g', reason: 'blocked', from: place } });
  broken = false;
  const letters = ground.transport.deadLetters('blocking', 'g');
  for await (const { id } of letters.list()) expect(await letters.redrive([id])).toBe(1);
  await ground.settled('blocking');
  expect(seen).toEqual(['event-1', 'event-2', 'event-3', 'event-4']);
  expect((await trim()).held).toBeUndefined();
});

test('without dead letters a hopeless event is acknowledged and forgotten', async () => {
  await ground.transport.publish('lenient', eventsOf(2));
  const seen: string[] = [];
  await ground.transport.subscribe('lenient', { group: 'g' }, async ({ id }) => {
    if (id === 'event-1') throw new Error('hopeless');
    seen.push(id);
  });
  await ground.settled('lenient');
  expect(seen).toEqual(['event-2']);
  expect(await ground.client.exists(`${stream('lenient')}:dead:g`)).toBe(0);
});

test('an entry that is no event goes to the dead letters unseen', async () => {
  await ground.client.xadd(stream('single'), '*', 'hello', 'world');
  await ground.transport.publish('single', eventsOf(1));
  const seen: string[] = [];
  await ground.transport.subscribe('single', { group: 'g' }, async ({ id }) => void seen.push(id));
  await ground.settled('single');
  expect(seen).toEqual(['event-1']);
  const [[, dead]] = (await ground.client.xrange(`${stream('single')}:dead:g`, '-', '+')) as [[string, string[]]];
  expect(dead.slice(0, 2)).toEqual(['hello', 'world']);
});
