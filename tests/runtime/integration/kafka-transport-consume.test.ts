import { setTimeout as pause } from 'node:timers/promises';
import { CompressionTypes } from 'kafkajs';
import { connectKafka } from '../../../runtime/src/connections/kafka/index.ts';
import type { Loss } from '../../../runtime/src/consuming/consumer.ts';
import { eventually } from '../../support/eventually.ts';
import { startClientProcess } from '../support/client-process.ts';
import type { ChildSettings } from './kafka-transport-child.mts';
import { eventsOf, lettersOf, topologyOf, useCluster } from './kafka-transport-fixture.ts';

const topics = {
  shared: { partitions: 4 },
  waiting: { partitions: 4 },
  failing: {},
  killing: { retry: { attempts: 2, initialDelayMs: 20, maxDelayMs: 100 } },
  expired: {},
  foreign: {},
  holes: {},
  fenced: {},
};
const ground = useCluster(topics);

/** Log numbers by key, and what came out of order. */
function orderKeeper() {
  const last = new Map<string, number>();
  const disorder: string[] = [];
  const seen = new Set<string>();
  return {
    ...{ disorder, seen },
    note({ id, partitionkey, sequence }: { id: string; partitionkey?: string; sequence?: string }) {
      if (!seen.has(id) && Number(sequence) < (last.get(partitionkey!) ?? 0)) disorder.push(id);
      seen.add(id);
      last.set(partitionkey!, Math.max(Number(sequence), last.get(partitionkey!) ?? 0));
    },
  };
}

test('consumers that come and go hand partitions on in good order: nothing is lost, repeated or out of order', async () => {
  const patient = { sessionTimeoutMs: 10_000 }; // a busy machine must not look like a dead consumer
  const [first, second, third] = [await ground.open(patient), await ground.open(patient), await ground.open(patient)];
  const order = orderKeeper();
  const counts = [0, 0, 0];
  let calls = 0;
  const handlerOf = (who: number) => async (event: Parameters<typeof order.note>[0]) => {
    await pause(1);
    order.note(event);
    counts[who]! += 1;
    calls += 1;
  };
  const options = { group: 'g', concurrency: 8 };
  let published = 0;
  const publish = async (count: number): Promise<void> => {
    await first.publish('shared', eventsOf(count, { keys: 30, from: published + 1 }));
    published += count;
  };
  /** Its partitions come when the others have let go of them; until then there must be something to handle. */
  const untilAtWork = (who: number): Promise<unknown> =>
    eventually(async () => counts[who]! > 0 || void (await publish(30)), { what: `consumer ${who} is at work`, timeoutMs: 30_000 });
  await first.subscribe('shared', options, handlerOf(0));
  for (let round = 0; round < 10; round++) {
    const before = published;
    await publish(300);
    if (round === 2) await second.subscribe('shared', options, handlerOf(1));
    if (round === 4) await third.subscribe('shared', options, handlerOf(2));
    if (round === 6) await untilAtWork(1);
    if (round === 7) await second.close();
    await eventually(() => order.seen.size >= before, { what: `the first ${before} are handled`, timeoutMs: 30_000 });
  }
  await untilAtWork(2);
  await eventually(() => order.seen.size === published, { what: 'all are handled', timeoutMs: 30_000 });
  await ground.settled(first, 'shared');
  expect({ calls, disorder: order.disorder }).toEqual({ calls: published, disorder: [] });
}, 120_000);

test('while a group waits for a dead member, the others handle and commit what they have', async () => {
  const patient = { sessionTimeoutMs: 14_000, maxUnhandled: 50 };
  const survivor = await ground.open(patient);
  const seen: string[] = [];
  const keys = new Set<string>();
  await survivor.subscribe('waiting', { group: 'g', concurrency: 8 }, async ({ id, partitionkey }) => {
    seen.push(id);
    keys.add(partitionkey!);
  });
  const settings: ChildSettings = {
    ...{ handedOver: ground.handedOver, topology: topologyOf(topics), topic: 'waiting', name: 'child', concurrency: 4 },
    ...{ poison: 'none', sessionTimeoutMs: patient.sessionTimeoutMs },
  };
  const child = startClientProcess(`${__dirname}/kafka-transport-child.mts`, settings);
  let published = 0;
  const publish = async (count: number): Promise<void> => {
    await survivor.publish('waiting', eventsOf(count, { keys: 40, from: published + 1 }));
    published += count;
  };
  const isShared = async (): Promise<boolean> => {
    await publish(40);
    return child.lines.some(({ verb }) => verb === 'end');
  };
  await eventually(isShared, { what: 'the child has its part', timeoutMs: 20_000 });
  await ground.settled(survivor, 'waiting');
  keys.clear();
  await publish(40);
  await ground.settled(survivor, 'waiting');
  process.kill(child.pid, 'SIGKILL');
  await child.ended;
  const diedAt = performance.now();
  const before = published;
  const successor = await ground.open(patient);
  let taken = 0;
  await successor.subscribe('waiting', { group: 'g' }, async () => {
    taken += 1;
  });
  // The survivor hears of the change by its next heartbeat, and joins again.
  await pause(1_500);
  // Several times what the group was told may begin.
  for (let round = 0; round < 10; round++) await publish(200);
  const own = eventsOf(published - before, { keys: 40, from: before + 1 }).filter(({ partitionkey }) => keys.has(partitionkey!));
  expect(own.length).toBeGreaterThan(600);
  const handled = (): boolean => {
    const ids = new Set(seen);
    return own.every(({ id }) => ids.has(id));
  };
  await eventually(handled, { what: 'the survivor has handled what is its own', timeoutMs: 30_000 });
  await ground.settled(survivor, 'waiting', published - before - own.length);
  expect({ took: performance.now() - diedAt < patient.sessionTimeoutMs - 2_000, taken }).toEqual({ took: true, taken: 0 });
  await eventually(() => taken > 0, { what: 'the successor has a part', timeoutMs: 30_000 });
  await ground.settled(survivor, 'waiting');
  expect(new Set(seen).size).toBe(seen.length);
}, 120_000);

test('a failing event holds back its key alone, in the memory of one event, and comes again until it succeeds', async () => {
  const transport = await ground.open({ maxUnhandled: 50 });
  await transport.publish('failing', eventsOf(3_000, { keys: 3 }));
  const seen: string[] = [];
  let mayPass = false;
  await transport.subscribe('failing', { group: 'g', concurrency: 4, retry: { attempts: 1_000 } }, async ({ id }) => {
    if (id === 'event-3' && !mayPass) throw new Error('not yet');
    seen.push(id);
  });
  await eventually(() => seen.length === 2_000, { what: 'the other keys are done', timeoutMs: 20_000 });
  await ground.settled(transport, 'failing', 1_000);
  mayPass = true;
  await ground.settled(transport, 'failing');
  const own = seen.filter((id) => Number(id.slice(6)) % 3 === 0);
  expect(own).toEqual(Array.from({ length: 1_000 }, (_, i) => `event-${3 * (i + 1)}`));
  expect(seen).toHaveLength(3_000);
}, 60_000);

test('a consumer that comes after a crash gets what was open and nothing that was handled, though an earlier event was not', async () => {
  const crashed = await ground.open({ sessionTimeoutMs: 1_000 });
  await crashed.publish('holes', eventsOf(100, { keys: 10 }));
  const handled = new Set<string>();
  await crashed.subscribe('holes', { group: 'g', concurrency: 10 }, async ({ id }) => {
    if (id === 'event-7') await new Promise(() => undefined);
    handled.add(id);
  });
  await ground.settled(crashed, 'holes', 10);
  const other = await ground.open();
  const again: string[] = [];
  const closing = crashed.close();
  await other.subscribe('holes', { group: 'g' }, async ({ id }, { attempt, redelivered }) => {
    again.push(`${id} ${attempt} ${redelivered}`);
  });
  await ground.settled(other, 'holes');
  await closing;
  expect(handled.size).toBe(90);
  expect(again.map((line) => line.split(' ')[0])).toEqual(Array.from({ length: 10 }, (_, i) => `event-${7 + 10 * i}`));
  expect(again[0]).toBe('event-7 2 true');
}, 60_000);

test('an event that kills its process is found out and set aside, and no other is', async () => {
  const transport = await ground.open();
  await transport.publish('killing', eventsOf(40, { keys: 8 }));
  const settings: ChildSettings = {
    ...{ handedOver: ground.handedOver, topology: topologyOf(topics), topic: 'killing', name: 'child', concurrency: 4, poison: 'event-13' },
  };
  const script = `${__dirname}/kafka-transport-child.mts`;
  let deaths = 0;
  for (; deaths < 6; deaths++) {
    const child = startClientProcess(script, settings);
    const done = ground.settled(transport, 'killing').then(() => 'done');
    const outcome = await Promise.race([done, child.ended.then(() => 'killed')]);
    if (outcome === 'done') {
      await child.end();
      break;
    }
    done.catch(() => undefined);
  }
  expect(deaths).toBeGreaterThanOrEqual(2);
  expect(deaths).toBeLessThanOrEqual(4);
  const letters = await lettersOf(transport.deadLetters('killing', 'g'));
  expect(letters.map(({ event }) => event?.id)).toEqual(['event-13']);
  expect(letters[0]!.failures).toMatchObject([{ attempt: 2, consumer: 'child' }]);
}, 120_000);

test('what retention has removed before the group had handled it is told, and the rest is handled', async () => {
  const transport = await ground.open();
  await transport.publish('expired', eventsOf(30));
  await transport.startGroup!('expired', 'g', 'earliest');
  const connection = await connectKafka(ground.service);
  const admin = await connection.admin();
  await admin.fetchTopicOffsets('expired'); // kafkajs knows no leaders before
  await admin.deleteTopicRecords({ topic: 'expired', partitions: [{ partition: 0, offset: '12' }] });
  await connection.close();
  const losses: Loss[] = [];
  const reader = await ground.open({ onLoss: (loss) => losses.push(loss) });
  const seen: string[] = [];
  await reader.subscribe('expired', { group: 'g' }, async ({ id }) => void seen.push(id));
  await ground.settled(reader, 'expired');
  expect(losses).toEqual([{ topic: 'expired', group: 'g', stream: 'expired/0', positions: ['0-0', '0-11'] }]);
  expect(seen).toEqual(eventsOf(18, { from: 13 }).map(({ id }) => id));
});

test('compressed messages of others are read, what a transaction took back is not, and what is no event is set aside', async () => {
  const connection = await connectKafka(ground.service);
  const producer = await connection.producer();
  const headers = {
    ce_specversion: '1.0',
    ce_id: 'a',
    ce_source: '/elsewhere',
    ce_type: 't',
    ce_colour: 'blue',
    'content-type': 'text/plain',
  };
  await producer.send([{ topic: 'foreign', messages: [{ key: 'k', value: 'no event' }] }]);
  await connection.close();
  await ground.ownClient(async (kafka) => {
    const client = kafka.producer();
    await client.connect();
    await client.send({ topic: 'foreign', compression: CompressionTypes.GZIP, messages: [{ key: 'k', value: 'packed', headers }] });
    await client.disconnect();
    const transactional = kafka.producer({ transactionalId: 'other', maxInFlightRequests: 1, idempotent: true });
    await transactional.connect();
    for (const id of ['kept', 'taken-back']) {
      const transaction = await transactional.transaction();
      await transaction.send({ topic: 'foreign', messages: [{ key: 'k', value: id, headers: { ...headers, ce_id: id } }] });
      await (id === 'kept' ? transaction.commit() : transaction.abort());
    }
    await transactional.disconnect();
  });
  const transport = await ground.open();
  const seen: unknown[] = [];
  await transport.subscribe('foreign', { group: 'g' }, async ({ id, data, partitionkey, extensions }) => {
    seen.push([id, Buffer.from(data!).toString(), partitionkey, extensions]);
  });
  await ground.settled(transport, 'foreign');
  expect(seen).toEqual([
    ['a', 'packed', 'k', { colour: 'blue' }],
    ['kept', 'kept', 'k', { colour: 'blue' }],
  ]);
  const [letter, ...others] = await lettersOf(transport.deadLetters('foreign', 'g'));
  expect(others).toEqual([]);
  expect(letter).toMatchObject({ position: '0-0', blocking: false, failures: [{ message: expect.stringContaining('no event') }] });
  expect(letter!.event).toBeUndefined();
}, 30_000);

test('each holder of a partition has a higher fence than those before it', async () => {
  const fences: bigint[] = [];
  const scopes = new Set<string>();
  for (let holder = 1; holder <= 3; holder++) {
    const transport = await ground.open();
    await transport.publish('fenced', eventsOf(1, { from: holder }));
    await transport.subscribe('fenced', { group: 'g' }, async (_, { lease }) => {
      fences.push(lease!.fence);
      scopes.add(lease!.scope);
    });
    await ground.settled(transport, 'fenced');
    await transport.close();
  }
  expect([...scopes]).toEqual(['kafka:log/g/fenced/0']);
  expect(fences).toHaveLength(3);
  expect(fences[0]! < fences[1]! && fences[1]! < fences[2]!).toBe(true);
});
