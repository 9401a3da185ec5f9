import type { Cluster } from 'ioredis';
import { connectRedis, type RedisClient, type RedisConnection } from '../../../runtime/src/connections/redis/index.ts';
import { type CheckOutcome, type RedisCheckOptions, redisCheck } from '../../../runtime/src/health/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestRedis, startTestRedisCluster, type TestRedis, type TestRedisCluster } from '../../support/servers.ts';
import { clusterHandle, redisHandle } from './connections-handles.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

function opening<T extends { close(): Promise<void> }>(connection: T): T {
  opened.push(connection);
  return connection;
}

async function started(settings: Record<string, string> = {}): Promise<TestRedis> {
  const server = await startTestRedis({ settings });
  opened.push({ close: server.stop });
  return server;
}

const connectTo = async (server: TestRedis) => opening(await connectRedis(redisHandle(server, server.password)));

/** What one look finds. */
function look(connection: RedisConnection<RedisClient>, options: RedisCheckOptions = {}): Promise<CheckOutcome> {
  return redisCheck(connection, options).check(new AbortController().signal);
}

describe('a master and its replica', () => {
  test('a replica in place of the master is down for writers, and degraded for readers when it has lost touch', async () => {
    const [master, replica] = await Promise.all([started(), started({ 'repl-timeout': '3', 'repl-ping-replica-period': '1' })]);
    const connection = await connectTo(replica);
    await connection.client.config('SET', 'masterauth', master.password);
    await connection.client.replicaof(master.host, master.port);
    await eventually(async () => (await look(connection, { writable: false })).status === 'up', { what: 'the replica is in step' });
    expect(await look(connection)).toMatchObject({ status: 'down', reason: 'the server is a replica and takes no writes' });
    await master.pause();
    const silent = await eventually(
      async () => {
        const outcome = await look(connection, { writable: false, maxReplicaLagSeconds: 0 });
        return outcome.status === 'degraded' && outcome;
      },
      { what: 'the silence is noticed' },
    );
    expect(silent.reason).toMatch(/has not heard of its master for \d+ s/);
    await eventually(async () => (await look(connection, { writable: false })).reason === 'the replica has lost its master', {
      what: 'the link is given up',
    });
    await master.resume();
  });

  test('a master tells of replicas that lag, are being copied to, or are fewer than there should be', async () => {
    const [master, replica] = await Promise.all([started({ 'repl-ping-replica-period': '1' }), started()]);
    const connection = await connectTo(master);
    expect(await look(connection, { minReplicas: 1 })).toMatchObject({
      status: 'degraded',
      reason: '0 of at least 1 replicas are in touch',
    });
    const side = await connectTo(replica);
    await side.client.config('SET', 'masterauth', master.password);
    await side.client.replicaof(master.host, master.port);
    const healthy = await eventually(
      async () => {
        const outcome = await look(connection, { minReplicas: 1 });
        return outcome.status === 'up' && outcome;
      },
      { what: 'the replica is in step' },
    );
    expect(healthy.observations).toContainEqual({ measure: 'connectedReplicas', value: 1, unit: '{replica}' });
    await replica.pause();
    await connection.client.set('written', 'x'.repeat(10_000));
    const late = await eventually(
      async () => {
        const outcome = await look(connection, { maxReplicaLagSeconds: 0 });
        return outcome.status === 'degraded' && outcome;
      },
      { what: 'the lag is noticed' },
    );
    expect(late.reason).toMatch(new RegExp(`replica 127.0.0.1:${replica.port} is \\d+ s behind`));
    expect(late.observations).toContainEqual({ measure: 'replicaLag', value: expect.any(Number), unit: 'By' });
    expect(Number(late.observations?.find(({ measure }) => measure === 'replicaLag')?.value)).toBeGreaterThan(10_000);
    await replica.resume();
  });

  test('a server that loads its data is told apart from one that is gone', async () => {
    // 100 keys at 20 ms; while a snapshot is loaded, clients are served after every KiB, and in an AOF after 1,024 commands.
    const slow = { 'key-load-delay': '20000', 'loading-process-events-interval-bytes': '1024', rdbcompression: 'no' };
    const server = await started({ ...slow, appendonly: 'no', save: '300 1' });
    const connection = await connectTo(server);
    const values = Array.from({ length: 100 }, (_, index) => connection.client.set(`key-${index}`, 'x'.repeat(100)));
    await Promise.all(values);
    const restarted = server.restart();
    await eventually(
      async () => {
        const error: unknown = await look(connection).catch((thrown: unknown) => thrown);
        return error instanceof Error && error.message.includes('is still loading its data');
      },
      { what: 'it says that it is loading' },
    );
    await restarted;
    await eventually(async () => (await look(connection)).status === 'up', { what: 'it is up again' });
  });
});

describe('a cluster', () => {
  let cluster: TestRedisCluster;
  let connection: RedisConnection<RedisClient>;
  beforeAll(async () => {
    cluster = await startTestRedisCluster({ nodeTimeoutMs: 2_000, settings: { 'cluster-replica-no-failover': 'yes' } });
    connection = await connectRedis(clusterHandle(cluster), { cluster: true, commandTimeoutMs: 1_000 });
  }, 60_000);
  afterAll(async () => {
    await connection?.close();
    await cluster?.stop();
  });

  test('is up with all slots served, over the connections that are there', async () => {
    const before = (connection.client as Cluster).nodes('master').map(({ stream }) => stream.localPort);
    const outcome = await look(connection, { forStreams: true, minReplicas: 1 });
    expect(outcome).toMatchObject({ status: 'up' });
    expect(outcome.observations).toEqual([
      { measure: 'masters', value: 3, unit: '{node}' },
      { measure: 'mastersAnswering', value: 3, unit: '{node}' },
      { measure: 'slotsServed', value: 16_384, unit: '{slot}' },
    ]);
    expect((connection.client as Cluster).nodes('master').map(({ stream }) => stream.localPort)).toEqual(before);
  });

  test('is down for streams when one node may evict, which is named', async () => {
    const [node] = (connection.client as Cluster).nodes('master');
    await node!.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await look(connection, { forStreams: true })).toMatchObject({
      status: 'down',
      reason: expect.stringMatching(new RegExp(`^master 127.0.0.1:${node!.options.port}: the server may evict streams`)),
    });
    expect(await look(connection)).toMatchObject({ status: 'up' });
    await node!.config('SET', 'maxmemory-policy', 'noeviction');
  });

  test('is degraded while one master is silent, and down when the others have given it up', async () => {
    const silent = cluster.nodes[0]!;
    await silent.pause();
    expect(await look(connection, { timeoutMs: 500 })).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining(`master 127.0.0.1:${silent.port} has not answered within 400 ms`),
    });
    const given = await eventually(
      async () => {
        const outcome = await look(connection);
        return outcome.status === 'down' && outcome;
      },
      { timeoutMs: 20_000, what: 'the cluster refuses commands' },
    );
    expect(given.reason).toContain('the cluster refuses commands (cluster_state fail)');
    await silent.resume();
    await eventually(async () => (await look(connection)).status === 'up', { timeoutMs: 20_000, what: 'all is well again' });
  });
});
