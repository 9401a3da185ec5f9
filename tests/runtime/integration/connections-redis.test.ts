import { inspect } from 'node:util';
import { connectRedis, type RedisConnection, type RedisConnectOptions } from '../../../runtime/src/connections/redis/index.ts';
import { isMillraceError, type MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';
import { startTestRedis, type TestRedis } from '../../support/servers.ts';
import { redisHandle } from './connections-handles.ts';

let server: TestRedis;
let admin: RedisConnection;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await startTestRedis();
  admin = await connectRedis(redisHandle(server, server.password), { name: 'admin' });
});
afterAll(async () => {
  await admin?.close();
  await server?.stop();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((connection) => connection.close()));
});

async function connect(options: RedisConnectOptions = {}, handle = redisHandle(server, server.password)): Promise<RedisConnection> {
  const connection = await connectRedis(handle, options);
  opened.push(connection);
  return connection;
}

async function throughProxy(options: RedisConnectOptions): Promise<{ connection: RedisConnection; proxy: TestProxy }> {
  const proxy = await startProxy(server);
  opened.push(proxy);
  return { proxy, connection: await connect(options, redisHandle(proxy, server.password)) };
}

async function refusal(work: Promise<unknown>): Promise<MillraceError> {
  const error: unknown = await work.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (isMillraceError(error)) return error;
  throw error;
}

/** Names of the clients that the server has. */
async function clientNames(): Promise<string[]> {
  const list = String(await admin.client.client('LIST'));
  return [...list.matchAll(/ name=(\S*)/g)].map((match) => match[1] ?? '');
}

async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const startedAt = performance.now();
  const value = await work;
  return { value, ms: performance.now() - startedAt };
}

describe('connecting', () => {
  test('gives a client that reads and writes, under its name', async () => {
    const { client } = await connect({ name: 'orders' });
    expect(await client.set('greeting', 'hello')).toBe('OK');
    expect(await client.get('greeting')).toBe('hello');
    expect(await clientNames()).toContain('orders');
  });

  test('fails at once if the password is wrong, and tells it nowhere', async () => {
    const { value: error, ms } = await timed(refusal(connectRedis(redisHandle(server, 'hunter2'))));
    expect(error.code).toBe('CONNECTION_REFUSED_CREDENTIALS');
    expect(error.message).toContain(`${server.host}:${server.port}`);
    expect(inspect(error, { depth: 10 })).not.toContain('hunter2');
    expect(ms).toBeLessThan(6_000);
  });

  test('fails in the time allowed if the server is gone, naming it', async () => {
    const gone = { host: '127.0.0.1', port: 1 };
    const { value: error, ms } = await timed(refusal(connectRedis(redisHandle(gone, 'x'), { connectTimeoutMs: 500 })));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', retriable: true, message: expect.stringContaining('127.0.0.1:1') });
    expect(ms).toBeLessThan(6_000);
  });

  test('fails in the time allowed if the server accepts and never answers', async () => {
    const proxy = await startProxy(server);
    opened.push(proxy);
    proxy.blackHole();
    const { value: error, ms } = await timed(refusal(connectRedis(redisHandle(proxy, 'x'), { connectTimeoutMs: 500 })));
    expect(error.code).toBe('CONNECTION_FAILED');
    expect(ms).toBeLessThan(6_000);
    await eventually(async () => proxy.connections() === 0, { timeoutMs: 3_000, what: 'the client has left the proxy' });
  });

  test('waits for a server that is still starting', async () => {
    const late = await startTestRedis();
    opened.push({ close: () => late.stop() });
    await late.kill('SIGTERM');
    const connecting = connect({ connectTimeoutMs: 15_000 }, redisHandle(late, late.password));
    await late.restart();
    expect(await (await connecting).client.ping()).toBe('PONG');
  });
});

describe('when the connection breaks', () => {
  test('a producer fails fast while it is down and goes on when the server is back', async () => {
    const own = await startTestRedis();
    opened.push({ close: () => own.stop() });
    const told: Error[] = [];
    const { client } = await connect({ onError: (error) => told.push(error) }, redisHandle(own, own.password));
    await own.kill('SIGTERM');
    const { value: error, ms } = await timed(refusal(eventuallyRejects(() => client.set('a', '1'))));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', retriable: true });
    expect(ms).toBeLessThan(6_000);
    await eventually(() => told.length > 0, { timeoutMs: 2_000, what: 'onError is told' });
    await own.restart();
    await eventually(() => client.set('a', '2').catch(() => false as const), {
      timeoutMs: 10_000,
      what: 'a write succeeds after the restart',
    });
  });

  test('a command on a black-holed socket is rejected at its deadline, and the connection is replaced', async () => {
    const { connection, proxy } = await throughProxy({ commandTimeoutMs: 300 });
    expect(await connection.client.ping()).toBe('PONG');
    proxy.blackHole();
    const { value: error, ms } = await timed(refusal(connection.client.set('a', '1')));
    expect(error).toMatchObject({ code: 'CONNECTION_TIMEOUT', retriable: true, message: expect.stringContaining('SET within 300 ms') });
    expect(ms).toBeLessThan(6_000);
    const silentSince = performance.now();
    await eventually(async () => connection.client.status !== 'ready', { timeoutMs: 5_000, what: 'the silent socket is dropped' });
    expect(performance.now() - silentSince).toBeLessThan(3_000);
    proxy.restore();
    await eventually(() => connection.client.ping().catch(() => false as const), { timeoutMs: 10_000, what: 'an answer comes again' });
  });

  test('a blocking read of a consumer on a black-holed socket ends, instead of hanging for ever', async () => {
    const { connection, proxy } = await throughProxy({ profile: 'consumer', maxBlockMs: 300 });
    const read = connection.client.xread('BLOCK', 300, 'STREAMS', 'absent', '$');
    proxy.blackHole();
    const { ms } = await timed(read.catch((error: unknown) => error));
    expect(ms).toBeLessThan(4_000);
    await eventually(async () => connection.client.status !== 'ready', { timeoutMs: 5_000, what: 'the silent socket is dropped' });
  });

  test('a blocking read in flight is rejected when the connection is cut, and is not sent again', async () => {
    const { connection, proxy } = await throughProxy({ profile: 'consumer' });
    const read = refusal(connection.client.xread('BLOCK', 30_000, 'STREAMS', 'absent', '$'));
    await eventually(async () => String(await admin.client.client('LIST')).includes('cmd=xread '), {
      timeoutMs: 3_000,
      what: 'the server has the read',
    });
    proxy.cut();
    const { value: error, ms } = await timed(read);
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringContaining('XREAD was in flight') });
    expect(ms).toBeLessThan(6_000);
    await eventually(async () => connection.client.status === 'ready', { timeoutMs: 5_000, what: 'the connection is back' });
    expect(String(await admin.client.client('LIST'))).not.toMatch(/cmd=xread /);
  });

  test('a rotated password is read again', async () => {
    const own = await startTestRedis();
    opened.push({ close: () => own.stop() });
    const env: Record<string, string> = {};
    const { client } = await connect({}, redisHandle(own, own.password, env));
    const side = await connect({}, redisHandle(own, own.password));
    const id = await client.client('ID');
    await side.client.config('SET', 'requirepass', 'rotated');
    env.REDIS_PASSWORD = 'rotated';
    await side.client.client('KILL', 'ID', id);
    await eventually(() => client.ping().catch(() => false as const), { timeoutMs: 8_000, what: 'an answer comes under the new password' });
  });
});

describe('a server that must not be written to', () => {
  test('a command that reaches a demoted master fails with REDIS_NOT_MASTER until there is a master again', async () => {
    const own = await startTestRedis();
    opened.push({ close: () => own.stop() });
    const { client } = await connect({}, redisHandle(own, own.password));
    const side = await connect({}, redisHandle(own, own.password));
    await side.client.replicaof('127.0.0.1', 1);
    expect(await refusal(client.set('a', '1'))).toMatchObject({ code: 'REDIS_NOT_MASTER', retriable: true });
    await eventually(() => client.status !== 'ready', { timeoutMs: 2_000, what: 'the connection to the replica is given up' });
    const before = await refusal(connectRedis(redisHandle(own, own.password), { connectTimeoutMs: 500 }));
    expect(before.code).toBe('REDIS_NOT_MASTER');
    await side.client.replicaof('NO', 'ONE');
    await eventually(() => client.set('a', '1').catch(() => false as const), { timeoutMs: 8_000, what: 'the master takes a write' });
  });

  test('an evicting server is refused for streams, and taken for other uses', async () => {
    const evicting = await startTestRedis({ settings: { 'maxmemory-policy': 'allkeys-lru' } });
    opened.push({ close: () => evicting.stop() });
    const handle = redisHandle(evicting, evicting.password);
    const { value: error, ms } = await timed(refusal(connectRedis(handle, { forStreams: true })));
    expect(error).toMatchObject({ code: 'REDIS_EVICTS', retriable: false, message: expect.stringContaining('allkeys-lru') });
    expect(ms).toBeLessThan(6_000);
    expect(await (await connect({}, handle)).client.ping()).toBe('PONG');
  });

  test('a server that evicts since the last connection is refused after a reconnection, until it is mended', async () => {
    const own = await startTestRedis();
    opened.push({ close: () => own.stop() });
    const { client } = await connect({ forStreams: true }, redisHandle(own, own.password));
    const side = await connect({}, redisHandle(own, own.password));
    const id = await client.client('ID');
    await side.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await side.client.client('KILL', 'ID', id);
    const seen = await eventually(
      async () => {
        const error: unknown = await client.xadd('s', '*', 'a', '1').catch((thrown: unknown) => thrown);
        return isMillraceError(error, 'REDIS_EVICTS') && error;
      },
      { timeoutMs: 5_000, what: 'the command is refused' },
    );
    expect(seen.message).toContain('noeviction');
    expect(await side.client.exists('s')).toBe(0);
    await side.client.config('SET', 'maxmemory-policy', 'noeviction');
    await eventually(() => client.xadd('s', '*', 'a', '1').catch(() => false as const), { timeoutMs: 8_000, what: 'a write succeeds' });
  });

  test('a user that may not run CONFIG can still be told that streams are safe; one that may not run INFO cannot', async () => {
    await admin.client.call('ACL', 'SETUSER', 'app', 'on', '>app', '~*', '+@all', '-config');
    await admin.client.call('ACL', 'SETUSER', 'blind', 'on', '>blind', '~*', '+@all', '-info');
    const app = await connect({ forStreams: true }, redisHandle(server, 'app', {}, 'app'));
    expect(await app.client.ping()).toBe('PONG');
    const error = await refusal(connectRedis(redisHandle(server, 'blind', {}, 'blind'), { forStreams: true }));
    expect(error).toMatchObject({ code: 'REDIS_EVICTS', message: expect.stringContaining('+info') });
  });
});

describe('close()', () => {
  test('lets the commands of a producer finish and leaves no connection on the server', async () => {
    const connection = await connect({ name: 'closing' });
    const writes = Array.from({ length: 1_000 }, (_, index) => connection.client.incrby('sum', index));
    await connection.close();
    expect(await Promise.all(writes)).toHaveLength(1_000);
    await eventually(async () => !(await clientNames()).includes('closing'), { timeoutMs: 2_000, what: 'the client has left' });
  });

  test('cuts the blocking read of a consumer at once', async () => {
    const connection = await connect({ profile: 'consumer' });
    const read = refusal(connection.client.xread('BLOCK', 30_000, 'STREAMS', 'absent', '$'));
    const { ms } = await timed(connection.close());
    expect((await read).code).toBe('CONNECTION_CLOSED');
    expect(ms).toBeLessThan(6_000);
  });

  test('ends in the time allowed when the server hangs', async () => {
    const { connection, proxy } = await throughProxy({ closeTimeoutMs: 300 });
    proxy.blackHole();
    const write = refusal(connection.client.set('a', '1'));
    const { ms } = await timed(connection.close());
    expect(ms).toBeLessThan(6_000);
    expect((await write).code).toBe('CONNECTION_CLOSED');
    await eventually(async () => proxy.connections() === 0, { timeoutMs: 2_000, what: 'the socket is closed' });
  });

  test('may be called twice and while reconnecting; commands after it fail with CONNECTION_CLOSED', async () => {
    const { connection, proxy } = await throughProxy({ profile: 'consumer' });
    await proxy.close();
    await eventually(async () => connection.client.status === 'reconnecting', { timeoutMs: 3_000, what: 'the loss is noticed' });
    await Promise.all([connection.close(), connection[Symbol.asyncDispose]()]);
    expect((await refusal(connection.client.ping())).code).toBe('CONNECTION_CLOSED');
    await new Promise(setImmediate);
    expect(['end', 'reconnecting']).toContain(connection.client.status);
  });
});

/** Repeats `command` until it is rejected, and gives that rejection. */
async function eventuallyRejects(command: () => Promise<unknown>): Promise<void> {
  for (;;) await command();
}
