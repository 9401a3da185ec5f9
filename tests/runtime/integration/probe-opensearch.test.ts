import { connectSearch, type SearchConnection } from '../../../runtime/src/connections/opensearch/index.ts';
import type { Sample, SignalName } from '../../../runtime/src/contracts/signals.ts';
import { topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Look } from '../../../runtime/src/probe/look.ts';
import { openSearchLook } from '../../../runtime/src/probe/opensearch/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestOpenSearch, type TestOpenSearch } from '../../support/servers.ts';

const topology = topologySchema.parse({});
const never = new AbortController().signal;

let server: TestOpenSearch;
let connection: SearchConnection;
let look: Look;

beforeAll(async () => {
  // Room for one small bulk, so that an overload can be made.
  server = await startTestOpenSearch({ settings: { 'indexing_pressure.memory.limit': '64kb' } });
  connection = await connectSearch(server.handle());
  look = openSearchLook({ service: server.handle(), topology });
}, 120_000);
afterAll(async () => {
  await look?.[Symbol.asyncDispose]();
  await connection?.close();
  await server?.stop();
});

const valueIn = (samples: readonly Sample[], name: SignalName): number | undefined => samples.find(({ signal }) => signal === name)?.value;

/** Looks until the signal has the value. */
async function comesTo(name: SignalName, value: number): Promise<readonly Sample[]> {
  return eventually(
    async () => {
      const samples = await look.sample(never);
      return valueIn(samples, name) === value ? samples : undefined;
    },
    { what: `${name} is ${value}`, timeoutMs: 20_000 },
  );
}

async function withIndex(settings: Record<string, unknown>, run: () => Promise<void>): Promise<void> {
  const { indices } = connection.client;
  await indices.create({ index: 'sample', settings, wait_for_active_shards: 0 });
  await run().finally(() => indices.delete({ index: 'sample' }));
}

async function withClusterSetting(name: string, value: unknown, run: () => Promise<void>): Promise<void> {
  const { cluster } = connection.client;
  await cluster.putSettings({ persistent: { [name]: value } });
  await run().finally(() => cluster.putSettings({ persistent: { [name]: null } }));
}

test('a cluster that is well: green, with what its node has left', async () => {
  const samples = await comesTo('opensearch.cluster.status', 0);
  expect(samples.every(({ labels }) => labels.service === 'search')).toBe(true);
  for (const name of ['opensearch.disk.free_ratio', 'opensearch.heap.used_ratio'] as const) {
    expect(valueIn(samples, name)).toBeGreaterThan(0);
    expect(valueIn(samples, name)).toBeLessThan(1);
  }
  expect(valueIn(samples, 'opensearch.cpu.used_ratio')).toBeGreaterThanOrEqual(0);
  for (const name of ['opensearch.shards.unassigned', 'opensearch.indices.write_blocked', 'opensearch.search.rejected'] as const) {
    expect([name, valueIn(samples, name)]).toEqual([name, 0]);
  }
});

test('a copy without a node is yellow, and counts as a shard of those that there may be', async () => {
  const { active_shards: before } = await connection.client.cluster.health();
  await withIndex({ number_of_replicas: 2, number_of_shards: 3 }, async () => {
    const samples = await comesTo('opensearch.shards.unassigned', 6);
    expect(valueIn(samples, 'opensearch.cluster.status')).toBe(1);
    expect(valueIn(samples, 'opensearch.shards.used_ratio')).toBeCloseTo((before + 9) / 1_000, 9);
  });
});

test('an index without a primary is red', async () => {
  await withIndex({ number_of_replicas: 0, 'index.routing.allocation.require._name': 'nowhere' }, async () => {
    await comesTo('opensearch.cluster.status', 2);
  });
  await comesTo('opensearch.cluster.status', 0);
});

test.each(['index.blocks.read_only_allow_delete', 'index.blocks.read_only'])(
  'an index that %s keeps from writes is counted',
  async (block) => {
    await withIndex({ number_of_replicas: 0 }, async () => {
      const put = (value: boolean | null) => connection.client.indices.putSettings({ index: 'sample', settings: { [block]: value } });
      await put(true);
      await comesTo('opensearch.indices.write_blocked', 1).finally(() => put(null));
      await comesTo('opensearch.indices.write_blocked', 0);
    });
  },
);

test('an index that its lifecycle closed to writes is not', async () => {
  await withIndex({ number_of_replicas: 0, 'index.blocks.write': true }, async () => {
    expect(valueIn(await look.sample(never), 'opensearch.indices.write_blocked')).toBe(0);
  });
});

test('a cluster that is read-only counts as one', async () => {
  await withClusterSetting('cluster.blocks.read_only_allow_delete', true, async () => {
    await comesTo('opensearch.indices.write_blocked', 1);
  });
});

test('the limit of shards is the one that was set, found when it is read again', async () => {
  await withClusterSetting('cluster.max_shards_per_node', 50, async () => {
    await using fresh = openSearchLook({ service: server.handle(), topology });
    const { active_shards: shards } = await connection.client.cluster.health();
    expect(valueIn(await fresh.sample(never), 'opensearch.shards.used_ratio')).toBeCloseTo(shards / 50, 9);
  });
});

test('refused writes are counted', async () => {
  const before = valueIn(await look.sample(never), 'opensearch.write.rejected')!;
  const bulk = [{ index: { _index: 'sample' } }, { text: 'x'.repeat(80_000) }];
  await expect(connection.client.bulk({ operations: bulk }, { maxRetries: 0 })).rejects.toMatchObject({ meta: { statusCode: 429 } });
  expect(valueIn(await look.sample(never), 'opensearch.write.rejected')).toBeGreaterThan(before);
});

test('a user with cluster_monitor and nothing else sees all of it', async () => {
  const { transport } = connection.client;
  const security = '/_plugins/_security/api';
  const [username, password] = ['looker', 'Look-at-it-4711-only'];
  await transport.request({ method: 'PUT', path: `${security}/roles/looker`, body: { cluster_permissions: ['cluster_monitor'] } });
  await transport.request({
    method: 'PUT',
    path: `${security}/internalusers/${username}`,
    body: { password, opendistro_security_roles: ['looker'] },
  });
  await using poor = openSearchLook({ service: server.handle({ username, password }), topology });
  const names = (samples: readonly Sample[]) => samples.map(({ signal }) => signal);
  expect(names(await poor.sample(never))).toEqual(names(await look.sample(never)));
});

test('costs little: three requests', async () => {
  const ms: number[] = [];
  for (let index = 0; index < 10; index += 1) {
    const startedAt = performance.now();
    await look.sample(never);
    ms.push(performance.now() - startedAt);
  }
  const median = ms.sort((a, b) => a - b)[5]!;
  process.stderr.write(`opensearch look: ${median.toFixed(0)} ms, 3 requests\n`);
  expect(median).toBeLessThan(1_000);
});

test('a cluster that is away is told by an error', async () => {
  await using lost = openSearchLook({ service: server.handle({ port: 9 }), topology });
  await expect(lost.sample(never)).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
}, 20_000);
