import { eventually } from '../../support/eventually.ts';
import { startTestRedis, type TestRedis } from '../../support/servers.ts';
import { eventsOf, openTransport, plainClient, serviceOf } from './redis-streams-fixture.ts';

const topics = { t: { tenantless: true } };
const servers: TestRedis[] = [];

afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function redis(settings: Readonly<Record<string, string>> = {}): Promise<TestRedis> {
  const server = await startTestRedis({ settings });
  servers.push(server);
  return server;
}

test('a promoted replica, whose own figure for the lag is wrong for good, has no undelivered events when all were delivered', async () => {
  const master = await redis();
  const first = await openTransport(serviceOf(master), topics);
  let handled = 0;
  await first.subscribe('t', { group: 'g' }, async () => void handled++);
  await first.publish('t', eventsOf(3));
  await eventually(() => handled === 3, { what: 'the group has read before there is a replica' });
  const replica = await redis({ replicaof: `${master.host} ${master.port}`, masterauth: master.password });
  const client = await plainClient(replica);
  await eventually(async () => (await client.info('replication')).includes('master_link_status:up'), { what: 'the replica has its copy' });
  await first.publish('t', eventsOf(30, { from: 4 }));
  await eventually(async () => handled === 33 && (await first.lag('t', 'g')).pending === 0, { what: 'the group has read on' });
  await eventually(async () => (await client.xpending('stream:{t:0}', 'g'))[0] === 0, { what: 'the replica has heard of it' });
  await first.close();
  await client.call('REPLICAOF', 'NO', 'ONE');
  const [group] = (await client.xinfo('GROUPS', 'stream:{t:0}')) as unknown[][];
  expect(group![group!.indexOf('lag') + 1]).not.toBe(0); // what Redis says itself
  client.disconnect();
  const second = await openTransport(serviceOf(replica), topics);
  expect(await second.lag('t', 'g')).toEqual({ pending: 0, undelivered: 0 });
  await second.publish('t', eventsOf(1, { from: 34 }));
  expect((await second.lag('t', 'g')).undelivered).toBeGreaterThan(0);
  await second.close();
});
