import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { searchError } from '../../../runtime/src/connections/opensearch/errors.ts';
import { connectSearch, type SearchConnection } from '../../../runtime/src/connections/opensearch/index.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/ports.ts';
import { startProxy } from '../../support/proxy.ts';
import { json, scriptedConnections, scriptedNode, searchHandle } from '../support/search-nodes.ts';

const { connect, opened } = scriptedConnections();

const read = ({ client }: SearchConnection) => client.search({ index: 'i', query: { match_all: {} } });
const write = ({ client }: SearchConnection) => client.index({ index: 'i', document: { a: 1 } });

describe('several nodes', () => {
  test('are asked in turn, past one that is gone, without an error', async () => {
    const [first, second] = [await scriptedNode(), await scriptedNode()];
    opened.push(first, second);
    const gone = await freePorts();
    const told: Error[] = [];
    const connection = await connectSearch(searchHandle([gone, first.port, second.port]), { onError: (error) => told.push(error) });
    opened.push(connection);
    for (let count = 0; count < 30; count++) await write(connection);
    expect(first.seen.length + second.seen.length).toBe(30);
    expect(Math.abs(first.seen.length - second.seen.length)).toBeLessThan(6);
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThan(4);
  });

  test('one that hangs is pinged by one request at a time, and used again when it is back', async () => {
    const [first, second] = [await scriptedNode(), await scriptedNode()];
    const proxy = await startProxy(second);
    opened.push(first, second, proxy);
    const connection = await connectSearch(searchHandle([first.port, proxy.port]), { requestTimeoutMs: 1_000, connectTimeoutMs: 500 });
    opened.push(connection);
    await Promise.all(Array.from({ length: 4 }, () => read(connection)));
    proxy.blackHole();
    await eventually(
      async () =>
        read(connection).then(
          () => false,
          () => true,
        ),
      { what: 'the node is noticed to hang' },
    );
    let most = 0;
    const until = performance.now() + 2_500;
    while (performance.now() < until) {
      await Promise.allSettled(Array.from({ length: 20 }, () => read(connection)));
      most = Math.max(most, proxy.connections());
      await delay(20);
    }
    expect(most).toBeLessThanOrEqual(12);
    const before = second.seen.length;
    proxy.restore();
    await eventually(() => read(connection).then(() => second.seen.length > before), {
      timeoutMs: 20_000,
      what: 'the node is asked again',
    });
  });
});

describe('errors', () => {
  const fault = (code: string) =>
    Object.assign(new Error('text'), { name: 'ConnectionError', cause: Object.assign(new Error('below'), { code }) });
  test.each([
    ['ECONNREFUSED', 'CONNECTION_FAILED', true],
    ['UND_ERR_CONNECT_TIMEOUT', 'CONNECTION_FAILED', true],
    ['CERT_HAS_EXPIRED', 'CONNECTION_TLS_FAILED', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'CONNECTION_TLS_FAILED', false],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'CONNECTION_TLS_FAILED', false],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'CONNECTION_TLS_FAILED', false],
  ])('a connection error with %s becomes %s', (cause, code, retriable) => {
    expect(searchError(fault(cause), 'opensearch')).toMatchObject({ code, retriable });
  });

  test('a write to an index with a block (403) stays what the server said', async () => {
    const { connection } = await connect((_, response) => json(response, 403, { error: { type: 'cluster_block_exception' } }));
    await expect(write(connection)).rejects.toMatchObject({ name: 'ResponseError', statusCode: 403 });
  });

  test('an action that the role lacks (403) becomes ACCESS_DENIED', async () => {
    const { connection } = await connect((_, response) => json(response, 403, { error: { type: 'security_exception' } }));
    await expect(write(connection)).rejects.toMatchObject({ code: 'ACCESS_DENIED', cause: { statusCode: 403 } });
  });
});

describe('the password', () => {
  const auth = { mode: 'password', username: 'admin', secretRef: { from: 'env', id: 'P' } } as const;
  const basic = (password: string) => `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
  /** A node that lets in who has the right password. */
  async function guarded(state: { right: string }, env: Record<string, string>) {
    const node = await scriptedNode(({ headers }, response) =>
      headers.authorization === basic(state.right) ? json(response, 200, { ok: true }) : json(response, 401, { error: 'no' }),
    );
    opened.push(node);
    const reads = { count: 0 };
    const handle = searchHandle([node.port], { auth }, env);
    const secret: typeof handle.secret = (ref) => {
      reads.count += 1;
      return handle.secret(ref);
    };
    const counted = { ...handle, secret };
    const connection = await connectSearch(counted);
    opened.push(connection);
    return { node, connection, reads };
  }

  test('is read once for all requests, and once again for all that are refused at the same time', async () => {
    const [state, env] = [{ right: 'old' }, { P: 'old' }];
    const { connection, reads } = await guarded(state, env);
    await Promise.all(Array.from({ length: 10 }, () => read(connection)));
    expect(reads.count).toBe(1);
    state.right = 'new';
    env.P = 'new';
    expect(await Promise.all(Array.from({ length: 10 }, () => write(connection)))).toHaveLength(10);
    expect(reads.count).toBe(2);
  });

  test('that stays wrong is not read for every request, and is told nowhere', async () => {
    const [state, env] = [{ right: 'hunter2' }, { P: 'hunter2' }];
    const { connection, node, reads } = await guarded(state, env);
    state.right = 'other';
    const errors = await Promise.all(Array.from({ length: 5 }, () => write(connection).catch((error: unknown) => error)));
    for (let count = 0; count < 5; count++) errors.push(await write(connection).catch((error: unknown) => error));
    expect(reads.count).toBe(2);
    expect(node.seen).toHaveLength(10);
    for (const error of errors) expect(error).toMatchObject({ code: 'CONNECTION_REFUSED_CREDENTIALS', retriable: false });
    const text = inspect([errors, connection.client], { depth: 12, showHidden: true });
    expect(text).not.toContain('hunter2');
    expect(inspect(errors, { depth: 12 })).not.toContain(basic('hunter2').slice(6));
  });
});

test('TLS, plain text and addresses of both families make the addresses of nodes', async () => {
  const connecting = connectSearch(searchHandle([1], { endpoints: [{ purpose: 'primary', host: '::1', port: 1 }] }), {
    connectTimeoutMs: 300,
  });
  await expect(connecting).rejects.toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringContaining('::1:1') });
});
