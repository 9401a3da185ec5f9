import { connectRedis, type RedisConnection } from '../../../runtime/src/connections/redis/index.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';
import { startTestSentinel, type TestSentinel } from '../../support/servers.ts';
import { sentinelHandle } from './connections-handles.ts';

/** A set whose members are reached at other addresses than those they know each other by, as published ports of containers are. */
let set: TestSentinel;
let proxies: Map<number, TestProxy>;
let connection: RedisConnection;

beforeAll(async () => {
  set = await startTestSentinel();
  const members = [...set.nodes, ...set.sentinels];
  proxies = new Map(await Promise.all(members.map(async ({ host, port }) => [port, await startProxy({ host, port })] as const)));
  const published = ({ host, port }: { host: string; port: number }) => {
    const proxy = proxies.get(port)!;
    return { host: proxy.host, port: proxy.port, announced: { host, port } };
  };
  const { masterName, password, sentinelPassword } = set;
  const addresses = { sentinels: set.sentinels.map(published), published: set.nodes.map(published) };
  connection = await connectRedis(sentinelHandle({ masterName, password, sentinelPassword, ...addresses }), { forStreams: true });
});
afterAll(async () => {
  await connection?.close();
  await Promise.all([...(proxies?.values() ?? [])].map((proxy) => proxy.close()));
  await set?.stop();
});

const remotePort = () => connection.client.stream.remotePort;

test('the master is reached where the binding says that it is', async () => {
  expect(await connection.client.set('a', '1')).toBe('OK');
  expect(remotePort()).toBe(proxies.get((await set.master()).port)!.port);
});

test('a fail-over is followed to where the new master is reached', async () => {
  const old = await set.master();
  await old.kill('SIGKILL');
  await eventually(
    () =>
      connection.client.set('b', '1').catch((error: unknown) => {
        if (isMillraceError(error) && error.retriable) return false as const;
        throw error;
      }),
    { timeoutMs: 20_000, what: 'a write succeeds after the fail-over' },
  );
  const master = await set.master();
  expect(master.port).not.toBe(old.port);
  expect(remotePort()).toBe(proxies.get(master.port)!.port);
});
