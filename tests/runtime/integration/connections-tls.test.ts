import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import { connectPostgres } from '../../../runtime/src/connections/postgres/index.ts';
import { connectRedis } from '../../../runtime/src/connections/redis/index.ts';
import { eventually } from '../../support/eventually.ts';
import {
  startTestPostgres,
  startTestRedis,
  startTestRedisCluster,
  startTestSentinel,
  type TestAuthority,
  type TestPostgres,
  type TestRedis,
  type TestRedisCluster,
  type TestSentinel,
  testAuthority,
} from '../../support/servers.ts';
import { showOnPostgres, showOnRedis } from '../../support/test-certificates.ts';
import { clusterHandle, postgresHandle, redisHandle, sentinelHandle } from './connections-handles.ts';

let authority: TestAuthority;
let stranger: TestAuthority;
let redis: TestRedis;
let sentinel: TestSentinel;
let cluster: TestRedisCluster;
let postgres: TestPostgres;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([testAuthority(), testAuthority()]);
  const tls = authority;
  [redis, sentinel, cluster, postgres] = await Promise.all([
    startTestRedis({ tls }),
    startTestSentinel({ tls }),
    startTestRedisCluster({ tls }),
    startTestPostgres({ tls }),
  ]);
}, 60_000);
afterAll(async () => {
  await Promise.all([redis, sentinel, cluster, postgres].map((server) => server?.stop()));
  await Promise.all([authority, stranger].map((each) => each?.remove()));
});

const otherHost = { code: 'CONNECTION_TLS_FAILED', message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID') };

/** Each system that a test can trust, by the authority that the client is given. */
const systems = [
  ['redis', (caFile: string) => connectRedis(redisHandle({ ...redis, caFile }, redis.password), { connectTimeoutMs: 8_000 })],
  ['redis-sentinel', (caFile: string) => connectRedis(sentinelHandle(sentinel, { caFile }), { connectTimeoutMs: 8_000 })],
  ['redis cluster', (caFile: string) => connectRedis(clusterHandle({ ...cluster, caFile }), { connectTimeoutMs: 8_000, cluster: true })],
  ['postgres', (caFile: string) => connectPostgres(postgresHandle({ ...postgres, caFile }), { connectTimeoutMs: 8_000 })],
] as const;

test.each(systems)('%s is reached when its authority is known', async (_, connect) => {
  await using connection = await connect(authority.caFile);
  if ('client' in connection) expect(await connection.client.set('a', '1')).toBe('OK');
  else expect((await connection.pool.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')).rows).toEqual([{ ssl: true }]);
});

test.each(systems)('%s fails at once if its authority is another one, and says so', async (_, connect) => {
  const startedAt = performance.now();
  await expect(connect(stranger.caFile)).rejects.toMatchObject({
    code: 'CONNECTION_TLS_FAILED',
    retriable: false,
    message: expect.stringMatching(
      /127\.0\.0\.1:\d+.*\((UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|CERT_SIGNATURE_FAILURE)\)$/,
    ),
  });
  expect(performance.now() - startedAt).toBeLessThan(4_000);
});

test('a master behind sentinels is followed through a fail-over with TLS all the way', async () => {
  await using connection = await connectRedis(sentinelHandle(sentinel), { forStreams: true });
  const old = await sentinel.master();
  await old.kill();
  await eventually(() => connection.client.set('a', '2').catch(() => false as const), {
    timeoutMs: 20_000,
    what: 'a write succeeds again',
  });
  expect(connection.client.stream.remotePort).not.toBe(old.port);
});

test('redis fails at once if its certificate is for another host', async () => {
  const own = await startTestRedis({ tls: authority });
  await showOnRedis(own, await authority.issue({ hosts: ['elsewhere.test'] }));
  await expect(connectRedis(redisHandle(own, own.password))).rejects.toMatchObject(otherHost);
  await own.stop();
});

test('postgres fails at once if its certificate is for another host, also one that was reached by its address', async () => {
  const own = await startTestPostgres({ tls: authority });
  await showOnPostgres(own, await authority.issue({ hosts: ['localhost'] }));
  await eventually(
    () =>
      expect(connectPostgres(postgresHandle(own)))
        .rejects.toMatchObject(otherHost)
        .then(() => true),
    {
      what: 'the new certificate is shown',
    },
  );
  await own.stop();
});

test.each([
  [
    'redis',
    startTestRedis,
    showOnRedis,
    (server: TestRedis, serverName: string) =>
      connectRedis(named(redisHandle({ ...server, host: 'localhost' }, server.password), serverName)),
  ],
  [
    'postgres',
    startTestPostgres,
    showOnPostgres,
    (server: TestPostgres, serverName: string) => connectPostgres(named(postgresHandle({ ...server, host: 'localhost' }), serverName)),
  ],
] as const)('%s is checked for the name that the binding gives, where it is reached under another', async (_, start, show, connect) => {
  const own = await start({ tls: authority });
  await show(own as never, await authority.issue({ hosts: ['data.internal'] }));
  const connection = await eventually<{ close(): Promise<void> }>(() => connect(own as never, 'data.internal'), {
    what: 'the new certificate is shown',
  });
  await connection.close();
  await expect(connect(own as never, 'other.internal')).rejects.toMatchObject(otherHost);
  await own.stop();
});

function named(handle: ServiceHandle, serverName: string): ServiceHandle {
  return { ...handle, service: { ...handle.service, tls: { ...handle.service.tls, serverName } } };
}
