import type { Redis } from 'ioredis';
import { connectRedis, type RedisConnection } from '../../../runtime/src/connections/redis/index.ts';
import { askRedis } from '../../../servers/redis/ask.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';
import { startTestRedis, type TestAuthority, type TestRedis, testAuthority } from '../../support/servers.ts';
import { showOnRedis } from '../../support/test-certificates.ts';
import { redisHandle } from '../integration/connections-handles.ts';
import { type Fault, suffer } from './fault-table.ts';

let authority: TestAuthority;
let server: TestRedis;
let proxy: TestProxy;
let connection: RedisConnection;
const env: Record<string, string> = {};
const told: Error[] = [];
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);

beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled);
  authority = await testAuthority();
  server = await startTestRedis({ tls: authority });
  proxy = await startProxy(server);
  connection = await connectRedis(redisHandle({ ...server, port: proxy.port }, server.password, env), {
    commandTimeoutMs: 1_000,
    onError: (error) => told.push(error),
  });
});
afterAll(async () => {
  await connection?.close();
  await proxy?.close();
  await server?.stop();
  await authority?.remove();
  process.off('unhandledRejection', onUnhandled);
});

/** Has the server do something, then ends every other connection to it. */
const asAdmin = (password: string, command: (client: Redis) => Promise<unknown>) =>
  askRedis({ ...server, port: server.port, password }, async (client) => {
    await command(client);
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  });
const yesterday = () => new Date(Date.now() - 86_400_000);

const faults: Fault[] = [
  { name: 'kill -9 and restart', cause: () => server.kill(), mend: () => server.restart() },
  { name: 'SIGSTOP and SIGCONT', cause: () => server.pause(), mend: () => server.resume() },
  { name: 'orderly stop and restart', cause: () => server.kill('SIGTERM'), mend: () => server.restart() },
  {
    name: 'black-holed socket',
    cause: async () => proxy.blackHole(),
    mend: async () => proxy.restore(),
  },
  {
    name: 'expired certificate, then restart with a renewed one',
    tells: 'CONNECTION_TLS_FAILED',
    cause: async () => {
      await showOnRedis(server, await authority.issue({ validFrom: new Date(0), validTo: yesterday() }));
      proxy.cut();
    },
    mend: () => server.restart(),
  },
  {
    name: 'password changed, then the secret too',
    tells: 'CONNECTION_REFUSED_CREDENTIALS',
    cause: () => asAdmin(server.password, (client) => client.config('SET', 'requirepass', 'rotated')),
    mend: async () => {
      env.REDIS_PASSWORD = 'rotated';
    },
  },
];

test.each(faults)('$name is outlived', async (fault) => {
  await connection.client.ping();
  const { ms, cpu } = await suffer({ system: 'redis', told, probe: () => connection.client.set('probe', '1') }, fault);
  expect(ms).toBeLessThan(6_000);
  expect(cpu).toBeLessThan(0.6);
});

test('after all of them one socket is open, none after close(), and nothing was left unhandled', async () => {
  await eventually(() => proxy.connections() === 1, { what: 'one socket is open' });
  await connection.close();
  await eventually(() => proxy.connections() === 0, { what: 'no socket is open' });
  expect(unhandled).toEqual([]);
});
