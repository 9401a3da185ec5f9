import type { Message } from 'kafkajs';
import type { Loss } from '../../../runtime/src/consuming/consumer.ts';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { shardOf } from '../../../runtime/src/hash.ts';
import { eventually } from '../../support/eventually.ts';
import { eventsOf, lettersOf, useCluster } from './kafka-transport-fixture.ts';

const topics = { timeless: {}, anew: {}, packed: { partitions: 2 }, staying: { partitions: 4 }, leaving: {} };
const ground = useCluster(topics);

/** An event as another program writes it. */
function foreign({ id, partitionkey, time }: MillraceEvent, changes: Partial<Message> = {}): Message {
  const headers = { ce_specversion: '1.0', ce_id: id, ce_source: '/elsewhere', ce_type: 't', ce_time: time };
  return { partition: 0, key: partitionkey!, value: '{}', headers, ...changes };
}

/** Writes messages as another program does. */
async function send(topic: string, messages: Message[]): Promise<void> {
  await ground.ownClient(async (kafka) => {
    const producer = kafka.producer({ retry: { initialRetryTime: 20, retries: 20 } });
    await producer.connect();
    await producer.send({ topic, messages });
    await producer.disconnect();
  });
}

test('a message without a time whose timestamp is none is set aside, and what follows it is handled', async () => {
  const transport = await ground.open();
  const seen: string[] = [];
  await transport.subscribe('timeless', { group: 'g' }, async ({ id }) => void seen.push(id));
  const headers = { ce_id: 'odd', ce_source: '/s', ce_type: 't' };
  await send(
    'timeless',
    eventsOf(1).map((event) => foreign(event, { headers, timestamp: '-9000000000000000' })),
  );
  await transport.publish('timeless', eventsOf(3));
  await eventually(() => seen.length === 3, { what: 'the others are handled' });
  await ground.settled(transport, 'timeless');
  const letters = await lettersOf(transport.deadLetters('timeless', 'g'));
  expect(letters.map(({ position, failures }) => [position, failures[0]!.message])).toEqual([
    ['0-0', expect.stringContaining('time is missing')],
  ]);
}, 40_000);

test('a topic that is made anew while it is consumed is begun at its start, and what was not handled of the old one is told', async () => {
  const losses: Loss[] = [];
  const told: string[] = [];
  const logger = { info: () => undefined, warn: (_: object, what: string) => told.push(what), error: () => undefined };
  const transport = await ground.open({ onLoss: (loss) => losses.push(loss), logger });
  const seen = new Set<string>();
  const heldUp = new Set(eventsOf(5, { from: 201 }).map(({ id }) => id));
  let waiting = 0;
  await transport.subscribe('anew', { group: 'g' }, async ({ id }, { signal }) => {
    if (heldUp.has(id)) waiting += 1;
    if (heldUp.has(id)) await new Promise((_, reject) => signal.addEventListener('abort', reject));
    seen.add(id);
  });
  const makeAnew = async (from: number): Promise<void> => {
    await ground.makeAnew('anew');
    // More than there were before: what is read next lies within the new topic.
    await send(
      'anew',
      eventsOf(70, { from }).map((event) => foreign(event)),
    );
  };
  await transport.publish('anew', eventsOf(20));
  await eventually(() => seen.size === 20, { what: 'the first topic is handled' });
  await ground.settled(transport, 'anew');
  await makeAnew(101);
  await eventually(() => seen.size === 90, { what: 'the second topic is handled', timeoutMs: 20_000 });
  await ground.settled(transport, 'anew');
  expect(losses).toEqual([]);
  expect(told).toContain('the topic was made anew');
  await send(
    'anew',
    eventsOf(5, { from: 201 }).map((event) => foreign(event)),
  );
  await eventually(() => waiting > 0, { what: 'the last five have come' });
  await makeAnew(301);
  await eventually(() => losses.length > 0, { what: 'the loss is told', timeoutMs: 20_000 });
  await eventually(() => seen.size === 160, { what: 'the third topic is handled', timeoutMs: 20_000 });
  expect(losses).toEqual([{ topic: 'anew', group: 'g', stream: 'anew/0', positions: ['0-70', '0-74'] }]);
}, 90_000);

/** Has the broker compress what is published to `packed`. */
async function compressWith(value: string): Promise<void> {
  await ground.ownClient(async (kafka) => {
    const admin = kafka.admin();
    await admin.connect();
    const configEntries = [{ name: 'compression.type', value }];
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: 'packed', configEntries }] });
    await admin.disconnect();
  });
}

test('messages compressed in a way that is not known here are told at once, and the other partition of the broker goes on', async () => {
  const errors: { error: string; stream: string }[] = [];
  const logger = { info: () => undefined, warn: () => undefined, error: (details: object) => errors.push(details as never) };
  const transport = await ground.open({ logger });
  const seen: string[] = [];
  await transport.subscribe('packed', { group: 'g' }, async ({ id }) => void seen.push(id));
  const elsewhere = Array.from({ length: 20 }, (_, n) => `key-${n}`).find((key) => shardOf(key, 2) === 1)!;
  await transport.publish('packed', eventsOf(1, { partitionkey: elsewhere }));
  await eventually(() => seen.length === 1, { what: 'both partitions are consumed' });
  await send('packed', [foreign(eventsOf(1, { from: 2 })[0]!)]);
  await compressWith('zstd');
  await eventually(() => seen.includes('event-2'), { what: 'what lies before is handled' });
  // A broker does as the topic says a moment after it was told.
  const isTold = async (): Promise<boolean> => {
    await send('packed', [foreign(eventsOf(1, { from: 3 })[0]!)]);
    return errors.length > 0;
  };
  await eventually(isTold, { what: 'it is told' });
  expect(errors).toEqual([expect.objectContaining({ stream: 'packed/0', error: expect.stringContaining('zstd'), failures: 1 })]);
  await compressWith('producer');
  // Asked for together with the one that fails, each would wait for its pause of 200 ms.
  const roundsMs: number[] = [];
  for (const event of eventsOf(30, { from: 10, partitionkey: elsewhere })) {
    const startedAt = performance.now();
    await transport.publish('packed', [event]);
    await eventually(() => seen.includes(event.id), { what: `${event.id} of the other partition is handled` });
    roundsMs.push(performance.now() - startedAt);
  }
  expect(roundsMs.sort((a, b) => a - b)[15]).toBeLessThan(180);
}, 60_000);

test('a topic of a group that is deleted while it is consumed keeps no consumer of another topic from its partitions', async () => {
  const warnings: { topic?: string; error?: string }[] = [];
  const logger = { info: () => undefined, warn: (details: object) => warnings.push(details), error: () => undefined };
  const [first, other, joining] = [await ground.open({ logger }), await ground.open({ logger }), await ground.open({ logger })];
  const seen = [new Set<string>(), new Set<string>()];
  await first.subscribe('staying', { group: 'g' }, async ({ id }) => void seen[0]!.add(id));
  let isLeaving = false;
  await other.subscribe('leaving', { group: 'g' }, async () => {
    isLeaving = true;
  });
  await other.publish('leaving', eventsOf(1));
  await eventually(() => isLeaving, { what: 'both topics are consumed', timeoutMs: 20_000 });
  await ground.ownClient(async (kafka) => {
    const admin = kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: ['leaving'] });
    await admin.disconnect();
  });
  // The one that shares out the partitions of the group learns of it, whichever that is.
  for (const one of [first, other]) await expect(one.lag('leaving', 'g')).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
  await joining.subscribe('staying', { group: 'g' }, async ({ id }) => void seen[1]!.add(id));
  const publishing = async (): Promise<boolean> => {
    await first.publish('staying', eventsOf(40, { keys: 20, from: 1 + seen[0]!.size + seen[1]!.size }));
    return seen[1]!.size > 0;
  };
  await eventually(publishing, { what: 'the one that joined has its share', timeoutMs: 20_000 });
  await ground.settled(first, 'staying');
  expect(warnings).toContainEqual(expect.objectContaining({ topic: 'leaving', error: expect.stringContaining('not on the cluster') }));
}, 60_000);
