import { Readable } from 'node:stream';
import * as aws4 from 'aws4';
import { connectSearch, type SearchConnection, type SearchConnectOptions } from '../../../runtime/src/connections/opensearch/index.ts';
import { json, type ScriptedNode, type SeenRequest, scriptedNode, searchHandle } from '../support/search-nodes.ts';

const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'session+token/==' };
const region = 'eu-west-1';
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function connect(
  options: SearchConnectOptions = {},
  serverless = false,
): Promise<{ node: ScriptedNode; connection: SearchConnection }> {
  const node = await scriptedNode(({ url }, response) =>
    json(response, 200, url.includes('_bulk') ? { took: 1, errors: false, items: [{ index: { status: 201 } }] } : { ok: true }),
  );
  opened.push(node);
  const iam = { region, service: 'es', resourceName: 'search', serverless };
  const handle = searchHandle([node.port], { auth: { mode: 'iam' }, iam });
  const connection = await connectSearch(handle, { credentials: async () => keys, ...options });
  opened.push(connection);
  return { node, connection };
}

/** The signature that another implementation gives to the request as it arrived. */
function signatures(request: SeenRequest, service = 'es'): { got: string | undefined; wanted: string | undefined } {
  const authorization = request.headers.authorization ?? '';
  const signed = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
  const headers = Object.fromEntries(
    signed.filter((name) => name !== 'x-amz-security-token').map((name) => [name, String(request.headers[name])]),
  );
  const wanted = aws4.sign(
    {
      ...{ service, region, method: request.method, path: request.url, host: request.headers.host!, headers },
      ...(request.body.length > 0 && { body: request.body as unknown as string }),
      ...{ extraHeadersToIgnore: { 'content-length': true } },
    },
    keys,
  ).headers as Record<string, string>;
  const signature = (text = ''): string | undefined => /Signature=([0-9a-f]{64})$/.exec(text)?.[1];
  return { got: signature(authorization), wanted: signature(wanted.Authorization) };
}

const requests: [string, (connection: SearchConnection) => Promise<unknown>][] = [
  ['a read without a body', ({ client }) => client.cat.indices({ format: 'json' })],
  ['a body beyond ASCII', ({ client }) => client.search({ index: 'a-b', query: { match: { title: 'café ☕' } } })],
  ['a query with spaces and letters beyond ASCII', ({ client }) => client.search({ index: 'a', routing: 'x y+z/é=&', q: "it's (a) *" })],
  ['a path with a slash, a space and a colon in a name', ({ client }) => client.get({ index: 'i', id: 'a/b c:d' })],
  ['a path with a comma and a star', ({ client }) => client.indices.refresh({ index: ['logs-*', 'b,c'] })],
  [
    'a query within the path',
    ({ client }) =>
      client.transport.request({
        method: 'GET',
        path: '/_settings/index.uuid,index.a?flat_settings=true&expand_wildcards=all&filter_path=*.b._meta',
      }),
  ],
  [
    'a bulk',
    ({ client }) =>
      client.helpers.bulk({ datasource: [{ a: 'é' }], onDocument: () => ({ index: { _index: 'i', _id: 'a b' } }), refresh: true }),
  ],
  [
    'a body that comes as a stream',
    ({ client }) => client.transport.request({ method: 'POST', path: '/_bulk', bulkBody: Readable.from(['{"index":{}}\n', '{"a":1}\n']) }),
  ],
];

describe.each([
  ['es', false],
  ['aoss', true],
] as const)('signatures for %s agree with another implementation', (service, serverless) => {
  test.each(requests)('on %s', async (_, send) => {
    const { node, connection } = await connect({}, serverless);
    await send(connection);
    const [request] = node.seen;
    const { got, wanted } = signatures(request!, service);
    expect(got).toMatch(/^[0-9a-f]{64}$/);
    expect(got).toBe(wanted);
    expect(request!.headers['x-amz-security-token']).toBe(keys.sessionToken);
    // OpenSearch Serverless refuses requests without the first and with the second signed.
    expect(request!.headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
    expect(request!.headers.authorization).not.toMatch(/SignedHeaders=[^,]*content-length/);
  });

  test.each(requests)('on %s, sent compressed', async (_, send) => {
    const { node, connection } = await connect({ compression: true }, serverless);
    await send(connection);
    const [request] = node.seen;
    if (request!.body.length > 0) expect(request!.headers['content-encoding']).toBe('gzip');
    const { got, wanted } = signatures(request!, service);
    expect(got).toBe(wanted);
  });
});

test.each<[string, (request: SeenRequest) => SeenRequest]>([
  ['a byte of the body', (request) => ({ ...request, body: Buffer.concat([request.body, Buffer.from(' ')]) })],
  ['the path', (request) => ({ ...request, url: request.url.replace('/i/', '/j/') })],
  ['the query', (request) => ({ ...request, url: `${request.url}&a=1` })],
  ['the method', (request) => ({ ...request, method: 'PUT' })],
  ['the host', (request) => ({ ...request, headers: { ...request.headers, host: 'elsewhere' } })],
])('a signature no longer agrees when %s changes', async (_, change) => {
  const { node, connection } = await connect();
  await connection.client.search({ index: 'i', routing: 'x', query: { match_all: {} } });
  expect(signatures(node.seen[0]!).got).toBe(signatures(node.seen[0]!).wanted);
  // The hash of the body travels as a header that is signed too; a server compares it with the body first.
  const changed = change(node.seen[0]!);
  const { 'x-amz-content-sha256': _hash, ...headers } = changed.headers;
  const { got, wanted } = signatures(changed.body === node.seen[0]!.body ? changed : { ...changed, headers });
  expect(got).not.toBe(wanted);
});

test('credentials are asked for again by each request, so that renewed ones are used', async () => {
  const given = { ...keys };
  const { node, connection } = await connect({ credentials: async () => ({ ...given }) });
  await connection.client.cat.indices();
  given.accessKeyId = 'AKIDRENEWED';
  await connection.client.cat.indices();
  expect(node.seen.map(({ headers }) => /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1])).toEqual([
    'AKIDEXAMPLE',
    'AKIDRENEWED',
  ]);
});

test.each([
  ['InvalidSignatureException', 'CONNECTION_REFUSED_CREDENTIALS'],
  ['ExpiredTokenException:http://internal.amazon.com/', 'CONNECTION_REFUSED_CREDENTIALS'],
  ['AccessDeniedException', 'ACCESS_DENIED'],
])('an answer 403 with %s becomes %s', async (type, code) => {
  const node = await scriptedNode((_, response) => json(response, 403, { Message: 'no' }, { 'x-amzn-errortype': type }));
  opened.push(node);
  const handle = searchHandle([node.port], { auth: { mode: 'iam' }, iam: { region, service: 'es', resourceName: 'search' } });
  const connection = await connectSearch(handle, { credentials: async () => keys });
  opened.push(connection);
  await expect(connection.client.search({ index: 'i' })).rejects.toMatchObject({ code });
});

test('connecting fails with BINDING_INVALID if the binding names no region', async () => {
  const connecting = connectSearch(searchHandle([1], { auth: { mode: 'iam' } }));
  await expect(connecting).rejects.toMatchObject({ code: 'BINDING_INVALID', message: expect.stringContaining('no iam') });
});
