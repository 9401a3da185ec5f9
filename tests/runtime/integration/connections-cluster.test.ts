import type { Cluster, Redis } from 'ioredis';
import {
  connectRedis,
  type RedisClient,
  type RedisConnection,
  type RedisConnectOptions,
} from '../../../runtime/src/connections/redis/index.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { askRedis } from '../../../servers/redis/ask.ts';
import { eventually } from '../../support/eventually.ts';
import type { TestRedis } from '../../support/servers.ts';
import { startTestRedisCluster, type TestRedisCluster } from '../../support/servers.ts';
import { clusterHandle } from './connections-handles.ts';

let cluster: TestRedisCluster;
const opened: { close(): Promise<void> }[] = [];
const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`);

beforeAll(async () => {
  cluster = await startTestRedisCluster();
}, 60_000);
afterAll(() => cluster?.stop());
afterEach(async () => {
  await Promise.all(opened.splice(0).map((connection) => connection.close()));
});

async function connect(options: RedisConnectOptions = {}, handle = clusterHandle(cluster)): Promise<RedisConnection<RedisClient>> {
  const connection = await connectRedis(handle, { ...options, cluster: true });
  opened.push(connection);
  return connection;
}

/** The nodes that `connection` has open connections to. */
function connectedPorts({ client }: RedisConnection<RedisClient>): number[] {
  return (client as Cluster).nodes('master').flatMap(({ status, options }) => (status === 'ready' ? (options.port ?? []) : []));
}

test('one node of the binding is enough to reach every slot, and each master is connected to from the start', async () => {
  const connection = await connect({ name: 'orders' }, clusterHandle({ ...cluster, nodes: cluster.nodes.slice(0, 1) }));
  expect(connection.client.isCluster).toBe(true);
  expect(connectedPorts(connection).sort()).toEqual(cluster.nodes.slice(0, 3).map(({ port }) => port));
  await Promise.all(keys.map((key) => connection.client.set(key, key)));
  expect(await Promise.all(keys.map((key) => connection.client.get(key)))).toEqual(keys);
  await expect(connection.client.mget('key-1', 'key-2')).rejects.toMatchObject({ name: 'ReplyError' });
  expect(await connection.client.mset('{one}a', '1', '{one}b', '2')).toBe('OK');
});

test('without cluster: true such a service is refused', async () => {
  await expect(connectRedis(clusterHandle(cluster))).rejects.toMatchObject({
    code: 'BINDING_INVALID',
    message: expect.stringContaining('cluster: true'),
  });
});

test('a slot that has moved is found by its redirection', async () => {
  const { client } = await connect();
  const own = client as Cluster;
  const key = 'moved';
  const master = await cluster.masterOf(key);
  const wrong = cluster.nodes.slice(0, 3).find(({ port }) => port !== master.port)!;
  const slots = (own as unknown as { slots: string[][] }).slots;
  const slot = await own.cluster('KEYSLOT', key);
  slots[slot] = [`${wrong.host}:${wrong.port}`];
  expect(await client.set(key, '1')).toBe('OK');
  expect(slots[slot]?.[0]).toBe(`${master.host}:${master.port}`);
});

test('connecting fails at once if the password is wrong, and in the time allowed if nobody is there', async () => {
  const startedAt = performance.now();
  await expect(connect({}, clusterHandle(cluster, {}, { password: 'hunter2' }))).rejects.toMatchObject({
    code: 'CONNECTION_REFUSED_CREDENTIALS',
  });
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  const nobody = { password: 'x', nodes: [{ host: '127.0.0.1', port: 1 }] };
  await expect(connect({ connectTimeoutMs: 700 }, clusterHandle(nobody))).rejects.toMatchObject({
    code: 'CONNECTION_FAILED',
    message: expect.stringContaining('127.0.0.1:1'),
  });
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test('one node that evicts makes the cluster unfit for streams, be it a replica; other uses are served', async () => {
  const replica = cluster.nodes[5]!;
  await askRedis(replica, (client) => client.config('SET', 'maxmemory-policy', 'allkeys-lru'));
  await expect(connect({ forStreams: true })).rejects.toMatchObject({
    code: 'REDIS_EVICTS',
    message: expect.stringContaining(`node 127.0.0.1:${replica.port}`),
  });
  expect(await (await connect()).client.set('a', '1')).toBe('OK');
  await askRedis(replica, (client) => client.config('SET', 'maxmemory-policy', 'noeviction'));
  expect(await (await connect({ forStreams: true })).client.set('a', '1')).toBe('OK');
});

test('a blocking read of a consumer waits its time and is cut by close()', async () => {
  const connection = await connect({ profile: 'consumer', maxBlockMs: 300 });
  expect(await connection.client.xread('BLOCK', 200, 'STREAMS', 'absent', '$')).toBeNull();
  const read = connection.client.xread('BLOCK', 20_000, 'STREAMS', 'absent', '$').catch((error: unknown) => error);
  await connection.close();
  expect(await read).toMatchObject({ code: 'CONNECTION_CLOSED' });
});

test('a command in flight is rejected when its connection breaks, and is not sent again to any node', async () => {
  const { client } = await connect({ profile: 'consumer' });
  const read = client.blpop('absent', 4).catch((error: unknown) => error);
  const master = await cluster.masterOf('absent');
  const blocked = () => askRedis(master, async (each) => / cmd=blpop /.test(String(await each.client('LIST'))));
  await eventually(blocked, { what: 'the server has the read' });
  await askRedis(master, (each) => each.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'));
  expect(await read).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringContaining('BLPOP was in flight') });
  await eventually(() => client.set('absent', '1').catch(() => false as const), { what: 'the node is connected to again' });
  expect(await blocked()).toBe(false);
});

test('a user that may not run INFO is served, and nothing is printed', async () => {
  const printed = [jest.spyOn(console, 'warn'), jest.spyOn(console, 'error')].map((spy) => spy.mockImplementation(() => undefined));
  const user = ['SETUSER', 'app', 'reset', 'on', '>right', '~*', '+@all', '-@dangerous', '+cluster'];
  await Promise.all(cluster.nodes.map((node) => askRedis(node, (each) => each.call('ACL', ...user))));
  const { client } = await connect({}, clusterHandle(cluster, {}, { username: 'app', password: 'right' }));
  expect(await client.set('a', '1')).toBe('OK');
  await expect(client.call('FLUSHALL')).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  for (const spy of printed) {
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  }
});

test('commands in flight finish before close() ends, later ones are refused, and no client is left on any node', async () => {
  const connection = await connect({ name: 'closing' });
  const writes = keys.map((key) => connection.client.set(key, 'last'));
  await Promise.all([connection.close(), connection.close()]);
  expect(await Promise.all(writes)).toEqual(keys.map(() => 'OK'));
  await expect(connection.client.get('a')).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
  const looking = await connect();
  for (const node of (looking.client as Cluster).nodes('master')) {
    await eventually(async () => !String(await node.client('LIST')).includes('closing'), { what: 'the client has left' });
  }
});

test.each([
  ['kill -9', (node: TestRedis) => node.kill()],
  ['SIGSTOP', (node: TestRedis) => node.pause()],
])('a fail-over after %s of a master is followed; the other masters are served all the while', async (signal, strike) => {
  const told: Error[] = [];
  const connection = await connect({ commandTimeoutMs: 1_000, onError: (error) => told.push(error) });
  const key = `of-${signal}`;
  const old = await cluster.masterOf(key);
  const other = await otherKey(key, old.port);
  await connection.client.set(key, '1');
  await strike(old);
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  await eventually(
    async () => {
      expect(await connection.client.set(other, '1')).toBe('OK');
      return connection.client.set(key, '2').catch((error: unknown) => {
        if (isMillraceError(error) && error.retriable) return false as const;
        throw error;
      });
    },
    { timeoutMs: 20_000, what: 'a write to the slot succeeds again' },
  );
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  const share = (user + system) / 1_000 / ms;
  process.stdout.write(
    `redis cluster: ${signal} of a master: recovered in ${Math.round(ms)} ms (${(100 * share).toFixed(0)} % of a core while it lasted)\n`,
  );
  expect(ms).toBeLessThan(10_000);
  expect(share).toBeLessThan(0.6);
  expect(told.length).toBeGreaterThan(0);
  await old.kill();
  await old.restart();
  await cluster.complete();
});

test('a cluster that is away altogether is come back to', async () => {
  const connection = await connect({ commandTimeoutMs: 1_000 });
  await Promise.all(cluster.nodes.map((node) => node.kill()));
  await eventually(
    () =>
      connection.client.set('a', '1').then(
        () => false,
        (error: unknown) => isMillraceError(error, 'CONNECTION_FAILED'),
      ),
    { what: 'a command fails' },
  );
  await Promise.all(cluster.nodes.map((node) => node.restart()));
  const startedAt = performance.now();
  await cluster.complete();
  await eventually(() => connection.client.set('a', '2').catch(() => false as const), {
    timeoutMs: 20_000,
    what: 'a write succeeds again',
  });
  process.stdout.write(`redis cluster: kill -9 and restart of all nodes: recovered in ${Math.round(performance.now() - startedAt)} ms\n`);
});

test('a password rotated on every node is read again', async () => {
  const env: Record<string, string> = {};
  const everywhere = (password: string, run: (client: Redis) => Promise<unknown>) =>
    Promise.all(cluster.nodes.map((node) => askRedis({ ...node, port: node.port, password }, run)));
  const connection = await connect({}, clusterHandle(cluster, env));
  await everywhere(cluster.password, async (client) => {
    await client.config('SET', 'requirepass', 'rotated');
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  });
  env.REDIS_PASSWORD = 'rotated';
  await eventually(() => connection.client.set('a', '1').catch(() => false as const), {
    timeoutMs: 20_000,
    what: 'a write succeeds again',
  });
  await everywhere('rotated', (client) => client.config('SET', 'requirepass', cluster.password));
});

/** A key whose slot is served by another node than the one at `port`. */
async function otherKey(prefix: string, port: number): Promise<string> {
  for (let index = 0; ; index++) {
    const key = `${prefix}-${index}`;
    if ((await cluster.masterOf(key)).port !== port) return key;
  }
}
