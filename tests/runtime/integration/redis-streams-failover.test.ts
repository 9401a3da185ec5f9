import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { streamKey } from '../../../runtime/src/contracts/topology.ts';
import type { PublishResult } from '../../../runtime/src/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestSentinel, type TestSentinel } from '../../support/servers.ts';
import { eventsOf, openTransport, plainClient, sentinelServiceOf } from './redis-streams-fixture.ts';

let set: TestSentinel;
const topics = { orders: { shards: 2 } };
const fence = { producer: 'relay', epoch: 1n };

beforeAll(async () => {
  set = await startTestSentinel();
});
afterAll(() => set.stop());

const failures = (results: readonly PublishResult[]) => results.filter((result) => result.status === 'failed');

test('a fail-over that forgets acknowledged events is noticed before anything else is published, and the flow goes on with the group', async () => {
  await using transport = await openTransport(sentinelServiceOf(set), topics);
  let seen = new Set<string>();
  await transport.subscribe('orders', { group: 'g', concurrency: 4 }, async ({ id }) => void seen.add(id));
  const before = await transport.incarnation();
  expect(failures(await transport.publish('orders', eventsOf(100, { keys: 5 }), { fence }))).toEqual([]);
  await eventually(() => seen.size === 100, { what: 'the first events arrive' });

  // More than the sockets of the stopped replicas hold, so that the end of it is with the master alone when that is killed.
  const data = Buffer.alloc(250_000);
  const master = await set.master();
  const replicas = set.nodes.filter(({ pid }) => pid !== master.pid);
  await Promise.all(replicas.map((replica) => replica.pause()));
  expect(failures(await transport.publish('orders', eventsOf(100, { keys: 5, from: 101, data }), { fence }))).toEqual([]);
  await master.kill();
  await Promise.all(replicas.map((replica) => replica.resume()));
  const killedAt = Date.now();

  await eventually(() => transport.ping().then(() => true), { what: 'the new master answers', timeoutMs: 20_000 });
  const refused = await transport.publish('orders', eventsOf(1, { from: 201 }), { fence });
  expect(refused[0]?.status === 'failed' && isMillraceError(refused[0].error, 'PUBLISH_FAILED')).toBe(true);
  expect(await transport.incarnation()).not.toBe(before);
  // One sentinel may still name the master that was killed.
  const newMaster = await eventually(async () => plainClient(await set.master()), { what: 'the new master is named', timeoutMs: 20_000 });
  const kept = (await newMaster.xlen(streamKey('orders', 0))) + (await newMaster.xlen(streamKey('orders', 1)));
  newMaster.disconnect();
  expect(kept).toBeLessThan(200);

  seen = new Set();
  expect(failures(await transport.publish('orders', eventsOf(101, { keys: 5, from: 101, data }), { fence }))).toEqual([]);
  await eventually(() => eventsOf(101, { from: 101 }).every(({ id }) => seen.has(id)), { what: 'everything arrives', timeoutMs: 20_000 });
  process.stdout.write(
    `flow resumed ${Date.now() - killedAt} ms after the master was killed; ${200 - kept} acknowledged events were forgotten\n`,
  );
}, 60_000);
