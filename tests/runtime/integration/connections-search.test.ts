import { inspect } from 'node:util';
import { Client } from '@elastic/elasticsearch';
import { connectSearch, type SearchConnection, type SearchConnectOptions } from '../../../runtime/src/connections/opensearch/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { isMillraceError, type MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/ports.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';
import { startTestOpenSearch, type TestAuthority, type TestOpenSearch, testAuthority } from '../../support/servers.ts';
import { searchHandle } from '../support/search-nodes.ts';
import { tlsFront } from '../support/tls-front.ts';

let server: TestOpenSearch;
let admin: SearchConnection;
let authority: TestAuthority;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  [server, authority] = await Promise.all([startTestOpenSearch(), testAuthority()]);
  admin = await connectSearch(server.handle(), { name: 'admin' });
}, 120_000);
afterAll(async () => {
  await admin?.close();
  await Promise.all([server?.stop(), authority?.remove()]);
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function connect(options: SearchConnectOptions = {}, handle = server.handle()): Promise<SearchConnection> {
  const connection = await connectSearch(handle, options);
  opened.push(connection);
  return connection;
}

async function proxied(): Promise<TestProxy> {
  const proxy = await startProxy({ host: server.host, port: server.port });
  opened.push(proxy);
  return proxy;
}

async function refusal(work: Promise<unknown>): Promise<{ error: MillraceError; ms: number }> {
  const startedAt = performance.now();
  const error: unknown = await work.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (isMillraceError(error)) return { error, ms: performance.now() - startedAt };
  throw error;
}

/** A user, and the handle to connect as that user; the password in `env` may be changed later. */
async function userHandle(name: string, password: string, backendRole: string) {
  const setPassword = (value: string) =>
    admin.client.transport.request({
      ...{ method: 'PUT', path: `/_plugins/_security/api/internalusers/${name}` },
      body: { password: value, backend_roles: [backendRole] },
    });
  await setPassword(password);
  const env = { PASSWORD: password, CA: server.ca };
  const auth = { mode: 'password', username: name, secretRef: { from: 'env', id: 'PASSWORD' } } as const;
  return { env, setPassword, handle: searchHandle([server.port], { auth, tls: { caRef: { from: 'env', id: 'CA' } } }, env) };
}

describe('the stock client on OpenSearch', () => {
  test('acts and then throws without our transport, which is why there is one', async () => {
    const stock = new Client({
      ...{ node: `https://${server.host}:${server.port}`, tls: { ca: server.ca } },
      auth: { username: server.username, password: server.password },
    });
    opened.push(stock);
    await expect(stock.indices.create({ index: 'acted' })).rejects.toMatchObject({ name: 'ProductNotSupportedError' });
    expect(await admin.client.indices.exists({ index: 'acted' })).toBe(true);
  });

  test('tells about the server, under our name', async () => {
    const { client } = await connect({ name: 'orders' });
    expect((await client.info()).version).toMatchObject({ distribution: 'opensearch' });
    const { headers } = await client.info({}, { meta: true });
    expect(headers['x-opaque-id']).toBe('orders');
    expect(headers['content-type']).toMatch(/^application\/json/);
  });

  test('writes, reads, searches and aggregates', async () => {
    const { client } = await connect();
    await client.indices.create({
      index: 'products',
      mappings: { properties: { title: { type: 'text' }, kind: { type: 'keyword' }, price: { type: 'integer' } } },
    });
    const written = await client.index({ index: 'products', id: 'a/b c:d', document: { title: 'brass lamp', kind: 'lamp', price: 40 } });
    expect(written.result).toBe('created');
    const stats = await client.helpers.bulk({
      datasource: Array.from({ length: 500 }, (_, price) => ({ title: `oak chair ${price}`, kind: 'chair', price })),
      onDocument: () => ({ index: { _index: 'products' } }),
      refreshOnCompletion: true,
      flushBytes: 10_000,
    });
    expect(stats).toMatchObject({ successful: 500, failed: 0 });
    expect(await client.get({ index: 'products', id: 'a/b c:d' })).toMatchObject({ _source: { kind: 'lamp' } });
    const found = await client.search({
      index: 'products',
      query: { multi_match: { query: 'lmp', fields: ['title^2'], fuzziness: 'AUTO' } },
      highlight: { fields: { title: {} } },
    });
    expect(found.hits.hits[0]).toMatchObject({ _id: 'a/b c:d', highlight: { title: ['brass <em>lamp</em>'] } });
    const { aggregations } = await client.search({
      index: 'products',
      size: 0,
      aggs: { kinds: { terms: { field: 'kind' }, aggs: { dearest: { max: { field: 'price' } } } } },
    });
    expect(aggregations?.kinds).toMatchObject({ buckets: [{ key: 'chair', doc_count: 500, dearest: { value: 499 } }, { key: 'lamp' }] });
    await client.indices.delete({ index: 'products' });
  });

  test('puts an index template and writes to a data stream', async () => {
    const { client } = await connect();
    await client.indices.putIndexTemplate({
      ...{ name: 'logs', index_patterns: ['logs-*'], data_stream: {} },
      template: { mappings: { properties: { '@timestamp': { type: 'date' } } } },
    });
    await client.indices.createDataStream({ name: 'logs-orders' });
    await client.index({ index: 'logs-orders', document: { '@timestamp': '2026-01-01T00:00:00Z', message: 'placed' }, refresh: true });
    expect(await client.count({ index: 'logs-orders' })).toMatchObject({ count: 1 });
    await client.indices.deleteDataStream({ name: 'logs-orders' });
    await client.indices.deleteIndexTemplate({ name: 'logs' });
  });

  test('sends compressed bodies, and its children share the sockets', async () => {
    const proxy = await proxied();
    const { client } = await connect({ compression: true, maxConnections: 1 }, server.handle({ port: proxy.port }));
    const child = client.child({ headers: { 'x-opaque-id': 'child' } });
    await child.index({ index: 'compressed', id: '1', document: { text: 'x'.repeat(10_000) } });
    expect(await client.get({ index: 'compressed', id: '1' })).toMatchObject({ _source: { text: 'x'.repeat(10_000) } });
    expect(proxy.connections()).toBe(1);
    await client.indices.delete({ index: 'compressed' });
  });

  test('keeps what the server says about a request: a missing index, a query that is wrong, an overload', async () => {
    const { client } = await connect({ maxRetryDelayMs: 60 });
    await expect(client.search({ index: 'absent' })).rejects.toMatchObject({ name: 'ResponseError', statusCode: 404 });
    await expect(client.search({ query: { absent: {} } as object })).rejects.toMatchObject({ name: 'ResponseError', statusCode: 400 });
    await client.cluster.putSettings({ transient: { 'network.breaker.inflight_requests.limit': '20kb' } });
    const overload = client.index({ index: 'large', document: { text: 'x'.repeat(100_000) } });
    await expect(overload).rejects.toMatchObject({ name: 'ResponseError', statusCode: 429 });
    await client.cluster.putSettings({ transient: { 'network.breaker.inflight_requests.limit': null } });
  });
});

describe('connecting', () => {
  test('fails at once if the password is wrong, and tells it nowhere', async () => {
    const { error, ms } = await refusal(connect({}, server.handle({ password: 'hunter2' })));
    expect(error).toMatchObject({ code: 'CONNECTION_REFUSED_CREDENTIALS', retriable: false });
    expect(error.message).toContain(`${server.host}:${server.port}`);
    const told = inspect(error, { depth: 12 });
    expect(told).not.toContain('hunter2');
    expect(told).not.toContain(Buffer.from(`${server.username}:hunter2`).toString('base64'));
    expect(ms).toBeLessThan(4_000);
  });

  test('succeeds for a user who may not see the front page, and what else is forbidden is told as such', async () => {
    const { handle } = await userHandle('reader', 'Str0ng-and-long-passphrase', 'readall');
    const { client } = await connect({}, handle);
    const { error } = await refusal(client.cluster.putSettings({ transient: { 'cluster.max_shards_per_node': 999 } }));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', retriable: false });
  });

  test.each<[string, (port: number) => Promise<{ port: number; ca: string }>, RegExp]>([
    ['its authority is unknown', async (port) => ({ port, ca: authority.ca }), /authority that is not trusted/],
    ['its certificate has expired', () => fronted({ validFrom: new Date('2020-01-01'), validTo: new Date('2021-01-01') }), /has expired/],
    ['its certificate is for another host', () => fronted({ hosts: ['search.internal'] }), /for another host/],
  ])('fails at once with CONNECTION_TLS_FAILED if %s', async (_, arrange, sentence) => {
    const { error, ms } = await refusal(connect({}, server.handle(await arrange(server.port))));
    expect(error).toMatchObject({ code: 'CONNECTION_TLS_FAILED', retriable: false, message: expect.stringMatching(sentence) });
    expect(ms).toBeLessThan(4_000);
  });

  async function fronted(request: Parameters<TestAuthority['issue']>[0], clientCa?: string): Promise<{ port: number; ca: string }> {
    const front = await tlsFront(server, await authority.issue(request), clientCa);
    opened.push(front);
    return { port: front.port, ca: authority.ca };
  }

  function tlsHandle(port: number, tls: BoundService['tls'], env: Record<string, string> = {}) {
    const auth = { mode: 'password', username: server.username, secretRef: { from: 'env', id: 'PASSWORD' } } as const;
    const all = { PASSWORD: server.password, CA: authority.ca, ...env };
    return searchHandle([port], { auth, tls: { caRef: { from: 'env', id: 'CA' }, ...tls } }, all);
  }

  test('takes a certificate for the server name that the binding gives', async () => {
    const { port } = await fronted({ hosts: ['search.internal'] });
    const { client } = await connect({}, tlsHandle(port, { serverName: 'search.internal' }));
    expect(await client.ping()).toBe(true);
  });

  test('shows the client certificate of the binding, and is refused without', async () => {
    const { port } = await fronted({}, authority.ca);
    const { cert, key } = await authority.issue({ hosts: ['orders'] });
    const withOne = tlsHandle(port, { clientCertRef: { from: 'env', id: 'CLIENT' } }, { CLIENT: `${cert}\n${key}` });
    expect(await (await connect({}, withOne)).client.ping()).toBe(true);
    const { error } = await refusal(connect({ connectTimeoutMs: 1_000 }, tlsHandle(port, {})));
    expect(['CONNECTION_TLS_FAILED', 'CONNECTION_FAILED']).toContain(error.code);
  });

  test('fails in the time allowed if the server is gone, naming it', async () => {
    const port = await freePorts();
    const { error, ms } = await refusal(connect({ connectTimeoutMs: 500 }, server.handle({ port })));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', retriable: true, message: expect.stringContaining(`127.0.0.1:${port}`) });
    expect(ms).toBeLessThan(3_000);
  });

  test('fails in the time allowed if the server accepts and never answers', async () => {
    const proxy = await proxied();
    proxy.blackHole();
    const { error, ms } = await refusal(connect({ connectTimeoutMs: 500 }, server.handle({ port: proxy.port })));
    expect(error.code).toBe('CONNECTION_FAILED');
    expect(ms).toBeLessThan(4_000);
    await eventually(async () => proxy.connections() === 0, { timeoutMs: 5_000, what: 'the client has left the proxy' });
  });
});

test('a rotated password is read again, and no request fails meanwhile', async () => {
  const { handle, env, setPassword } = await userHandle('rotating', 'Str0ng-first-passphrase', 'admin');
  const { client } = await connect({}, handle);
  await setPassword('Str0ng-second-passphrase');
  env.PASSWORD = 'Str0ng-second-passphrase';
  expect(await client.ping()).toBe(true);
  expect((await client.info()).version.number).toBeDefined();
  await setPassword('Str0ng-third-passphrase');
  const told = await eventually(
    async () => {
      const error: unknown = await client.index({ index: 'rotated', document: {} }).catch((thrown: unknown) => thrown);
      return isMillraceError(error) && error;
    },
    { timeoutMs: 30_000, what: 'the old password is refused' },
  );
  expect(told.code).toBe('CONNECTION_REFUSED_CREDENTIALS');
  env.PASSWORD = 'Str0ng-third-passphrase';
  await eventually(() => client.index({ index: 'rotated', document: {} }), {
    timeoutMs: 30_000,
    what: 'a write succeeds under the new password',
  });
});

describe('close()', () => {
  test('lets requests in flight finish, leaves no socket, and refuses later ones', async () => {
    const proxy = await proxied();
    const connection = await connect({ maxConnections: 2, closeTimeoutMs: 40_000 }, server.handle({ port: proxy.port }));
    const writeAll = () =>
      Array.from({ length: 20 }, (_, n) => connection.client.index({ index: 'closing', id: String(n), document: { n } }));
    await Promise.all(writeAll());
    const writes = writeAll();
    await new Promise(setImmediate);
    await Promise.all([connection.close(), connection[Symbol.asyncDispose]()]);
    expect(await Promise.all(writes)).toHaveLength(20);
    expect((await refusal(connection.client.info())).error.code).toBe('CONNECTION_CLOSED');
    await eventually(() => proxy.connections() === 0, { timeoutMs: 5_000, what: 'all sockets are closed' });
  });

  test('ends in the time allowed when the server hangs', async () => {
    const proxy = await proxied();
    const connection = await connect({ closeTimeoutMs: 300 }, server.handle({ port: proxy.port }));
    proxy.blackHole();
    const write = refusal(connection.client.index({ index: 'closing', document: {} }));
    const startedAt = performance.now();
    await connection.close();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect((await write).error.code).toBe('CONNECTION_CLOSED');
    await eventually(() => proxy.connections() === 0, { timeoutMs: 5_000, what: 'the socket is closed' });
  });
});
