import type { Redis } from 'ioredis';
import { type LoadedBinding, wrap } from '../../../runtime/src/binding/index.ts';
import { aclRulesOf } from '../../../runtime/src/contracts/redis-acl.ts';
import type { Sample, SignalName } from '../../../runtime/src/contracts/signals.ts';
import { streamKey, tenantsKey } from '../../../runtime/src/contracts/topology.ts';
import { IncompleteLook, type Look } from '../../../runtime/src/probe/look.ts';
import { openLooks } from '../../../runtime/src/probe/open.ts';
import { openRedisLook } from '../../../runtime/src/probe/redis/index.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/ports.ts';
import {
  startTestRedis,
  startTestRedisCluster,
  startTestSentinel,
  type TestRedis,
  type TestRedisCluster,
  type TestSentinel,
} from '../../support/servers.ts';
import { applyAll, bindingOf, clientAs, sentinelBindingOf, topologyOn } from '../support/topology-redis.ts';

const topics = { orders: { shards: 8, consumers: [{ group: 'books' }] }, chat: { isolation: 'tenant' } };
const topology = topologyOn(topics, { probe: { topics: Object.keys(topics), access: 'observe' } });
const sample = (look: Look) => look.sample(new AbortController().signal);
const values = (samples: readonly Sample[], signal: SignalName) => samples.filter((each) => each.signal === signal);
const nodesIn = (samples: readonly Sample[], signal: SignalName) => values(samples, signal).map(({ labels }) => labels.node);

describe('a set with sentinels', () => {
  let set: TestSentinel;
  let look: Look;
  let binding: LoadedBinding;
  beforeAll(async () => {
    set = await startTestSentinel({ downAfterMs: 30_000, aclFile: true });
    binding = sentinelBindingOf(set, topology);
    await applyAll(binding, topology);
    [look] = (await openLooks(binding, topology)) as [Look];
  }, 60_000);
  afterAll(async () => {
    await look?.[Symbol.asyncDispose]();
    await set?.stop();
  });

  test('tells of each node, of how far replicas are behind, and that none is missed', async () => {
    const samples = await sample(look);
    const addresses = set.nodes.map(({ port }) => `127.0.0.1:${port}`).sort();
    const { port } = await set.master();
    expect(nodesIn(samples, 'redis.memory.used_ratio').sort()).toEqual(addresses);
    expect(nodesIn(samples, 'redis.replication.lag').sort()).toEqual(addresses.filter((address) => address !== `127.0.0.1:${port}`));
    for (const { value } of values(samples, 'redis.replication.lag')) expect(value).toBeLessThan(5);
    expect(values(samples, 'redis.replicas.missing')).toEqual([
      { signal: 'redis.replicas.missing', labels: { service: 'events' }, value: 0 },
    ]);
  });

  test('tells of no missing replica where the binding names sentinels alone, and nobody knows how many there should be', async () => {
    const { service, ...handle } = binding.service('events').as('probe');
    const endpoints = service.endpoints.filter(({ purpose }) => purpose === 'sentinel');
    await using blind = openRedisLook({ service: { ...handle, service: { ...service, endpoints } }, topology });
    const samples = await sample(blind);
    expect(values(samples, 'redis.replicas.missing')).toEqual([]);
    expect(values(samples, 'redis.memory.used_ratio')).toHaveLength(1);
    expect(values(samples, 'redis.replication.lag')).toHaveLength(2);
  });

  test('is looked at though a replica is stopped, which is missed then', async () => {
    const master = await set.master();
    const replica = set.nodes.find(({ port }) => port !== master.port)!;
    await replica.kill();
    const samples = await eventually(
      async () => {
        const seen = await sample(look);
        return values(seen, 'redis.replicas.missing')[0]!.value === 1 && seen;
      },
      { what: 'the master has noticed' },
    );
    expect(nodesIn(samples, 'redis.memory.used_ratio')).not.toContain(`127.0.0.1:${replica.port}`);
    expect(values(samples, 'redis.stream.lag')).toHaveLength(8);
    // It begins with the users of its file, and the probe is none of them until the topology is applied again.
    await replica.restart();
    const partial = await eventually(
      async () => {
        const failure: unknown = await sample(look).catch((error: unknown) => error);
        return failure instanceof IncompleteLook && values(failure.samples, 'redis.replicas.missing')[0]!.value === 0 && failure;
      },
      { what: 'it is back', timeoutMs: 20_000 },
    );
    expect(partial.cause).toMatchObject({ code: 'CONNECTION_REFUSED_CREDENTIALS', message: expect.stringContaining(String(replica.port)) });
    expect(values(partial.samples, 'redis.stream.lag')).toHaveLength(8);
    await applyAll(binding, topology);
    expect(nodesIn(await sample(look), 'redis.memory.used_ratio')).toHaveLength(3);
  });
});

test('replicas that a binding names without sentinels are missed while they are not there', async () => {
  await using started = await pair();
  const { master, away } = started;
  const endpoints = [master, away].map(({ host, port }, index) => ({ purpose: index === 0 ? 'primary' : 'reader', host, port }) as const);
  const auth = { mode: 'password', secretRef: { from: 'env', id: 'P' } } as const;
  const binding = wrap({ events: { kind: 'redis', role: 'events', endpoints, auth } }, { env: { P: master.password } });
  const [look] = (await openLooks(binding, topology)) as [Look];
  try {
    const samples = await sample(look);
    expect(values(samples, 'redis.replicas.missing')[0]!.value).toBe(1);
    expect(nodesIn(samples, 'redis.memory.used_ratio')).toEqual([`127.0.0.1:${master.port}`]);
  } finally {
    await look[Symbol.asyncDispose]();
  }
});

async function pair(): Promise<AsyncDisposable & { master: TestRedis; away: { host: string; port: number } }> {
  const master = await startTestRedis();
  return { master, away: { host: '127.0.0.1', port: await freePorts(1) }, [Symbol.asyncDispose]: () => master.stop() };
}

describe('a cluster', () => {
  let cluster: TestRedisCluster;
  let clients: Redis[];
  beforeAll(async () => {
    cluster = await startTestRedisCluster();
    clients = [];
  }, 60_000);
  afterAll(async () => {
    for (const client of clients ?? []) client.disconnect();
    await cluster?.stop();
  });

  async function on(key: string): Promise<Redis> {
    const { host, port } = await cluster.masterOf(key);
    const client = await clientAs({ host, port, caFile: undefined }, 'default', cluster.password);
    clients.push(client);
    return client;
  }

  test('tells of the streams on every master and of every node, as the user of the probe', async () => {
    const change = { clusterMode: true, endpoints: cluster.nodes.map(({ host, port }) => ({ purpose: 'node' as const, host, port })) };
    const binding = bindingOf(cluster.nodes[0]!, topology, { change });
    const rules = aclRulesOf(topology, 'probe');
    for (const { host, port } of cluster.nodes) {
      const client = await clientAs({ host, port, caFile: undefined }, 'default', cluster.password);
      clients.push(client);
      await client.call('ACL', 'SETUSER', 'probe', 'on', '>of-probe', ...rules);
    }
    for (let shard = 0; shard < 8; shard++) {
      const key = streamKey('orders', shard);
      for (let n = 0; n <= shard; n++) await (await on(key)).xadd(key, '*', 'n', n);
    }
    for (const tenant of ['acme', 'globex']) {
      const key = streamKey('chat', 0, tenant);
      await (await on(tenantsKey('chat'))).sadd(tenantsKey('chat'), tenant);
      await (await on(key)).xadd(key, '*', 'n', 1);
    }
    const [look] = (await openLooks(binding, topology)) as [Look];
    try {
      const samples = await eventually(
        async () => {
          const seen = await sample(look);
          return nodesIn(seen, 'redis.memory.used_ratio').length === 6 && seen;
        },
        { what: 'every node has told of itself' },
      );
      const lengths = values(samples, 'redis.stream.length').map(({ labels, value }) => [labels.topic, labels.shard, value]);
      expect(lengths).toEqual([...Array.from({ length: 8 }, (_, shard) => ['orders', String(shard), shard + 1]), ['chat', 'tenants', 2]]);
    } finally {
      await look[Symbol.asyncDispose]();
    }
  });
});
