import { connectSearch, type SearchConnection, type SearchConnectOptions } from '../../../runtime/src/connections/opensearch/index.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/ports.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';
import { startTestOpenSearch, type TestOpenSearch } from '../../support/servers.ts';
import { searchHandle } from '../support/search-nodes.ts';

let server: TestOpenSearch;
const opened: { close(): Promise<void> }[] = [];
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);

beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled);
  server = await startTestOpenSearch();
}, 120_000);
afterAll(async () => {
  process.off('unhandledRejection', onUnhandled);
  await server?.stop();
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
  expect(unhandled).toEqual([]);
});

const impatient: SearchConnectOptions = { requestTimeoutMs: 1_000, totalTimeoutMs: 2_000, closeTimeoutMs: 1_000 };

/** A connection through a proxy of its own, past the nodes on `others`. */
async function connect(
  others: number[] = [],
  options: SearchConnectOptions = {},
): Promise<{ proxy: TestProxy; connection: SearchConnection }> {
  const proxy = await startProxy({ host: server.host, port: server.port });
  opened.push(proxy);
  const auth = { mode: 'password', username: server.username, secretRef: { from: 'env', id: 'PASSWORD' } } as const;
  const handle = searchHandle(
    [...others, proxy.port],
    { auth, tls: { caRef: { from: 'env', id: 'CA' } } },
    { PASSWORD: server.password, CA: server.ca },
  );
  const connection = await connectSearch(handle, { ...impatient, connectTimeoutMs: 20_000, ...options });
  opened.push(connection);
  return { proxy, connection };
}

const write = ({ client }: SearchConnection) => client.index({ index: 'faults', document: { a: 1 } });

/** A write that may take its time: a server has to be warm before it is hurt. */
const calmWrite = ({ client }: SearchConnection) => client.index({ index: 'faults', document: { a: 1 } }, { requestTimeout: 30_000 });

/** The error of a write, of which there must be one soon. */
async function failure(connection: SearchConnection): Promise<string> {
  return eventually(
    async () => {
      const error: unknown = await write(connection).then(
        () => false,
        (thrown: unknown) => thrown,
      );
      return isMillraceError(error) ? error.code : error === false ? false : String(error);
    },
    { timeoutMs: 20_000, what: 'a write fails' },
  );
}

/** Prints and returns the time until a write succeeds, counted from `since`. */
async function recovery(fault: string, connection: SearchConnection, since: number, limitMs: number): Promise<void> {
  await eventually(() => write(connection), { timeoutMs: limitMs, what: `a write succeeds after: ${fault}` });
  process.stdout.write(`opensearch: ${fault}: recovered in ${Math.round(performance.now() - since)} ms\n`);
}

test('kill -9 and restart: requests fail fast while it is down, cost no CPU, and succeed as soon as it is back', async () => {
  // A reset is no timeout, also where the processor was away for a second in between.
  const { connection, proxy } = await connect([], { requestTimeoutMs: 4_000, totalTimeoutMs: 8_000 });
  await calmWrite(connection);
  await server.kill();
  expect(await failure(connection)).toBe('CONNECTION_FAILED');
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const reads = Array.from({ length: 20 }, () => connection.client.search({ index: 'faults' }).catch((error: unknown) => error));
  for (const error of await Promise.all(reads)) expect(error).toMatchObject({ code: 'CONNECTION_FAILED' });
  const { user, system } = process.cpuUsage(cpu);
  expect((user + system) / 1_000).toBeLessThan(1_500);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(proxy.connections()).toBeLessThan(20);
  await server.restart();
  await recovery('kill -9 and restart, counted from ready', connection, performance.now(), 30_000);
}, 180_000);

test('SIGSTOP: requests end at their deadline, and succeed when it goes on', async () => {
  const { connection } = await connect();
  await calmWrite(connection);
  await server.pause();
  const startedAt = performance.now();
  expect(await failure(connection)).toBe('CONNECTION_TIMEOUT');
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  await server.resume();
  await recovery('SIGSTOP, counted from SIGCONT', connection, performance.now(), 30_000);
});

test('a black-holed socket: the request ends at its deadline, the socket is given up, and another is made', async () => {
  const { connection, proxy } = await connect();
  await calmWrite(connection);
  proxy.blackHole();
  const [first, second] = [write(connection), connection.client.search({ index: 'faults' })].map((work) =>
    work.catch((error: unknown) => error),
  );
  expect(await first).toMatchObject({ code: 'CONNECTION_TIMEOUT', retriable: true });
  expect(await second).toMatchObject({ retriable: true });
  expect(proxy.connections()).toBeLessThanOrEqual(3);
  proxy.restore();
  await recovery('black-holed socket, counted from the mended line', connection, performance.now(), 30_000);
});

test('a cut connection: reads notice nothing', async () => {
  const { connection, proxy } = await connect([], { requestTimeoutMs: 10_000, totalTimeoutMs: 20_000 });
  await calmWrite(connection);
  const startedAt = performance.now();
  proxy.cut();
  expect(await connection.client.count({ index: 'faults' })).toHaveProperty('count');
  await recovery('cut connection', connection, startedAt, 30_000);
});

test('several endpoints: one that is gone and one that hangs cost nothing but the first look', async () => {
  const gone = await freePorts();
  const hanging = await startProxy({ host: server.host, port: server.port });
  opened.push(hanging);
  const { connection } = await connect([gone, hanging.port], { maxRetryDelayMs: 100 });
  await calmWrite(connection);
  await Promise.all(Array.from({ length: 6 }, () => connection.client.count({}, { requestTimeout: 30_000 })));
  hanging.blackHole();
  const startedAt = performance.now();
  await eventually(
    () =>
      connection.client.count().then(
        () => false as const,
        () => true,
      ),
    { timeoutMs: 20_000, what: 'the hanging node is noticed' },
  );
  await recovery('one of two nodes hangs', connection, startedAt, 20_000);
  const during = performance.now();
  for (let count = 0; count < 20; count++) await calmWrite(connection);
  process.stdout.write(`opensearch: 20 writes past a dead and a hanging node: ${Math.round(performance.now() - during)} ms\n`);
});

test('idle after faults, a connection has no timers that turn: no CPU is used', async () => {
  const { connection, proxy } = await connect([await freePorts()]);
  await calmWrite(connection);
  proxy.blackHole();
  await write(connection).catch(() => undefined);
  const cpu = process.cpuUsage();
  const until = performance.now() + 1_000;
  await eventually(() => performance.now() >= until, { what: 'a second has passed' });
  const { user, system } = process.cpuUsage(cpu);
  expect((user + system) / 1_000).toBeLessThan(500);
});
