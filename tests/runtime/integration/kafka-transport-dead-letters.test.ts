import { connectKafka } from '../../../runtime/src/connections/kafka/index.ts';
import { deadLetterTopic } from '../../../runtime/src/contracts/topology.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { eventsOf, lettersOf, useCluster } from './kafka-transport-fixture.ts';

const twoGroups = { consumers: [{ group: 'g' }, { group: 'other' }] };
const topics = {
  redriven: twoGroups,
  dropped: {},
  blocked: { onExhausted: 'block' as const },
  stopped: { onExhausted: 'block' as const },
  remade: { onExhausted: 'block' as const },
  mended: { onExhausted: 'block' as const },
  tenants: { isolation: 'tenant' as const, ...twoGroups },
};
const ground = useCluster(topics);
const idsOf = async (transport: Transport, topic: string) =>
  (await lettersOf(transport.deadLetters(topic, 'g'))).map(({ event }) => event?.id);

/** Messages in the topic of dead letters of group `g`: what the probe counts. */
async function sizeOf(topic: string): Promise<number> {
  const connection = await connectKafka(ground.service);
  const [{ low, high } = { low: '0', high: '0' }] = await (await connection.admin()).fetchTopicOffsets(deadLetterTopic(topic, 'g'));
  await connection.close();
  return Number(high) - Number(low);
}

test('a dead letter keeps the event and the history of its errors; redriven it comes to its group alone, and its topic is empty again', async () => {
  const transport = await ground.open();
  let mayPass = false;
  const seen: string[] = [];
  const others: string[] = [];
  await transport.publish('redriven', eventsOf(6, { keys: 2, tenantid: 'acme', extensions: { colour: 'blue' } }));
  await transport.subscribe('redriven', { group: 'other' }, async ({ id }) => void others.push(id));
  await transport.subscribe('redriven', { group: 'g' }, async ({ id }, { attempt }) => {
    if (id === 'event-2' && !mayPass) throw new Error(`no luck ${attempt}`);
    seen.push(`${id} ${attempt}`);
  });
  await ground.settled(transport, 'redriven');
  const deadLetters = transport.deadLetters('redriven', 'g');
  const [letter] = await lettersOf(deadLetters);
  expect(letter).toMatchObject({
    id: expect.stringMatching(/^0-1:[\w-]{22}$/),
    position: '0-1',
    topic: 'redriven',
    group: 'g',
    blocking: false,
  });
  expect(letter!.event).toEqual(eventsOf(1, { from: 2, keys: 2, tenantid: 'acme', extensions: { colour: 'blue' } })[0]);
  expect(letter!.failures.map(({ attempt, message }) => `${attempt} ${message}`)).toEqual([1, 2, 3].map((n) => `${n} no luck ${n}`));
  mayPass = true;
  expect(await deadLetters.redrive([letter!.id, '0-99'])).toBe(1);
  await eventually(() => seen.includes('event-2 1'), { what: 'the redriven event is handled' });
  await ground.settled(transport, 'redriven');
  expect(await lettersOf(deadLetters)).toEqual([]);
  expect(await sizeOf('redriven')).toBe(0);
  expect(others).toEqual(eventsOf(6).map(({ id }) => id));
  const kept = [];
  for await (const { event } of transport.read!('redriven', { from: 'earliest' })) kept.push(event.id);
  expect(kept).toEqual(others);
}, 40_000);

test('dead letters that were dropped are forgotten, those before the first one that is left are removed', async () => {
  const transport = await ground.open();
  await transport.publish('dropped', eventsOf(4, { keys: 4 }));
  await transport.subscribe('dropped', { group: 'g', retry: { attempts: 1 } }, async () => {
    throw new Error('never');
  });
  await ground.settled(transport, 'dropped');
  const deadLetters = transport.deadLetters('dropped', 'g');
  const ids = (await lettersOf(deadLetters)).map(({ id }) => id);
  expect(ids).toHaveLength(4);
  expect(await deadLetters.drop([ids[1]!])).toBe(1);
  expect((await lettersOf(deadLetters)).map(({ id }) => id)).toEqual([ids[0], ids[2], ids[3]]);
  expect(await deadLetters.drop([ids[0]!, ids[1]!])).toBe(1);
  expect((await lettersOf(deadLetters)).map(({ id }) => id)).toEqual(ids.slice(2));
  expect(await deadLetters.drop(ids)).toBe(2);
  expect(await sizeOf('dropped')).toBe(0);
}, 40_000);

test('an event that blocks its key has one dead letter and is tried again for ever; dropped or redriven, its key goes on', async () => {
  const transport = await ground.open();
  let mayPass = false;
  const seen: string[] = [];
  let failures = 0;
  await transport.publish('blocked', eventsOf(12, { keys: 3 }));
  await transport.subscribe('blocked', { group: 'g', concurrency: 3 }, async ({ id }) => {
    const isBad = id === 'event-1' || id === 'event-2';
    if (isBad && !mayPass) failures += 1;
    if (isBad && !mayPass) throw new Error('no');
    seen.push(id);
  });
  await eventually(() => seen.length === 4 && failures > 12, {
    what: 'the third key is done and the others were tried often',
    timeoutMs: 20_000,
  });
  const letters = await lettersOf(transport.deadLetters('blocked', 'g'));
  expect(letters.map(({ event, blocking }) => [event?.id, blocking]).sort()).toEqual([
    ['event-1', true],
    ['event-2', true],
  ]);
  expect(seen).toEqual(['event-3', 'event-6', 'event-9', 'event-12']);
  const letterOf = (id: string) => letters.find(({ event }) => event?.id === id)!.id;
  expect(await transport.deadLetters('blocked', 'g').drop([letterOf('event-1')])).toBe(1);
  await eventually(() => seen.includes('event-10'), { what: 'the key of the dropped event is done' });
  expect(seen).not.toContain('event-1');
  expect(seen).not.toContain('event-5');
  mayPass = true;
  expect(await transport.deadLetters('blocked', 'g').redrive([letterOf('event-2')])).toBeLessThanOrEqual(1);
  await ground.settled(transport, 'blocked');
  expect(seen.filter((id) => Number(id.slice(6)) % 3 === 2)).toEqual(['event-2', 'event-5', 'event-8', 'event-11']);
  await eventually(async () => (await sizeOf('blocked')) === 0, { what: 'the topic of dead letters is empty' });
}, 60_000);

test('a blocking dead letter that is dropped while no consumer is there is passed over by the next one', async () => {
  const first = await ground.open();
  await first.publish('stopped', eventsOf(6, { keys: 2 }));
  const before: string[] = [];
  await first.subscribe('stopped', { group: 'g', concurrency: 2 }, async ({ id }) => {
    if (id === 'event-1') throw new Error('no');
    before.push(id);
  });
  await eventually(async () => before.length === 3 && (await idsOf(first, 'stopped')).length === 1, { what: 'event-1 blocks its key' });
  await first.close();
  const second = await ground.open();
  const [letter] = await lettersOf(second.deadLetters('stopped', 'g'));
  expect(await second.deadLetters('stopped', 'g').drop([letter!.id])).toBe(1);
  const after: string[] = [];
  await second.subscribe('stopped', { group: 'g' }, async ({ id }) => void after.push(id));
  await ground.settled(second, 'stopped');
  expect(after).toEqual(['event-3', 'event-5']);
}, 40_000);

test('a dead letter of a topic that was made anew says nothing of the event that has its position now', async () => {
  const first = await ground.open();
  await first.publish('remade', eventsOf(2));
  const fail = async (): Promise<void> => {
    throw new Error('no');
  };
  await first.subscribe('remade', { group: 'g' }, fail);
  await eventually(async () => (await idsOf(first, 'remade')).length === 1, { what: 'event-1 is a dead letter' });
  await first.close();
  await ground.makeAnew('remade');
  const second = await ground.open();
  const send = async () => (await second.publish('remade', eventsOf(2, { from: 101 })))[0]?.status === 'published';
  await eventually(send, { what: 'the new topic takes events' });
  const seen: string[] = [];
  let mayPass = false;
  await second.subscribe('remade', { group: 'g' }, async ({ id }) => {
    if (!mayPass) await fail();
    seen.push(id);
  });
  await eventually(async () => (await idsOf(second, 'remade')).length === 2, { what: 'event-101 is one as well', timeoutMs: 20_000 });
  const deadLetters = second.deadLetters('remade', 'g');
  const [old, young] = await lettersOf(deadLetters);
  expect([old, young].map((letter) => [letter!.position, letter!.event?.id])).toEqual([
    ['0-0', 'event-1'],
    ['0-0', 'event-101'],
  ]);
  expect(await deadLetters.drop([old!.id])).toBe(1);
  await second.close();
  mayPass = true;
  const third = await ground.open();
  await third.subscribe('remade', { group: 'g' }, async ({ id }) => void seen.push(id));
  await ground.settled(third, 'remade');
  expect(seen).toEqual(['event-101', 'event-102']);
  await eventually(async () => (await sizeOf('remade')) === 0, { what: 'the topic of dead letters is empty' });
}, 60_000);

test('a blocking event that succeeds after all is a dead letter no more', async () => {
  const transport = await ground.open();
  await transport.publish('mended', eventsOf(2));
  const seen: string[] = [];
  let mayPass = false;
  await transport.subscribe('mended', { group: 'g' }, async ({ id }) => {
    if (!mayPass) throw new Error('no');
    seen.push(id);
  });
  await eventually(async () => (await idsOf(transport, 'mended')).length === 1, { what: 'event-1 is a dead letter' });
  mayPass = true;
  await ground.settled(transport, 'mended');
  expect(seen).toEqual(['event-1', 'event-2']);
  await eventually(async () => (await idsOf(transport, 'mended')).length === 0, { what: 'it is none any more' });
  await eventually(async () => (await sizeOf('mended')) === 0, { what: 'its topic is empty' });
}, 40_000);

test('what a consumer of one tenant gives up is told apart from what the others do, and goes back to it alone', async () => {
  const transport = await ground.open();
  const events = [eventsOf(1, { tenantid: 'acme' }), eventsOf(1, { from: 2, tenantid: 'umbrella' })].flat();
  await transport.publish('tenants', events);
  let mayPass = false;
  const bound: string[] = [];
  const free: string[] = [];
  await transport.subscribe('tenants', { group: 'g', tenant: 'acme' }, async ({ id }) => {
    if (!mayPass) throw new Error('no');
    bound.push(id);
  });
  await transport.subscribe('tenants', { group: 'g' }, async ({ id }) => void free.push(id));
  const deadLetters = transport.deadLetters('tenants', 'g');
  const [letter] = await eventually(
    async () => {
      const letters = await lettersOf(deadLetters);
      return letters.length === 1 && letters;
    },
    { what: 'there is a dead letter' },
  );
  expect(letter).toMatchObject({ id: expect.stringMatching(/^0-0:[\w-]{22}@acme$/), position: '0-0' });
  mayPass = true;
  expect(await deadLetters.redrive([letter!.id])).toBe(1);
  await eventually(() => bound.length === 1, { what: 'it has come back' });
  await ground.settled(transport, 'tenants');
  expect({ bound, free }).toEqual({ bound: ['event-1'], free: ['event-1', 'event-2'] });
}, 40_000);
