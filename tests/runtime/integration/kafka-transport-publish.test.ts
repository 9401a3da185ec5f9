import { connectKafka } from '../../../runtime/src/connections/kafka/index.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { shardOf } from '../../../runtime/src/hash.ts';
import type { PublishResult } from '../../../runtime/src/transport.ts';
import { createTopic } from '../../support/kafka-topic.ts';
import { eventsOf, useCluster } from './kafka-transport-fixture.ts';

const topics = { spread: { partitions: 4 }, narrow: {}, absent: {}, isolated: { isolation: 'tenant' as const }, again: {} };
const ground = useCluster(topics);

function codesOf(results: readonly PublishResult[]): string[] {
  return results.map((result) => (result.status === 'published' ? 'published' : isMillraceError(result.error) ? result.error.code : '?'));
}

async function admin() {
  const connection = await connectKafka(ground.service);
  return { admin: await connection.admin(), close: () => connection.close() };
}

test('each event goes to the partition of its key, and its position is where it lies', async () => {
  const transport = await ground.open();
  const events = eventsOf(2_500, { keys: 40 });
  const results = await transport.publish('spread', events);
  const next = [0, 0, 0, 0];
  const expected = events.map(({ partitionkey }) => {
    const partition = shardOf(partitionkey!, 4);
    return { status: 'published', position: `${partition}-${next[partition]!++}` };
  });
  expect(results).toEqual(expected);
  const read = [];
  for await (const { position, event } of transport.read!('spread', { from: 'earliest' })) read.push(`${position} ${event.id}`);
  expect(read.sort()).toEqual(events.map(({ id }, i) => `${expected[i]!.position} ${id}`).sort());
});

test('calls for a topic that are made at once are published one after the other', async () => {
  const transport = await ground.open();
  const calls = [1, 2, 3].map((call) => transport.publish('narrow', eventsOf(300, { from: call * 1_000 })));
  const positions = (await Promise.all(calls))
    .flat()
    .map((result) => (result.status === 'published' ? Number(result.position.slice(2)) : -1));
  expect(positions).toEqual(positions.map((_, i) => positions[0]! + i));
});

test('a message that the broker finds too large fails by itself, with the later ones of its key', async () => {
  const { admin: client, close } = await admin();
  await client.alterConfigs({
    validateOnly: false,
    resources: [{ type: 2, name: 'narrow', configEntries: [{ name: 'max.message.bytes', value: '20000' }] }],
  });
  await close();
  const transport = await ground.open();
  const events = eventsOf(40, { keys: 4 }).with(8, { ...eventsOf(1, { from: 9, keys: 4 })[0]!, data: Buffer.alloc(30_000) });
  const codes = codesOf(await transport.publish('narrow', events));
  expect(codes).toEqual(
    events.map(({ partitionkey }, i) => (i === 8 ? 'EVENT_TOO_LARGE' : i > 8 && partitionkey === 'key-1' ? 'PUBLISH_FAILED' : 'published')),
  );
});

test('a topic that is not on the cluster, a delay and a missing tenant are refused', async () => {
  const { admin: client, close } = await admin();
  await client.deleteTopics({ topics: ['absent'] });
  await close();
  const transport = await ground.open();
  expect(codesOf(await transport.publish('absent', eventsOf(2)))).toEqual(['TOPIC_UNKNOWN', 'TOPIC_UNKNOWN']);
  expect(codesOf(await transport.publish('narrow', eventsOf(1), { delayMs: 10 }))).toEqual(['DELAY_UNSUPPORTED']);
  expect(codesOf(await transport.publish('narrow', eventsOf(1), { delayMs: 0 }))).toEqual(['published']);
  expect(codesOf(await transport.publish('isolated', eventsOf(1)))).toEqual(['TENANT_REQUIRED']);
  expect(codesOf(await transport.publish('isolated', eventsOf(1, { tenantid: 'a b' })))).toEqual(['EVENT_INVALID']);
  await expect(transport.subscribe('absent', { group: 'g' }, async () => undefined)).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
  await expect(transport.subscribe('narrow', { group: 'undeclared' }, async () => undefined)).rejects.toMatchObject({
    code: 'TOPIC_UNKNOWN',
  });
});

test('a topic that was made anew is another incarnation, and what it acknowledges under old offsets is told as a loss', async () => {
  const transport = await ground.open();
  const before = await transport.incarnation();
  expect(codesOf(await transport.publish('again', eventsOf(5)))).toEqual(new Array(5).fill('published'));
  expect(await transport.incarnation()).toBe(before);
  const { admin: client, close } = await admin();
  await client.deleteTopics({ topics: ['again'] });
  await createTopic(client, { topic: 'again', numPartitions: 1 });
  await close();
  expect(await transport.incarnation()).not.toBe(before);
  expect(codesOf(await transport.publish('again', eventsOf(2)))).toEqual(new Array(2).fill('BROKER_LOST_EVENTS'));
  expect(codesOf(await transport.publish('again', eventsOf(2)))).toEqual(new Array(2).fill('published'));
});

test('a restart of the broker is another incarnation of a topic with one replica, and publishing goes on', async () => {
  const transport = await ground.open();
  const before = await transport.incarnation();
  await ground.kafka.nodes[0]!.restart();
  const last = await (async () => {
    for (;;) {
      const codes = codesOf(await transport.publish('spread', eventsOf(20, { keys: 9 })));
      if (codes.every((code) => code === 'published')) return codes;
      expect(codes.filter((code) => code !== 'published' && code !== 'PUBLISH_FAILED')).toEqual([]);
    }
  })();
  expect(last).toHaveLength(20);
  expect(await transport.incarnation()).not.toBe(before);
}, 60_000);
