import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { connectSearch, type SearchConnection } from '../../../runtime/src/connections/opensearch/index.ts';
import { mayRepeat, type Repeatable } from '../../../runtime/src/connections/opensearch/retry.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { json, type Script, scriptedConnections, scriptedNode, searchHandle } from '../support/search-nodes.ts';

const { connect, opened } = scriptedConnections();

/** Answers `status` to the first request, then 200. */
const once =
  (status: number): Script =>
  (_, response, count) =>
    json(response, count === 1 ? status : 200, { hits: { hits: [] } });

const cutOnce: Script = (_, response, count) => {
  if (count === 1) response.socket?.resetAndDestroy();
  else json(response, 200, { hits: { hits: [] } });
};

const read = ({ client }: SearchConnection) => client.search({ index: 'i', query: { match_all: {} } });
const write = ({ client }: SearchConnection) => client.index({ index: 'i', document: { a: 1 } });
const writeWithId = ({ client }: SearchConnection) => client.index({ index: 'i', id: '1', document: { a: 1 } });
const create = ({ client }: SearchConnection) => client.create({ index: 'i', id: '1', document: { a: 1 } });
const bulk = ({ client }: SearchConnection) => client.bulk({ operations: [{ index: { _index: 'i' } }, { a: 1 }] });
const conditional = ({ client }: SearchConnection) =>
  client.index({ index: 'i', id: '1', document: { a: 1 }, if_seq_no: 1, if_primary_term: 1 });

describe('a request is sent again', () => {
  test.each<[string, Script, (connection: SearchConnection) => Promise<unknown>]>([
    ['a write that the server declined with 429', once(429), write],
    ['a bulk that the server declined with 503', once(503), bulk],
    ['a read after a lost connection', cutOnce, read],
    ['a write with an id after a lost connection', cutOnce, writeWithId],
    ['a read that a gateway lost (502)', once(502), read],
    ['a write with an id that a gateway lost (504)', once(504), writeWithId],
  ])('if it is %s', async (_, script, send) => {
    const { node, connection } = await connect(script);
    await send(connection);
    expect(node.seen).toHaveLength(2);
  });

  test.each<[string, Script, (connection: SearchConnection) => Promise<unknown>, string]>([
    ['a write without an id after a lost connection', cutOnce, write, 'CONNECTION_FAILED'],
    ['a bulk after a lost connection', cutOnce, bulk, 'CONNECTION_FAILED'],
    ['a create after a lost connection', cutOnce, create, 'CONNECTION_FAILED'],
    ['a write under a condition after a lost connection', cutOnce, conditional, 'CONNECTION_FAILED'],
    ['a write without an id that a gateway lost (502)', once(502), write, 'ResponseError'],
    ['a request that the server finds wrong (400)', once(400), read, 'ResponseError'],
    ['a read of what is not there (404)', once(404), read, 'ResponseError'],
  ])('never if it is %s', async (_, script, send, told) => {
    const { node, connection } = await connect(script);
    const error: unknown = await send(connection).catch((thrown: unknown) => thrown);
    expect(isMillraceError(error) ? error.code : (error as Error).name).toBe(told);
    expect(node.seen).toHaveLength(1);
  });

  test('never if its body is a stream, which is gone', async () => {
    const { node, connection } = await connect(once(503));
    const bulkBody = Readable.from(['{"index":{"_index":"i"}}\n', '{"a":1}\n']);
    await expect(connection.client.transport.request({ method: 'POST', path: '/_bulk', bulkBody })).rejects.toMatchObject({
      statusCode: 503,
    });
    expect(node.seen).toHaveLength(1);
  });

  test('only as often as it may, and then the error is that of the server', async () => {
    const { node, connection } = await connect((_, response) => json(response, 429, { error: { type: 'rejected_execution_exception' } }));
    await expect(write(connection)).rejects.toMatchObject({ name: 'ResponseError', statusCode: 429 });
    expect(node.seen).toHaveLength(4);
    await expect(connection.client.search({ index: 'i' }, { maxRetries: 0 })).rejects.toMatchObject({ statusCode: 429 });
    expect(node.seen).toHaveLength(5);
  });

  test('only within the total time', async () => {
    const script: Script = (_, response) => json(response, 503, {});
    const { node, connection } = await connect(script, {
      totalTimeoutMs: 300,
      requestTimeoutMs: 300,
      maxRetries: 1_000,
      maxRetryDelayMs: 100,
    });
    const startedAt = performance.now();
    await expect(read(connection)).rejects.toMatchObject({ statusCode: 503 });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(node.seen.length).toBeGreaterThan(1);
  });

  test('also if the caller is told of the failure by a listener that throws, which surfaces apart', async () => {
    const surfaced: unknown[] = [];
    const { queueMicrotask: original } = globalThis;
    const spy = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) =>
      original(() => {
        try {
          task();
        } catch (error) {
          surfaced.push(error);
        }
      }),
    );
    try {
      const fault = new Error('the listener failed');
      const onError = (): void => {
        throw fault;
      };
      const { node, connection } = await connect(cutOnce, { onError });
      expect(await read(connection)).toEqual({ hits: { hits: [] } });
      expect(node.seen).toHaveLength(2);
      expect(surfaced).toEqual([fault]);
    } finally {
      spy.mockRestore();
    }
  });
});

describe('after a lost connection', () => {
  const lost = Object.assign(new Error('socket hang up'), { name: 'ConnectionError' });
  const request = (line: string, querystring?: Repeatable['querystring']): Repeatable => {
    const [method = '', path = ''] = line.split(' ');
    return { method, path, querystring };
  };

  test.each([
    ...['GET /', 'GET /i/_doc/1', 'GET /_cat/indices?v', 'HEAD /i', 'HEAD /i/_doc/1'],
    ...['POST /i/_search', 'POST /_search', 'POST /_all/_count', 'POST /_msearch', 'POST /i,j/_mget', 'POST /i/_search/template'],
    ...['PUT /i/_doc/1', 'PUT /i/_doc/a%2Fb'],
  ])('%s is repeated', (line) => {
    expect(mayRepeat(lost, request(line))).toBe(true);
  });

  test.each([
    ...['PUT /_bulk', 'PUT /i/_bulk', 'PUT /i', 'PUT /i/_create/1', 'PUT /i/_mapping', 'PUT /_cluster/settings', 'put /i/_doc/1'],
    ...['DELETE /i', 'DELETE /i/_doc/1', 'PATCH /_plugins/_security/api/roles', 'post /i/_doc'],
    ...['POST /i/_doc', 'POST /i/_doc/_search', 'POST /i/_update/1', 'POST /_search/scroll', 'GET /_search/scroll'],
    ...['PUT /i/_doc/1?op_type=create', 'POST /i/_search?scroll=1m'],
  ])('%s is not', (line) => {
    expect(mayRepeat(lost, request(line))).toBe(false);
  });

  test.each<NonNullable<Repeatable['querystring']>>([
    ...['op_type=create', '?op_type=create', 'refresh=true&version=3&version_type=external', 'if_seq_no=1&if_primary_term=1'],
    ...[{ op_type: 'create' }, { version: 3, version_type: 'external' }, { if_seq_no: 1 }, { if_primary_term: 1 }],
  ])('a document under the condition %j is not', (querystring) => {
    expect(mayRepeat(lost, request('PUT /i/_doc/1', querystring))).toBe(false);
    expect(mayRepeat(lost, request('PUT /i/_doc/1'), querystring)).toBe(false);
  });

  test('a document is repeated if what stands beside it is no condition', () => {
    for (const querystring of ['refresh=true&routing=version', { refresh: true, routing: 'version' }])
      expect(mayRepeat(lost, request('PUT /i/_doc/1', querystring), { timeout: '5s' })).toBe(true);
  });

  test('a condition among the options of a call counts', async () => {
    const { node, connection } = await connect(cutOnce);
    const asked = connection.client.index({ index: 'i', id: '1', document: { a: 1 } }, { querystring: { op_type: 'create' } });
    await expect(asked).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
    expect(node.seen.map(({ url }) => url)).toEqual(['/i/_doc/1?op_type=create']);
  });
});

describe('a request ends', () => {
  const hang: Script = () => undefined;
  const drip = (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  };

  test.each<[string, Script]>([
    ['no answer comes', hang],
    ['the answer never ends', drip],
  ])('at its deadline with CONNECTION_TIMEOUT when %s', async (_, script) => {
    const { connection } = await connect(script, { requestTimeoutMs: 200 });
    const startedAt = performance.now();
    await expect(read(connection)).rejects.toMatchObject({ code: 'CONNECTION_TIMEOUT', message: expect.stringContaining('200 ms') });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  test('at a longer deadline of its own', async () => {
    const { connection } = await connect((_, response) => setTimeout(() => json(response, 200, {}), 300), {
      ...{ requestTimeoutMs: 100, totalTimeoutMs: 100 },
    });
    expect(await connection.client.search({ index: 'i' }, { requestTimeout: 10_000 })).toEqual({});
  });

  test('when its caller gives up, without harm to another that has the same signal', async () => {
    const { node, connection } = await connect(hang, { requestTimeoutMs: 100 });
    const caller = new AbortController();
    const [short, long] = [
      connection.client.search({ index: 'short' }, { signal: caller.signal }),
      connection.client.search({ index: 'long' }, { signal: caller.signal, requestTimeout: 20_000 }),
    ].map((work) => work.catch((error: unknown) => error));
    expect(await short).toMatchObject({ code: 'CONNECTION_TIMEOUT' });
    await eventually(() => node.seen.length === 2, { what: 'both have arrived' });
    caller.abort();
    expect(await long).toMatchObject({ name: 'RequestAbortedError' });
  });

  test('at its deadline when the secret store hangs', async () => {
    const node = await scriptedNode((_, response) => json(response, 401, {}));
    opened.push(node);
    const auth = { mode: 'password', username: 'admin', secretRef: { from: 'env', id: 'P' } } as const;
    const handle = searchHandle([node.port], { auth }, { P: 'x' });
    let reads = 0;
    const secret: typeof handle.secret = (ref) => {
      reads += 1;
      return reads === 1 ? handle.secret(ref) : new Promise(() => undefined);
    };
    const connection = await connectSearch({ ...handle, secret }, { requestTimeoutMs: 200 });
    opened.push(connection);
    await expect(read(connection)).rejects.toMatchObject({ code: 'CONNECTION_TIMEOUT' });
    expect(reads).toBe(2);
  });
});
