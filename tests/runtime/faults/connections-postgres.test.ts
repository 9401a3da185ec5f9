import { connectPostgres, type PostgresConnection, postgresError } from '../../../runtime/src/connections/postgres/index.ts';
import { askPostgres } from '../../../servers/postgres/process.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';
import { startTestPostgres, type TestAuthority, type TestPostgres, testAuthority } from '../../support/servers.ts';
import { showOnPostgres } from '../../support/test-certificates.ts';
import { postgresHandle } from '../integration/connections-handles.ts';
import { type Fault, suffer } from './fault-table.ts';

let authority: TestAuthority;
let server: TestPostgres;
let proxy: TestProxy;
let connection: PostgresConnection;
const env: Record<string, string> = {};
const told: Error[] = [];
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);

beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled);
  authority = await testAuthority();
  server = await startTestPostgres({ tls: authority });
  proxy = await startProxy(server);
  await askPostgres(server, (client) => client.query("create role app login password 'first'"));
  connection = await connectPostgres(postgresHandle({ ...server, user: 'app', port: proxy.port }, { password: 'first', env }), {
    connectTimeoutMs: 3_000,
    statementTimeoutMs: 500,
    maxConnections: 3,
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

/** A pool tells of refusals by the errors of statements. */
async function probe(): Promise<void> {
  try {
    await connection.pool.query('select 1');
  } catch (error) {
    const explained = postgresError(error, 'postgres');
    told.push(explained);
    throw explained;
  }
}

const faults: Fault[] = [
  { name: 'kill -9 and restart', cause: () => server.kill(), mend: () => server.restart() },
  { name: 'SIGSTOP and SIGCONT', cause: () => server.pause(), mend: () => server.resume() },
  { name: 'orderly stop and restart', cause: () => server.kill('SIGINT'), mend: () => server.restart() },
  {
    name: 'black-holed socket',
    cause: async () => proxy.blackHole(),
    mend: async () => proxy.restore(),
  },
  {
    name: 'expired certificate, then restart with a renewed one',
    tells: 'CONNECTION_TLS_FAILED',
    cause: async () => {
      const expired = { validFrom: new Date(0), validTo: new Date(Date.now() - 86_400_000) };
      await showOnPostgres(server, await authority.issue(expired));
      await eventually(
        () => askPostgres(server, async () => false as const).catch((error: { code?: string }) => error.code === 'CERT_HAS_EXPIRED'),
        {
          what: 'the server shows it',
        },
      );
      proxy.cut();
    },
    mend: () => server.restart(),
  },
  {
    name: 'password changed, then the secret too',
    tells: 'CONNECTION_REFUSED_CREDENTIALS',
    cause: async () => {
      await askPostgres(server, (client) => client.query("alter role app password 'rotated'"));
      proxy.cut();
    },
    mend: async () => {
      env.POSTGRES_PASSWORD = 'rotated';
    },
  },
];

test.each(faults)('$name is outlived', async (fault) => {
  await connection.pool.query('select 1');
  const { ms, cpu } = await suffer({ system: 'postgres', told, probe }, fault);
  expect(ms).toBeLessThan(8_000);
  expect(cpu).toBeLessThan(0.6);
});

test('after all of them no more sockets are open than the pool allows, none after close(), and nothing was left unhandled', async () => {
  await eventually(() => proxy.connections() <= 3, { what: 'the pool is within its bounds' });
  await connection.close();
  await eventually(() => proxy.connections() === 0, { what: 'no socket is open' });
  expect(unhandled).toEqual([]);
});
