import { connectSearch, type SearchConnection } from '../../../runtime/src/connections/opensearch/index.ts';
import { type CheckReport, createHealth, type HealthCheck } from '../../../runtime/src/health/index.ts';
import { type SearchCheckOptions, searchCheck } from '../../../runtime/src/health/opensearch-check.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';
import { startTestOpenSearch, type TestOpenSearch } from '../../support/servers.ts';
import { searchHandle } from '../support/search-nodes.ts';

let server: TestOpenSearch;
let proxy: TestProxy;
let connection: SearchConnection;

beforeAll(async () => {
  // Room for one small bulk, so that an overload can be made.
  server = await startTestOpenSearch({ settings: { 'indexing_pressure.memory.limit': '64kb' } });
  proxy = await startProxy({ host: server.host, port: server.port });
  connection = await connectSearch(server.handle({ port: proxy.port }), { maxRetryDelayMs: 60 });
}, 120_000);
afterAll(async () => {
  await connection?.close();
  await proxy?.close();
  await server?.stop();
});

/** Patience for a busy machine; the disks of developers are often fuller than those of servers. */
const lenient: SearchCheckOptions = { timeoutMs: 10_000, diskWarnRatio: 1 };

function check(options: SearchCheckOptions = {}): HealthCheck {
  return searchCheck(connection, { ...lenient, ...options });
}

/** One look, without any cache. */
async function look(what: HealthCheck): Promise<CheckReport> {
  const { checks } = await createHealth({ checks: [what], cacheMs: 0 }).report();
  return checks[0]!;
}

/** The report of a look, once the cluster has come to rest. */
async function rests(what: HealthCheck, expected: Record<string, unknown>): Promise<void> {
  await eventually(
    async () => {
      expect(await look(what)).toMatchObject(expected);
      return true;
    },
    { timeoutMs: 20_000, what: 'the report is as expected' },
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

test('is up, with what was measured', async () => {
  const report = await look(check());
  expect(report).toMatchObject({ name: 'search', status: 'up', critical: true, componentType: 'datastore' });
  expect(report.reason).toBeUndefined();
  expect(report.observations).toEqual(
    expect.arrayContaining([
      { measure: 'clusterStatus', value: 'green' },
      { measure: 'nodes', value: 1, unit: '{node}' },
      { measure: 'unassignedShards', value: 0, unit: '{shard}' },
      { measure: 'diskUsedRatio', value: expect.any(Number), unit: '1' },
      { measure: 'rejectedWrites', value: 0, unit: '{request}' },
    ]),
  );
});

test('is degraded when yellow, a replica being on no node, and up where that is as it should be', async () => {
  await withIndex({ number_of_replicas: 1 }, async () => {
    await rests(check(), {
      status: 'degraded',
      reason: 'the cluster is yellow: 1 shards are on no node, all of them replicas',
    });
    await rests(check({ yellow: 'up' }), { status: 'up' });
  });
});

test('is down when red, a primary being on no node, whatever yellow is', async () => {
  await withIndex({ number_of_replicas: 0, 'routing.allocation.require.zone': 'nowhere' }, async () => {
    const reason = 'the cluster is red: 1 shards are on no node, primaries among them';
    await rests(check({ yellow: 'up' }), { status: 'down', reason });
  });
});

test('is degraded when a full disk has made an index read-only, and names it', async () => {
  await withIndex({ number_of_replicas: 0, 'blocks.read_only_allow_delete': true }, async () => {
    await rests(check(), { status: 'degraded', reason: 'a full disk has made indices read-only: sample' });
  });
});

test('is down when the whole cluster is read-only, and degraded for one who only reads', async () => {
  await withClusterSetting('cluster.blocks.read_only_allow_delete', true, async () => {
    expect(await look(check())).toMatchObject({ status: 'down', reason: 'the whole cluster is read-only' });
    expect(await look(check({ writable: false }))).toMatchObject({ status: 'degraded' });
  });
});

test('is degraded when no index can be created', async () => {
  await withClusterSetting('cluster.blocks.create_index', true, async () => {
    expect(await look(check())).toMatchObject({ status: 'degraded', reason: expect.stringContaining('no index can be created') });
  });
});

test('is degraded when a disk is fuller than it should be', async () => {
  expect(await look(check({ diskWarnRatio: 0 }))).toMatchObject({
    status: 'degraded',
    reason: expect.stringMatching(/^the disk of .* is \d+ % used$/),
  });
});

test('is degraded while writes are being rejected, and up again when no more are', async () => {
  const watching = check();
  expect((await look(watching)).status).toBe('up');
  const overload = connection.client.index({ index: 'overload', document: { text: 'x'.repeat(100_000) } });
  await expect(overload).rejects.toMatchObject({ name: 'ResponseError', statusCode: 429 });
  expect(await look(watching)).toMatchObject({ status: 'degraded', reason: expect.stringContaining('429') });
  expect((await look(watching)).status).toBe('up');
});

test('is up for a user who may see nothing of the cluster, and tells so', async () => {
  const path = '/_plugins/_security/api/internalusers/blind';
  await connection.client.transport.request({ method: 'PUT', path, body: { password: 'Str0ng-and-long-passphrase' } });
  const auth = { mode: 'password', username: 'blind', secretRef: { from: 'env', id: 'PASSWORD' } } as const;
  const env = { PASSWORD: 'Str0ng-and-long-passphrase', CA: server.ca };
  await using blind = await connectSearch(searchHandle([server.port], { auth, tls: { caRef: { from: 'env', id: 'CA' } } }, env));
  const report = await look(searchCheck(blind, lenient));
  expect(report).toMatchObject({
    status: 'up',
    observations: expect.arrayContaining([{ measure: 'clusterHealth', value: 'not permitted' }]),
  });
  env.PASSWORD = 'other';
  await connection.client.transport.request({ method: 'PUT', path, body: { password: 'An0ther-and-longer-passphrase' } });
  expect(await look(searchCheck(blind, lenient))).toMatchObject({
    status: 'down',
    reason: expect.stringContaining('refused the user or password'),
  });
});

test('is down at its deadline when the cluster hangs, opens few sockets meanwhile, and up again afterwards', async () => {
  await look(check());
  const before = proxy.connections();
  proxy.blackHole();
  const hanging = check({ timeoutMs: 300 });
  const startedAt = performance.now();
  for (let count = 0; count < 5; count++) expect((await look(hanging)).status).toBe('down');
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(proxy.connections()).toBeLessThanOrEqual(before + 5);
  await eventually(() => proxy.connections() <= 2, { timeoutMs: 15_000, what: 'sockets that hang are given up' });
  proxy.restore();
  await eventually(async () => (await look(check())).status === 'up', { timeoutMs: 30_000, what: 'it is up again' });
});

test('uses the sockets of the connection, however often it looks', async () => {
  await look(check());
  const before = proxy.connections();
  for (let count = 0; count < 20; count++) await look(check());
  expect(proxy.connections()).toBe(before);
});

test('is down when the server is gone', async () => {
  await server.kill();
  expect(await look(check())).toMatchObject({ status: 'down', reason: expect.stringContaining('no connection to') });
});
