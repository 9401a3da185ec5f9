import { wrap } from '../../../runtime/src/binding/index.ts';
import { backoffMs } from '../../../runtime/src/connections/backoff.ts';
import { loadPeer } from '../../../runtime/src/connections/peer.ts';
import { postgresError } from '../../../runtime/src/connections/postgres/errors.ts';
import { connectPostgres } from '../../../runtime/src/connections/postgres/index.ts';
import { redisError, withoutSecrets } from '../../../runtime/src/connections/redis/errors.ts';
import { connectRedis } from '../../../runtime/src/connections/redis/index.ts';
import { redisBehaviour, redisTarget, resolveRedisOptions } from '../../../runtime/src/connections/redis/settings.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';

const sentinel: BoundService = {
  kind: 'redis-sentinel',
  role: 'events',
  endpoints: [
    { purpose: 'primary', host: 'redis-0', port: 6379 },
    { purpose: 'sentinel', host: 'redis-0', port: 26379 },
    { purpose: 'sentinel', host: 'redis-1', port: 26379 },
  ],
  masterName: 'events',
  auth: {
    mode: 'acl',
    username: 'orders',
    secretRef: { from: 'env', id: 'REDIS' },
    sentinelSecretRef: { from: 'env', id: 'SENTINEL' },
  },
};
const postgres: BoundService = {
  kind: 'postgres',
  role: 'database',
  endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: 1 }],
  database: 'orders',
  auth: { mode: 'password', username: 'orders', secretRef: { from: 'env', id: 'ABSENT' } },
};
const iam = { region: 'eu-central-1', service: 'elasticache', resourceName: 'events' };
const env = { REDIS: 'data secret', SENTINEL: 'sentinel secret', CA: 'authority', CLIENT: 'certificate and key' };
const handle = (service: BoundService) => wrap({ service }, { env }).service('service');

function reply(message: string): Error {
  const error = new Error(message);
  error.name = 'ReplyError';
  return error;
}

test('a sentinel binding gives master name, sentinels and both secrets', async () => {
  expect((await redisTarget(handle(sentinel))).access).toEqual({
    name: 'events',
    sentinels: [
      { host: 'redis-0', port: 26379 },
      { host: 'redis-1', port: 26379 },
    ],
    username: 'orders',
    password: 'data secret',
    sentinelPassword: 'sentinel secret',
  });
});

test('certificates of a binding are used for servers and sentinels', async () => {
  const tls = { caRef: { from: 'env', id: 'CA' }, serverName: 'redis.internal', clientCertRef: { from: 'env', id: 'CLIENT' } } as const;
  const expected = { ca: 'authority', servername: 'redis.internal', cert: 'certificate and key', key: 'certificate and key' };
  expect((await redisTarget(handle({ ...sentinel, tls }))).access).toMatchObject({
    tls: expected,
    enableTLSForSentinelMode: true,
    sentinelTLS: expected,
  });
});

test('a producer fails fast and a consumer outwaits its block', () => {
  const producer = redisBehaviour(resolveRedisOptions({}));
  const consumer = redisBehaviour(resolveRedisOptions({ profile: 'consumer', maxBlockMs: 5_000 }));
  expect(producer).toMatchObject({ enableOfflineQueue: false, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 });
  expect(consumer).toMatchObject({ autoResendUnfulfilledCommands: false });
  expect(consumer.socketTimeout).toBeGreaterThan(consumer.blockingTimeout ?? 0);
  expect(consumer.blockingTimeout).toBeGreaterThan(5_000);
});

test.each([
  ['a sentinel binding has no masterName', { ...sentinel, masterName: undefined }, /masterName/],
  ['a sentinel binding has no sentinels', { ...sentinel, endpoints: [sentinel.endpoints[0]] }, /purpose sentinel, got primary/],
  ['the service is in cluster mode', { ...sentinel, kind: 'redis', clusterMode: true }, /cluster mode/],
  ['sentinels are to be shown a token of IAM', { ...sentinel, auth: { mode: 'iam', username: 'orders' }, iam }, /auth\.mode iam/],
])('connectRedis fails with BINDING_INVALID if %s', async (_, service, sentence) => {
  const work = connectRedis(handle(JSON.parse(JSON.stringify(service))));
  await expect(work).rejects.toMatchObject({ code: 'BINDING_INVALID', message: expect.stringMatching(sentence) });
});

test.each([
  ['database', { ...postgres, database: undefined }],
  ['auth.username', { ...postgres, auth: { mode: 'password' } }],
])('connectPostgres fails with BINDING_INVALID if the binding has no %s', async (key, service) => {
  const work = connectPostgres(handle(JSON.parse(JSON.stringify(service))));
  await expect(work).rejects.toMatchObject({ code: 'BINDING_INVALID', message: expect.stringContaining(`has no ${key}`) });
});

test('connecting to a service of another kind fails with the kinds that fit', async () => {
  await expect(connectRedis(handle(postgres))).rejects.toMatchObject({
    code: 'BINDING_NAME_UNKNOWN',
    message: expect.stringMatching(/redis or/),
  });
  await expect(connectPostgres(handle(sentinel))).rejects.toMatchObject({ code: 'BINDING_NAME_UNKNOWN' });
});

test('a client library that is not installed is named with the command that installs it', async () => {
  const missing = loadPeer('ioredis', () => Promise.reject(new Error('Cannot find package')));
  await expect(missing).rejects.toMatchObject({ code: 'CLIENT_NOT_INSTALLED', message: expect.stringContaining('npm install ioredis') });
});

test.each([
  ['READONLY You cannot write against a read only replica.', 'REDIS_NOT_MASTER', true],
  ['MASTERDOWN Link with MASTER is down', 'REDIS_NOT_MASTER', true],
  ['UNBLOCKED force unblock from blocking operation', 'REDIS_NOT_MASTER', true],
  ['LOADING Redis is loading the dataset in memory', 'CONNECTION_FAILED', true],
  ['WRONGPASS invalid username-password pair', 'CONNECTION_REFUSED_CREDENTIALS', false],
  ['NOAUTH Authentication required.', 'CONNECTION_REFUSED_CREDENTIALS', false],
])('the reply %s becomes %s', (message, code, retriable) => {
  expect(redisError(reply(message), 'redis')).toMatchObject({ code, retriable });
});

test.each([
  ['CERT_HAS_EXPIRED', 'CONNECTION_TLS_FAILED'],
  ['CERT_NOT_YET_VALID', 'CONNECTION_TLS_FAILED'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'CONNECTION_TLS_FAILED'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'CONNECTION_TLS_FAILED'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CONNECTION_TLS_FAILED'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CONNECTION_TLS_FAILED'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'CONNECTION_TLS_FAILED'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'CONNECTION_TLS_FAILED'],
  ['EPROTO', 'CONNECTION_TLS_FAILED'],
  ['ECONNRESET', 'CONNECTION_FAILED'],
  ['ECONNREFUSED', 'CONNECTION_FAILED'],
  ['ETIMEDOUT', 'CONNECTION_FAILED'],
])('the error %s of a connection becomes %s for every system', (code, expected) => {
  const error = Object.assign(new Error('text'), { code });
  expect(redisError(error, 'redis')).toMatchObject({ code: expected, message: expect.stringContaining('text') });
  expect(postgresError(error, 'postgres')).toMatchObject({ code: expected });
});

test('what a user may not do is ACCESS_DENIED, with the words of the server', () => {
  const error = reply("NOPERM User app has no permissions to run the 'flushall' command");
  expect(redisError(error, 'redis')).toMatchObject({
    code: 'ACCESS_DENIED',
    retriable: false,
    message: expect.stringContaining("'flushall'"),
  });
});

test('a reply about the command itself stays what it was, whatever its text holds', () => {
  const error = reply('BUSYGROUP Consumer Group name READONLY already exists');
  expect(redisError(error, 'redis')).toBe(error);
});

test('the password is struck from the error of a refused AUTH', () => {
  const error = Object.assign(reply('WRONGPASS'), { command: { name: 'AUTH', args: ['hunter2'] } });
  expect(withoutSecrets(error).command.args).toEqual([]);
  const other = Object.assign(reply('ERR'), { command: { name: 'set', args: ['key'] } });
  expect(withoutSecrets(other).command.args).toEqual(['key']);
});

test.each([
  ['28P01', 'CONNECTION_REFUSED_CREDENTIALS'],
  ['28000', 'CONNECTION_REFUSED_CREDENTIALS'],
  ['57P03', 'CONNECTION_FAILED'],
  ['57P01', 'CONNECTION_FAILED'],
  ['53300', 'CONNECTION_FAILED'],
  ['08006', 'CONNECTION_FAILED'],
  ['3D000', 'CONNECTION_FAILED'],
  ['25006', 'POSTGRES_NOT_PRIMARY'],
  ['57014', 'CONNECTION_TIMEOUT'],
  ['ECONNREFUSED', 'CONNECTION_FAILED'],
])('SQLSTATE or system error %s becomes %s', (state, code) => {
  expect(postgresError(Object.assign(new Error('text'), { code: state }), 'postgres')).toMatchObject({ code });
});

test('an error about the statement itself stays what it was', () => {
  const error = Object.assign(new Error('duplicate key'), { code: '23505' });
  expect(postgresError(error, 'postgres')).toBe(error);
});

test('pauses double up to their cap, less a random part of up to a half', () => {
  for (const [attempt, full] of [
    [1, 50],
    [2, 100],
    [5, 800],
    [6, 1_000],
    [500, 1_000],
  ] as const) {
    const pauses = Array.from({ length: 50 }, () => backoffMs(attempt, 1_000));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(full / 2);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(full);
    expect(new Set(pauses).size).toBeGreaterThan(5);
  }
});
