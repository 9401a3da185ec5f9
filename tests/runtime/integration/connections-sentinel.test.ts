import { connectRedis, type RedisConnection } from '../../../runtime/src/connections/redis/index.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestSentinel, type TestRedis, type TestSentinel } from '../../support/servers.ts';
import { sentinelHandle } from './connections-handles.ts';

let set: TestSentinel;
let connection: RedisConnection;
const told: Error[] = [];

beforeAll(async () => {
  set = await startTestSentinel();
  connection = await connectRedis(sentinelHandle(set), { forStreams: true, onError: (error) => told.push(error) });
});
afterAll(async () => {
  await connection?.close();
  await set?.stop();
});

/** Milliseconds until a write is acknowledged; every failure on the way must be one that asks to be retried. */
async function writesAgainAfter(): Promise<number> {
  const startedAt = performance.now();
  await eventually(
    () =>
      connection.client.set('written', String(startedAt)).catch((error: unknown) => {
        if (isMillraceError(error) && error.retriable) return false as const;
        throw error;
      }),
    { timeoutMs: 20_000, what: 'a write succeeds after the fail-over' },
  );
  return Math.round(performance.now() - startedAt);
}

/** The whole set as it was before: three nodes, two of them connected replicas. A frozen node is restarted: thawed, it takes 10 s to be demoted. */
async function broughtBack(old: TestRedis): Promise<void> {
  await old.kill('SIGKILL');
  await old.restart();
  await eventually(async () => /connected_slaves:2/.test(await connection.client.info('replication').catch(() => '')), {
    timeoutMs: 30_000,
    what: 'the master has two replicas',
  });
}

test('a connection leads to the master', async () => {
  expect(await connection.client.set('a', '1')).toBe('OK');
  expect(connection.client.stream.remotePort).toBe((await set.master()).port);
});

test.each([
  ['data', { password: 'hunter2' }, /refused the user or password/],
  ['sentinel', { sentinelPassword: 'hunter2' }, /auth\.sentinelSecretRef/],
] as const)('connecting fails at once if the %s password is wrong', async (_, change, sentence) => {
  const startedAt = performance.now();
  await expect(connectRedis(sentinelHandle(set, change))).rejects.toMatchObject({
    code: 'CONNECTION_REFUSED_CREDENTIALS',
    message: expect.stringMatching(sentence),
  });
  expect(performance.now() - startedAt).toBeLessThan(6_000);
});

test('connecting succeeds if only the last sentinel can be reached, and fails in time if none can', async () => {
  const gone = [1, 2].map((port) => ({ host: '127.0.0.1', port }));
  const one = await connectRedis(sentinelHandle({ ...set, sentinels: [...gone, ...set.sentinels.slice(-1)] }));
  expect(await one.client.ping()).toBe('PONG');
  await one.close();
  const startedAt = performance.now();
  await expect(connectRedis(sentinelHandle({ ...set, sentinels: gone }), { connectTimeoutMs: 1_000 })).rejects.toMatchObject({
    code: 'CONNECTION_FAILED',
    message: expect.stringContaining('sentinels 127.0.0.1:1, 127.0.0.1:2'),
  });
  expect(performance.now() - startedAt).toBeLessThan(6_000);
});

test('a sentinel that is away is told of by onError and not printed', async () => {
  const printed = jest.spyOn(console, 'error').mockImplementation(() => undefined);
  const heard: Error[] = [];
  const sentinels = [...set.sentinels, { host: '127.0.0.1', port: 1 }];
  const one = await connectRedis(sentinelHandle({ ...set, sentinels }), { onError: (error) => heard.push(error) });
  await eventually(async () => heard.some((error) => error.message.includes('127.0.0.1:1')), { timeoutMs: 3_000, what: 'onError is told' });
  await one.close();
  expect(printed).not.toHaveBeenCalled();
  printed.mockRestore();
});

test('an attempt to connect that is interrupted, at which ioredis gives up, is taken up again', async () => {
  const { client } = connection;
  let gaveUp = false;
  client.once('end', () => {
    gaveUp = true;
  });
  client.once('connecting', () => client.disconnect(true));
  client.disconnect(true);
  await eventually(() => gaveUp, { timeoutMs: 5_000, what: 'ioredis has given up' });
  await eventually(() => client.ping().catch(() => false as const), { timeoutMs: 5_000, what: 'the connection is back' });
});

describe('a fail-over', () => {
  test('of a killed master is followed within 6 s', async () => {
    const old = await set.master();
    await old.kill('SIGKILL');
    const ms = await writesAgainAfter();
    process.stdout.write(`redis-sentinel: kill -9 of the master: recovered in ${ms} ms\n`);
    expect(ms).toBeLessThan(6_000);
    expect(connection.client.stream.remotePort).not.toBe(old.port);
    await broughtBack(old);
  });

  test('of a frozen master, whose connections stay open, is followed within 6 s', async () => {
    const old = await set.master();
    await old.pause();
    const ms = await writesAgainAfter();
    process.stdout.write(`redis-sentinel: SIGSTOP of the master: recovered in ${ms} ms\n`);
    expect(ms).toBeLessThan(6_000);
    expect(connection.client.stream.remotePort).not.toBe(old.port);
    await broughtBack(old);
  });

  test('that only the sentinels announce is followed although the connection would stay open', async () => {
    const old = await set.master();
    await old.pause();
    const startedAt = performance.now();
    await eventually(async () => connection.client.status === 'ready' && connection.client.stream.remotePort !== old.port, {
      timeoutMs: 10_000,
      what: 'the connection has moved without any command',
    });
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    await broughtBack(old);
  });
});

test('close() leaves no socket open', async () => {
  const handle = sentinelHandle(set);
  const ports = [...set.sentinels, ...set.nodes].map(({ port }) => port);
  const one = await connectRedis(handle, { name: 'leaving' });
  await one.close();
  const seen = await connectRedis(handle, { name: 'looking' });
  await eventually(async () => !String(await seen.client.client('LIST')).includes('name=leaving'), {
    timeoutMs: 2_000,
    what: 'the client has left',
  });
  await seen.close();
  await connection.close();
  await eventually(async () => !openPorts().some((port) => ports.includes(port)), { timeoutMs: 3_000, what: 'every socket is closed' });
});

/** Remote ports of the sockets this process has open. */
function openPorts(): number[] {
  const { _getActiveHandles } = process as unknown as { _getActiveHandles(): { remotePort?: number }[] };
  return _getActiveHandles.call(process).flatMap(({ remotePort }) => remotePort ?? []);
}
