import { loadBinding, wrap } from '../../../runtime/src/binding/index.ts';
import { secretValues } from '../../../runtime/src/binding/secret-values.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';

const pem = ['-----BEGIN RSA', 'PRIVATE KEY-----'].join(' ');
const accessKey = ['AKIA', 'IOSFODNN7EXAMPLE'].join('');

describe('a secret value in a binding is found', () => {
  test.each([
    ['under password', { auth: { password: 'hunter2' } }, 'auth.password'],
    ['under a longer key', { redisPassword: 'hunter2' }, 'redisPassword'],
    ['under authToken', { authToken: 'hunter2' }, 'authToken'],
    ['under api_key', { api_key: 'hunter2' }, 'api_key'],
    ['under apiKey', { deep: { apiKey: 'hunter2' } }, 'deep.apiKey'],
    ['under clientSecret', { clientSecret: 'hunter2' }, 'clientSecret'],
    ['where a reference belongs', { auth: { secretRef: 'hunter2' } }, 'auth.secretRef'],
    ['as a number', { password: 4711 }, 'password'],
    ['in a list', { passwords: ['a', 'hunter2'] }, 'passwords.1'],
    ['in an address', { url: 'redis://user:hunter2@host:6379' }, 'url'],
    ['in an address without a user', { url: 'rediss://:hunter2@host:6379/0' }, 'url'],
    ['in an address in a list', { hosts: ['a', 'amqps://u:hunter2@h'] }, 'hosts.1'],
    ['in a connection string', { dsn: 'host=h user=u password=hunter2' }, 'dsn'],
    ['as an AWS access key', { note: `key ${accessKey}` }, 'note'],
    ['as a private key', { tls: { ca: `${pem}\nhunter2` } }, 'tls.ca'],
    ['as a signed token', { note: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl' }, 'note'],
    ['as a key', { 'redis://user:hunter2@host': true }, ''],
  ])('%s', (_, document, path) => {
    const problems = secretValues(document);
    expect(problems.map((problem) => problem.path)).toContain(path);
    expect(problems.map((problem) => problem.message).join()).not.toContain('hunter2');
  });
});

test.each([
  { auth: { mode: 'password', username: 'token-service', secretRef: { from: 'env', id: 'EVENTS_PASSWORD', jsonKey: 'password' } } },
  { services: { tokens: { kind: 'redis' }, 'password-reset': { role: 'cache' } } },
  { topology: { hash: 'a'.repeat(64), location: 's3://bucket/path@1/topology.json' } },
  { resourceArns: ['arn:aws:secretsmanager:eu-central-1:123456789012:secret:events-AbCdEf'], endpoints: [{ host: 'tokens.internal' }] },
  { password: '' },
])('no secret is seen in %j', (document) => {
  expect(secretValues(document)).toEqual([]);
});

test('BINDING_HOLDS_SECRET comes before all other problems, names every place and no value', async () => {
  const { document } = wrap({});
  const json = { ...document, schema: 'wrong', password: 'hunter2', extra: [{ url: 'redis://:hunter3@h' }] };
  const error: unknown = await loadBinding({ json }).catch((thrown: unknown) => thrown);
  expect(isMillraceError(error, 'BINDING_HOLDS_SECRET')).toBe(true);
  const { message } = error as Error;
  expect(message).toMatch(/2 problems/);
  expect(message).toMatch(/^ {2}password: .*reference/m);
  expect(message).toMatch(/^ {2}extra\.0\.url: .*reference/m);
  expect(message).not.toMatch(/hunter/);
});
