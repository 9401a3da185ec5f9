import { inspect } from 'node:util';
import { postgresError } from '../../../runtime/src/connections/postgres/errors.ts';
import { connectPostgres, type PostgresConnection, type PostgresConnectOptions } from '../../../runtime/src/connections/postgres/index.ts';
import { isMillraceError, type MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy } from '../../support/proxy.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { postgresHandle } from './connections-handles.ts';

let server: TestPostgres;
let admin: PostgresConnection;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await startTestPostgres();
  admin = await connectPostgres(postgresHandle(server), { name: 'admin' });
});
afterAll(async () => {
  await admin?.close();
  await server?.stop();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((connection) => connection.close()));
});

async function connect(options: PostgresConnectOptions = {}, handle = postgresHandle(server)): Promise<PostgresConnection> {
  const connection = await connectPostgres(handle, options);
  opened.push(connection);
  return connection;
}

async function refusal(work: Promise<unknown>): Promise<MillraceError> {
  const error: unknown = await work.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (isMillraceError(error)) return error;
  throw error;
}

async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const startedAt = performance.now();
  const value = await work;
  return { value, ms: performance.now() - startedAt };
}

/** Number of sessions that the server has under this name. */
async function sessions(name: string): Promise<number> {
  const { rows } = await admin.pool.query<{ count: string }>('select count(*) from pg_stat_activity where application_name = $1', [name]);
  return Number(rows[0]?.count);
}

describe('connecting', () => {
  test('gives a pool, and dedicated clients under names of their own', async () => {
    const connection = await connect({ name: 'orders' });
    expect((await connection.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    const client = await connection.openClient('orders-relay');
    expect((await client.query('show application_name')).rows).toEqual([{ application_name: 'orders-relay' }]);
    expect(await sessions('orders')).toBe(1);
    await client.end();
    await eventually(async () => (await sessions('orders-relay')) === 0, { what: 'the dedicated session has ended' });
  });

  test('fails at once if the password is wrong, and tells it nowhere', async () => {
    const { value: error, ms } = await timed(refusal(connectPostgres(postgresHandle(server, { password: 'hunter2' }))));
    expect(error).toMatchObject({ code: 'CONNECTION_REFUSED_CREDENTIALS', message: expect.stringContaining('28P01') });
    expect(inspect(error, { depth: 10 })).not.toContain('hunter2');
    expect(ms).toBeLessThan(6_000);
  });

  test('fails if the secret cannot be read, with the word of the binding', async () => {
    const error = await refusal(connectPostgres(postgresHandle(server, { password: '' })));
    expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', message: expect.stringContaining('POSTGRES_PASSWORD') });
  });

  test('fails if the database does not exist, which trying again does not mend', async () => {
    const error = await refusal(connectPostgres(postgresHandle(server, { database: 'absent' })));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', retriable: false, message: expect.stringContaining('no such database') });
  });

  test('fails if nobody listens, naming host and port', async () => {
    const error = await refusal(connectPostgres(postgresHandle(server, { port: 1 })));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', retriable: true, message: expect.stringContaining('127.0.0.1:1/postgres') });
  });

  test('fails in the time allowed if the server accepts and never answers', async () => {
    const proxy = await startProxy(server);
    opened.push(proxy);
    proxy.blackHole();
    const { value: error, ms } = await timed(refusal(connectPostgres(postgresHandle({ ...server, ...proxy }), { connectTimeoutMs: 400 })));
    expect(error.code).toBe('CONNECTION_FAILED');
    expect(ms).toBeLessThan(6_000);
    await eventually(() => proxy.connections() === 0, { what: 'the client has left the proxy' });
  });

  test('fails if the server has no connection left', async () => {
    const small = await startTestPostgres({ settings: { max_connections: '5', superuser_reserved_connections: '0' } });
    opened.push({ close: () => small.stop() });
    const { pool } = await connect({ maxConnections: 5 }, postgresHandle(small));
    const held = await Promise.all(Array.from({ length: 5 }, () => pool.connect()));
    const error = await refusal(connectPostgres(postgresHandle(small)));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringContaining('max_connections') });
    for (const client of held) client.release();
  });
});

describe('the bounds of a session', () => {
  test('the pool opens no more connections than allowed, and who waits too long is told so', async () => {
    const { pool } = await connect({ name: 'bounded', maxConnections: 2, connectTimeoutMs: 300 });
    const held = [await pool.connect(), await pool.connect()];
    const error = await pool.connect().catch((thrown: unknown) => postgresError(thrown, 'postgres'));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED' });
    expect(await sessions('bounded')).toBe(2);
    for (const client of held) client.release();
  });

  test('a statement is cancelled at its timeout', async () => {
    const { pool } = await connect({ statementTimeoutMs: 100 });
    const error = await pool.query('select pg_sleep(30)').catch((thrown: unknown) => postgresError(thrown, 'postgres'));
    expect(error).toMatchObject({ code: 'CONNECTION_TIMEOUT' });
  });

  test('a statement on a black-holed connection ends a while after its timeout', async () => {
    const proxy = await startProxy(server);
    opened.push(proxy);
    const { pool } = await connect({ statementTimeoutMs: 100, closeTimeoutMs: 100 }, postgresHandle({ ...server, ...proxy }));
    proxy.blackHole();
    const { value: error, ms } = await timed(pool.query('select 1').catch((thrown: unknown) => postgresError(thrown, 'postgres')));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED' });
    expect(ms).toBeLessThan(4_000);
    expect(pool.totalCount).toBe(0);
  });

  test('a session that idles in a transaction is ended', async () => {
    const told: Error[] = [];
    const connection = await connect({ idleInTransactionTimeoutMs: 100, onError: (error) => told.push(error) });
    const client = await connection.openClient();
    await client.query('begin');
    await eventually(() => told.length > 0, { what: 'onError is told' });
    await expect(client.query('select 1')).rejects.toThrow();
  });

  test('0 sends neither timeout, as poolers require', async () => {
    const { pool } = await connect({ statementTimeoutMs: 0, idleInTransactionTimeoutMs: 0 });
    const { rows } = await pool.query(
      "select current_setting('statement_timeout') as s, current_setting('idle_in_transaction_session_timeout') as i",
    );
    expect(rows).toEqual([{ s: '0', i: '0' }]);
  });
});

describe('when the server goes', () => {
  test('the process survives, onError is told, and the pool works again after a restart', async () => {
    const own = await startTestPostgres();
    opened.push({ close: () => own.stop() });
    const told: Error[] = [];
    const connection = await connect({ onError: (error) => told.push(error) }, postgresHandle(own));
    const client = await connection.openClient('lasting');
    await own.kill('SIGINT');
    await eventually(() => told.length >= 2, { what: 'onError is told of the idle and of the dedicated connection' });
    expect(told.every((error) => isMillraceError(error, 'CONNECTION_FAILED'))).toBe(true);
    const down = await connection.pool.query('select 1').catch((thrown: unknown) => postgresError(thrown, 'postgres'));
    expect(down).toMatchObject({ code: 'CONNECTION_FAILED', retriable: true });
    await expect(client.query('select 1')).rejects.toThrow();
    await own.restart();
    await eventually(() => connection.pool.query('select 1'), { what: 'the pool works again' });
    const fresh = await connection.openClient();
    expect((await fresh.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  test('a listener that throws does not leave a dead connection in the pool, and what it threw surfaces', async () => {
    const surfaced: (() => void)[] = [];
    const spy = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((callback) => void surfaced.push(callback));
    const onError = (): void => {
      throw new Error('of the listener');
    };
    const { pool } = await connect({ name: 'throwing', onError });
    await admin.pool.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'throwing'");
    await eventually(() => pool.totalCount === 0, { what: 'the pool has dropped the connection' });
    spy.mockRestore();
    expect(surfaced[0]).toThrow('of the listener');
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });
});

describe('close()', () => {
  test('lets statements finish, ends dedicated clients and leaves no session', async () => {
    const connection = await connect({ name: 'closing' });
    await connection.openClient();
    const slow = connection.pool.query('select pg_sleep(0.2), 7 as seven');
    await Promise.all([connection.close(), connection[Symbol.asyncDispose]()]);
    expect((await slow).rows).toEqual([expect.objectContaining({ seven: 7 })]);
    await eventually(async () => (await sessions('closing')) === 0, { what: 'no session is left' });
  });

  test('cuts in the time allowed what does not finish', async () => {
    const connection = await connect({ name: 'stuck', closeTimeoutMs: 200 });
    const client = await connection.openClient();
    const stuck = [connection.pool, client].map((on) => on.query('select pg_sleep(60)').catch((error: unknown) => error));
    await eventually(async () => (await sessions('stuck')) === 2, { what: 'both statements run' });
    const { ms } = await timed(connection.close());
    expect(ms).toBeLessThan(6_000);
    expect(await Promise.all(stuck)).toEqual([expect.any(Error), expect.any(Error)]);
  });

  test('ends in the time allowed when the server hangs', async () => {
    const proxy = await startProxy(server);
    opened.push(proxy);
    const connection = await connect({ closeTimeoutMs: 200 }, postgresHandle({ ...server, ...proxy }));
    proxy.blackHole();
    const { ms } = await timed(connection.close());
    expect(ms).toBeLessThan(6_000);
    await eventually(() => proxy.connections() === 0, { what: 'the sockets are closed' });
  });

  test('is final: openClient() fails with CONNECTION_CLOSED', async () => {
    const connection = await connect();
    await connection.close();
    expect((await refusal(connection.openClient())).code).toBe('CONNECTION_CLOSED');
  });
});
