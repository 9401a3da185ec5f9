import { connectPostgres, type PostgresConnection } from '../../../runtime/src/connections/postgres/index.ts';
import { connectRedis, type RedisConnection } from '../../../runtime/src/connections/redis/index.ts';
import {
  type CheckReport,
  createHealth,
  type HealthCheck,
  postgresCheck,
  redisCheck,
  startHealthServer,
} from '../../../runtime/src/health/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { postgresHandle, redisHandle } from './connections-handles.ts';

/** One look, without any cache. */
async function look(check: HealthCheck): Promise<CheckReport> {
  const { checks } = await createHealth({ checks: [check], cacheMs: 0 }).report();
  return checks[0]!;
}

describe('a Redis server', () => {
  let server: TestRedis;
  let connection: RedisConnection;
  beforeAll(async () => {
    server = await startTestRedis();
    connection = await connectRedis(redisHandle(server, server.password));
  });
  afterAll(async () => {
    await connection?.close();
    await server?.stop();
  });

  async function withConfig(name: string, value: string, run: () => Promise<void>): Promise<void> {
    const [, before] = (await connection.client.config('GET', name)) as [string, string];
    await connection.client.config('SET', name, value);
    await run().finally(() => connection.client.config('SET', name, before));
  }

  test('is up, with what was measured', async () => {
    const report = await look(redisCheck(connection, { forStreams: true }));
    expect(report).toMatchObject({ name: 'events', status: 'up', critical: true, componentType: 'datastore' });
    expect(report.reason).toBeUndefined();
    expect(report.observations).toContainEqual({ measure: 'role', value: 'master' });
  });

  test('is degraded when its memory is nearly used up', async () => {
    const used = Number(/used_memory:(\d+)/.exec(await connection.client.info('memory'))?.[1]);
    await withConfig('maxmemory', String(Math.round(used * 1.05)), async () => {
      expect(await look(redisCheck(connection))).toMatchObject({
        status: 'degraded',
        reason: expect.stringMatching(/memory is \d+ % used/),
      });
      expect(await look(redisCheck(connection, { memoryWarnRatio: 2 }))).toMatchObject({ status: 'up' });
    });
  });

  test('is down for streams, and up for a cache, when it may evict', async () => {
    await withConfig('maxmemory-policy', 'allkeys-lru', async () => {
      expect(await look(redisCheck(connection, { forStreams: true }))).toMatchObject({
        status: 'down',
        reason: expect.stringContaining('allkeys-lru'),
      });
      expect((await look(redisCheck(connection))).status).toBe('up');
    });
  });

  test('is down for writers when it is a replica, and degraded for readers when it has lost its master', async () => {
    await connection.client.replicaof('127.0.0.1', 1);
    const [writer, reader] = [await look(redisCheck(connection)), await look(redisCheck(connection, { writable: false }))];
    await connection.client.replicaof('NO', 'ONE');
    expect(writer).toMatchObject({ status: 'down', reason: expect.stringContaining('replica') });
    expect(reader).toMatchObject({ status: 'degraded', reason: 'the replica has lost its master' });
  });

  test('is degraded after it has rejected connections, and up again when it no longer does', async () => {
    const check = redisCheck(connection);
    const health = createHealth({ checks: [check], cacheMs: 0 });
    const others = await Promise.all([1, 2, 3].map(() => connectRedis(redisHandle(server, server.password))));
    expect((await health.report()).status).toBe('up');
    await withConfig('maxclients', '1', async () => {
      await expect(connectRedis(redisHandle(server, server.password), { connectTimeoutMs: 200 })).rejects.toThrow();
    });
    await Promise.all(others.map((other) => other.close()));
    expect((await health.report()).checks[0]).toMatchObject({ status: 'degraded', reason: expect.stringContaining('maxclients') });
    expect((await health.report()).status).toBe('up');
  });

  test('is up for a user that may not run INFO', async () => {
    const warned = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    await connection.client.call('ACL', 'SETUSER', 'blind', 'on', '>blind', '~*', '+@all', '-info');
    const blind = await connectRedis(redisHandle(server, 'blind', {}, 'blind'));
    expect((await look(redisCheck(blind))).status).toBe('up');
    await blind.close();
    warned.mockRestore();
  });

  test('is down at the deadline of the check when it hangs, asked once however often it is looked at, and up when it answers again', async () => {
    let asked = 0;
    const inner = redisCheck(connection, { timeoutMs: 200 });
    const counting: HealthCheck = {
      ...inner,
      check: (signal) => {
        asked += 1;
        return inner.check(signal);
      },
    };
    const health = createHealth({ checks: [counting], cacheMs: 0 });
    await server.pause();
    const startedAt = performance.now();
    expect((await health.report()).checks[0]).toMatchObject({ status: 'down', reason: 'no answer within 200 ms' });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    for (let index = 0; index < 20; index++) await health.report();
    expect(asked).toBe(1);
    await server.resume();
    await eventually(async () => (await health.report()).status === 'up', { what: 'the server is up again' });
  });

  test('is down while it is gone and up when it is back, over the same connection', async () => {
    const health = createHealth({ checks: [redisCheck(connection)], cacheMs: 0 });
    await server.kill('SIGTERM');
    await eventually(async () => (await health.report()).status === 'down', { what: 'the loss is noticed' });
    expect((await health.report()).checks[0]?.reason).toContain('down');
    await server.restart();
    await eventually(async () => (await health.report()).status === 'up', { what: 'the server is up again' });
  });
});

describe('a PostgreSQL server', () => {
  let server: TestPostgres;
  let connection: PostgresConnection;
  beforeAll(async () => {
    server = await startTestPostgres();
    connection = await connectPostgres(postgresHandle(server), { name: 'checked', maxConnections: 2, connectTimeoutMs: 1_000 });
  });
  afterAll(async () => {
    await connection?.close();
    await server?.stop();
  });

  test('is up, over the connections of the pool and never one more', async () => {
    for (let index = 0; index < 50; index++) expect((await look(postgresCheck(connection))).status).toBe('up');
    const { rows } = await connection.pool.query("select count(*)::int as n from pg_stat_activity where application_name = 'checked'");
    expect(rows).toEqual([{ n: 1 }]);
  });

  test('is degraded when every connection of the pool is busy and others wait', async () => {
    const held = [await connection.pool.connect(), await connection.pool.connect()];
    const waiting = connection.pool.query('select 1');
    expect(await look(postgresCheck(connection))).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining('all 2 connections'),
    });
    for (const client of held) client.release();
    await waiting;
    expect((await look(postgresCheck(connection))).status).toBe('up');
  });

  test('is down for writers and up for readers when it is a standby', async () => {
    const standby = await startTestPostgres({ standbyOf: server });
    const reading = await connectPostgres(postgresHandle(standby));
    const [writer, reader] = [await look(postgresCheck(reading)), await look(postgresCheck(reading, { writable: false }))];
    await reading.close();
    await standby.stop();
    expect(writer).toMatchObject({ status: 'down', reason: expect.stringContaining('standby') });
    expect(reader.status).toBe('up');
  });

  test('is down at the deadline when it hangs, and the hanging connection does not stay in the pool', async () => {
    const { rows } = await connection.pool.query<{ pid: number }>('select pg_backend_pid() as pid');
    const backend = rows[0]!.pid;
    const before = connection.pool.totalCount;
    process.kill(backend, 'SIGSTOP');
    try {
      const report = await look(postgresCheck(connection, { timeoutMs: 200 }));
      expect(report).toMatchObject({ status: 'down', reason: 'no answer within 200 ms' });
      await eventually(() => connection.pool.totalCount === before - 1, { what: 'the connection has left the pool' });
    } finally {
      process.kill(backend, 'SIGCONT');
    }
    expect((await look(postgresCheck(connection))).status).toBe('up');
  });

  test('is down while it is gone and up when it is back', async () => {
    const health = createHealth({ checks: [postgresCheck(connection)], cacheMs: 0 });
    await server.kill('SIGINT');
    await eventually(async () => (await health.report()).status === 'down', { what: 'the loss is noticed' });
    await server.restart();
    await eventually(async () => (await health.report()).status === 'up', { what: 'the server is up again' });
  });
});

test('with all dependencies dead /live stays 200, /ready is 503 and says why, and all heal without a restart', async () => {
  const [redis, postgres] = await Promise.all([startTestRedis(), startTestPostgres()]);
  const events = await connectRedis(redisHandle(redis, redis.password));
  const database = await connectPostgres(postgresHandle(postgres), { connectTimeoutMs: 1_000 });
  const health = createHealth({ checks: [redisCheck(events), postgresCheck(database)], cacheMs: 50 });
  const server = await startHealthServer({ health, port: 0, host: '127.0.0.1' });
  const codeOf = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${server.port}${path}`)).status;
  try {
    expect([await codeOf('/live'), await codeOf('/ready'), await codeOf('/startup')]).toEqual([200, 200, 200]);
    await Promise.all([redis.kill(), postgres.kill()]);
    await eventually(async () => (await codeOf('/ready')) === 503, { what: '/ready is 503' });
    expect([await codeOf('/live'), await codeOf('/startup')]).toEqual([200, 200]);
    await Promise.all([redis.restart(), postgres.restart()]);
    await eventually(async () => (await codeOf('/ready')) === 200, { timeoutMs: 20_000, what: '/ready is 200 again' });
  } finally {
    await server.close();
    await Promise.all([events.close(), database.close()]);
    await Promise.all([redis.stop(), postgres.stop()]);
  }
});
