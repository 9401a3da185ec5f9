import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { eventually } from '../support/eventually.ts';
import { startTestPostgres, startTestRedis, startTestSentinel, type TestRedis } from '../support/servers.ts';

function connect({ host, port, password }: TestRedis, options: { commandTimeout?: number } = {}): Redis {
  const client = new Redis({ host, port, password, ...options });
  client.on('error', () => undefined);
  return client;
}

async function query<T>(url: string, sql: string): Promise<T[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

describe('a test redis', () => {
  test('keeps its data and port over kill and restart, and is gone after stop', async () => {
    const server = await startTestRedis({ settings: { appendfsync: 'always' } });
    const client = connect(server);
    await client.xadd('stream', '*', 'a', 'b');
    const { pid } = server;
    await server.kill();
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(await client.xlen('stream')).toBe(1);
    client.disconnect();
    await server.stop();
    expect(existsSync(dirname(server.dir))).toBe(false);
  });

  test('answers nothing while it is paused', async () => {
    const server = await startTestRedis();
    const client = connect(server, { commandTimeout: 200 });
    await eventually(async () => (await client.ping()) === 'PONG', { what: 'it answers' });
    await server.pause();
    await expect(client.ping()).rejects.toThrow('Command timed out');
    await server.resume();
    await eventually(async () => (await client.ping()) === 'PONG', { what: 'it answers again' });
    client.disconnect();
    await server.stop();
  });
});

test('a test sentinel set elects another master within 10 seconds; the old one comes back as a replica', async () => {
  // Sentinels that could not agree vote again after twice this time.
  const set = await startTestSentinel({ failoverTimeoutMs: 1_000 });
  try {
    const old = await set.master();
    const killedAt = Date.now();
    await old.kill();
    await eventually(async () => (await set.master()).port !== old.port, { what: 'another master is named', timeoutMs: 20_000 });
    expect(Date.now() - killedAt).toBeLessThan(10_000);
    await old.restart();
    const client = connect(old);
    expect((await client.role())[0]).toBe('slave');
    client.disconnect();
  } finally {
    await set.stop();
  }
});

test('a test postgres survives kill and restart, gives databases, and has a standby that can be promoted', async () => {
  const primary = await startTestPostgres({ settings: { wal_level: 'logical' } });
  expect(await query(primary.url, 'show wal_level')).toEqual([{ wal_level: 'logical' }]);
  const { url, database } = await primary.createDatabase();
  await query(url, 'create table kept as select 1 as value');
  const standby = await startTestPostgres({ standbyOf: primary });
  await primary.kill();
  await primary.restart();
  expect(await query(url, 'select value from kept')).toEqual([{ value: 1 }]);
  const standbyUrl = standby.url.replace(/\/postgres$/, `/${database}`);
  expect(await query(standbyUrl, 'select pg_is_in_recovery() as standby')).toEqual([{ standby: true }]);
  await query(standbyUrl, 'select pg_promote()');
  await query(standbyUrl, 'insert into kept values (2)');
  await Promise.all([primary.stop(), standby.stop()]);
  expect(existsSync(primary.dataDir)).toBe(false);
});

test('eventually says what it waited for and what it last saw', async () => {
  const cause = new Error('not yet');
  const probe = () => Promise.reject(cause);
  await expect(eventually(probe, { what: 'pigs fly', timeoutMs: 20 })).rejects.toMatchObject({
    message: 'gave up waiting until pigs fly (20 ms)',
    cause,
  });
});
