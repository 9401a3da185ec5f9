import { connectRedis } from '../../../runtime/src/connections/redis/index.ts';
import { aclRulesOf } from '../../../runtime/src/contracts/redis-acl.ts';
import { startTestRedisCluster, type TestRedisCluster } from '../../support/servers.ts';
import { applyAll, bindingOf, clientAs, topologyOn } from '../support/topology-redis.ts';

let cluster: TestRedisCluster;

beforeAll(async () => {
  cluster = await startTestRedisCluster();
}, 60_000);
afterAll(() => cluster?.stop());

test('streams that nothing declares are found on every master of a cluster', async () => {
  const keys = Array.from({ length: 12 }, (_, shard) => `stream:{older:${shard}}`);
  const masters = new Set<number>();
  for (const key of keys) {
    const master = await cluster.masterOf(key);
    masters.add(master.port);
    const client = await clientAs({ host: master.host, port: master.port, caFile: undefined }, 'default', cluster.password);
    await client.xadd(key, '*', 'n', '1');
    client.disconnect();
  }
  expect(masters.size).toBe(3);
  const topology = topologyOn({ orders: { shards: 4, consumers: [{ group: 'books' }] } });
  const change = { clusterMode: true, administration: { usersFrom: 'plan' as const } };
  const binding = bindingOf(cluster.nodes[0]!, topology, { change });
  const { changes } = await applyAll(binding, topology);
  expect(changes.map(({ name }) => name).sort()).toEqual(keys.map((key) => `events/stream/${key}`).sort());
});

test.each(['produce', 'consume', 'both', 'admin', 'observe'] as const)('a user who may %s gets in', async (access) => {
  const topology = topologyOn({ orders: { consumers: [{ group: 'books' }] } }, { user: { topics: ['orders'], access, groups: ['books'] } });
  const refused: string[] = [];
  for (const { host, port } of cluster.nodes) {
    const client = await clientAs({ host, port, caFile: undefined }, 'default', cluster.password);
    await client.call('ACL', 'SETUSER', 'user', 'reset', 'on', '>of-user', ...aclRulesOf(topology, 'user'));
    await client.call('ACL', 'LOG', 'RESET');
    client.disconnect();
  }
  const binding = bindingOf(cluster.nodes[0]!, topology, { change: { clusterMode: true } });
  await using connection = await connectRedis(binding.service('events').as('user'), { cluster: true, forStreams: true });
  expect(await connection.client.ping()).toBe('PONG');
  for (const { host, port } of cluster.nodes) {
    const client = await clientAs({ host, port, caFile: undefined }, 'default', cluster.password);
    refused.push(...((await client.call('ACL', 'LOG')) as string[][]).map((entry) => entry.join(' ')));
    client.disconnect();
  }
  expect(refused).toEqual([]);
});
