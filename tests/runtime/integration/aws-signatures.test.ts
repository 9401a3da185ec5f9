import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { generateAuthTokenFromCredentialsProvider } from 'aws-msk-iam-sasl-signer-js';
import { sign } from 'aws4';
import type { AwsCredentials } from '../../../runtime/src/aws/credentials.ts';
import { elastiCacheToken, mskToken } from '../../../runtime/src/aws/iam-tokens.ts';
import { requestSigner, type SignableRequest } from '../../../runtime/src/aws/signer.ts';
import { pythonWith } from '../../support/python.ts';

const now = new Date('2026-11-21T10:20:30.000Z');
const lasting: AwsCredentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const temporary: AwsCredentials = {
  accessKeyId: 'ASIDEXAMPLE',
  secretAccessKey: 'je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY',
  sessionToken: `IQoJb3JpZ2luX2VjE+/${'aB3/+='.repeat(60)}==`,
};
const identities = { lasting, temporary };
const region = 'eu-central-1';

/** Only the clock stands still: requests, processes and promises go on. */
const ticking = [
  ...(['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] as const),
  ...(['nextTick', 'queueMicrotask', 'performance', 'hrtime'] as const),
];
beforeAll(() => jest.useFakeTimers({ now, doNotFake: [...ticking] }));
afterAll(() => jest.useRealTimers());

/** What botocore makes of the cases, in their order. */
async function botocore(cases: readonly object[]): Promise<unknown[]> {
  const python = await pythonWith();
  const input = JSON.stringify(cases.map((each) => ({ now: now.toISOString(), region, ...each })));
  const { status, stdout, stderr } = spawnSync(python, [join(__dirname, 'aws-botocore.py')], { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as unknown[];
}

/** Address and parameters as they are written, in an order that does not depend on the signer. */
function parts(url: string): { address: string; parameters: string[] } {
  const [address = '', query = ''] = url.split('?');
  return { address, parameters: query.split('&').sort() };
}

/** What a server does: whether aws4, given the secret, signs the same request with the same signature. */
function verified(url: string, service: string, { accessKeyId, secretAccessKey }: AwsCredentials): boolean {
  const { host, pathname, searchParams } = new URL(url);
  const signature = searchParams.get('X-Amz-Signature');
  const dateTime = searchParams.get('X-Amz-Date');
  const query = url
    .split('?')[1]!
    .split('&')
    .filter((parameter) => !/^(X-Amz-Signature|User-Agent)=/.test(parameter))
    .join('&');
  const request = { host, method: 'GET', path: `${pathname}?${query}`, service, region, signQuery: true, headers: { host } };
  // aws4 takes the date from the query, and would sign the session token a second time.
  const { path = '' } = sign({ ...request }, { accessKeyId, secretAccessKey });
  return dateTime !== null && new URLSearchParams(path.split('?')[1]).get('X-Amz-Signature') === signature;
}

describe('elastiCacheToken', () => {
  const users = ['orders', 'orders-service_1', 'a b+c/d=e&f?g', "it's (a) *star*!~", 'Zoë'];
  const caches = [
    { cacheName: 'production-events', serverless: false },
    { cacheName: 'production-cache', serverless: true },
  ];
  const cases = Object.values(identities).flatMap((credentials) =>
    users.flatMap((username) => caches.map((cache) => ({ ...cache, username, region, credentials }))),
  );
  const token = ({ credentials, ...rest }: (typeof cases)[number]) => elastiCacheToken({ ...rest, credentials: async () => credentials });

  test('signs as botocore does, whatever signs are in the name of the user', async () => {
    const theirs = await botocore(
      cases.map(({ credentials, cacheName, username, serverless }) => ({
        ...{ credentials, service: 'elasticache', url: `http://${cacheName}/` },
        query: { Action: 'connect', User: username, ...(serverless && { ResourceType: 'ServerlessCache' }) },
      })),
    );
    const ours = await Promise.all(cases.map(token));
    expect(ours.map((each) => parts(`http://${each.token}`))).toEqual(theirs.map((url) => parts(url as string)));
    expect(new Set(ours.map((each) => each.token)).size).toBe(cases.length);
  });

  test('is accepted by aws4, and no longer when one sign of it is changed', async () => {
    for (const options of cases) {
      const url = `http://${(await token(options)).token}`;
      expect(verified(url, 'elasticache', options.credentials)).toBe(true);
      const forged = [
        url.replace('User=', 'User=x'),
        url.replace('http://production', 'http://staging'),
        url.replace('Expires=900', 'Expires=901'),
        url.replace('T102030Z', 'T102031Z'),
        url.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      ];
      for (const changed of forged) expect(verified(changed, 'elasticache', options.credentials)).toBe(false);
      expect(verified(url, 'elasticache', { ...options.credentials, secretAccessKey: 'another' })).toBe(false);
    }
  });

  test('has no scheme, the name in lower case, and 15 minutes', async () => {
    const made = await elastiCacheToken({ username: 'orders', cacheName: 'Production-Events', region, credentials: async () => lasting });
    expect(made.token).toMatch(/^production-events\/\?Action=connect&User=orders&/);
    expect(made.expiresAt).toEqual(new Date('2026-11-21T10:35:30.000Z'));
  });

  test('ends with the credentials that it was signed with', async () => {
    const expiration = new Date('2026-11-21T10:22:00.000Z');
    const credentials = async () => ({ ...temporary, expiration });
    const made = await elastiCacheToken({ username: 'orders', cacheName: 'events', region, credentials });
    expect(made.expiresAt).toEqual(expiration);
  });
});

describe('mskToken', () => {
  const decoded = (token: string) => Buffer.from(token, 'base64url').toString('utf8');
  const withoutAgent = (url: string) => {
    const { address, parameters } = parts(url);
    return { address, parameters: parameters.filter((parameter) => !parameter.startsWith('User-Agent=')) };
  };

  test.each(Object.entries(identities))('signs as botocore and as the signer of AWS do, with %s credentials', async (_, identity) => {
    const credentials = async () => identity;
    const ours = await mskToken({ region, credentials });
    const theirs = await generateAuthTokenFromCredentialsProvider({ region, awsCredentialsProvider: credentials });
    const [url] = await botocore([
      {
        ...{ credentials: identity, service: 'kafka-cluster', url: `https://kafka.${region}.amazonaws.com/` },
        query: { Action: 'kafka-cluster:Connect' },
      },
    ]);
    expect(withoutAgent(decoded(ours.token))).toEqual(withoutAgent(decoded(theirs.token)));
    expect(withoutAgent(decoded(ours.token))).toEqual(withoutAgent(url as string));
    expect(ours.expiresAt.getTime()).toBe(theirs.expiryTime);
  });

  test('is accepted by aws4, and no longer when one sign of it is changed', async () => {
    const url = decoded((await mskToken({ region, credentials: async () => temporary })).token);
    expect(verified(url, 'kafka-cluster', temporary)).toBe(true);
    expect(verified(url.replace('kafka-cluster%3AConnect', 'kafka-cluster%3AAlter'), 'kafka-cluster', temporary)).toBe(false);
    expect(verified(url.replace('X-Amz-Security-Token=I', 'X-Amz-Security-Token=J'), 'kafka-cluster', temporary)).toBe(false);
  });

  test('says who asks, and has no sign that base64url lacks', async () => {
    const { token } = await mskToken({ region, credentials: async () => temporary });
    expect(token).toMatch(/^[\w-]+$/);
    expect(decoded(token)).toMatch(/&User-Agent=millrace$/);
  });
});

describe('requestSigner', () => {
  const hostname = 'search-orders-abc.eu-central-1.es.amazonaws.com';
  const json = { 'content-type': 'application/json' };
  const requests: SignableRequest[] = [
    { method: 'GET', path: '/', headers: {} },
    {
      method: 'GET',
      path: '/_cluster/health',
      query: { level: 'indices', timeout: '5s' },
      headers: { 'User-Agent': 'x', Connection: 'close', Accept: '*/*', 'Accept-Encoding': 'gzip' },
    },
    { method: 'POST', path: '/logs-%2A%2Corders/_search', query: { q: "a b+c*'(d)" }, headers: json, body: '{"query":{"match_all":{}}}' },
    { method: 'PUT', path: '/orders/_doc/a%2Fb%20c', query: { refresh: '' }, headers: json, body: Buffer.from('{"name":"Zoë"}') },
    { method: 'HEAD', path: '/orders', query: { z: '1', A: '2', a: '3' }, headers: { Host: 'vpc-orders.example.com:8443' } },
  ].map((request) => ({ ...request, protocol: 'https:', hostname }));
  const cases = Object.values(identities).flatMap((credentials) =>
    ['es', 'aoss'].flatMap((service) => requests.map((request) => ({ credentials, service, request }))),
  );
  const signed = ({ credentials, service, request }: (typeof cases)[number]) =>
    requestSigner({ region, service, credentials: async () => credentials })(request);
  const pathOf = ({ path, query = {} }: SignableRequest) => {
    // botocore signs the query as it is written, and AWS writes it this way.
    const strictly = (text: string) =>
      encodeURIComponent(text).replaceAll(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
    const text = Object.entries(query).map(([name, value]) => `${name}=${strictly(String(value))}`);
    return text.length === 0 ? path : `${path}?${text.join('&')}`;
  };

  test('signs as botocore and aws4 do', async () => {
    const ours = await Promise.all(cases.map(signed));
    const unsigned = ours.map(({ authorization: _, ...headers }) => headers);
    const body = ({ body = '' }: SignableRequest) => Buffer.from(body).toString('utf8');
    const theirs = await botocore(
      cases.map(({ credentials, service, request }, index) => {
        const { 'x-amz-date': _date, 'x-amz-security-token': _token, ...headers } = unsigned[index]!;
        const url = `https://${hostname}${pathOf(request)}`;
        return { credentials, service, method: request.method, url, headers, body: body(request) };
      }),
    );
    expect(ours.map(({ authorization }) => authorization)).toEqual(theirs.map((headers) => (headers as Headers).Authorization));
    const again = cases.map(({ credentials, service, request }, index) => {
      const { accessKeyId, secretAccessKey } = credentials;
      const copy = {
        method: request.method,
        path: pathOf(request),
        body: body(request),
        service,
        region,
        headers: { ...unsigned[index]! },
      };
      return sign({ ...copy, hostname, doNotModifyHeaders: true }, { accessKeyId, secretAccessKey }).headers?.Authorization;
    });
    expect(ours.map(({ authorization }) => authorization)).toEqual(again);
  });

  test('signs body, query and method: a change of any gives another signature', async () => {
    const [, , request] = requests as [SignableRequest, SignableRequest, SignableRequest];
    const changes = [
      {},
      { body: '{"query":{"match_none":{}}}' },
      { query: { q: 'other' } },
      { method: 'DELETE' },
      { path: '/logs/_search' },
    ];
    const answers = await Promise.all(
      changes.map((change) => signed({ credentials: lasting, service: 'es', request: { ...request, ...change } })),
    );
    expect(new Set(answers.map(({ authorization }) => authorization)).size).toBe(changes.length);
  });

  test('signs no header that a proxy may change', async () => {
    const { authorization } = await signed({ credentials: temporary, service: 'es', request: requests[1]! });
    expect(authorization).toContain('SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,');
  });
});

interface Headers {
  readonly Authorization: string;
}
