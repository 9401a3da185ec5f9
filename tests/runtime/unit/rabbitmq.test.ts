import { EventEmitter } from 'node:events';
import { wrap } from '../../../runtime/src/binding/index.ts';
import { handshakeError, rabbitError, rabbitReplyCode } from '../../../runtime/src/connections/rabbitmq/errors.ts';
import { connectRabbit, type RabbitConnection } from '../../../runtime/src/connections/rabbitmq/index.ts';
import { rabbitTarget, resolveRabbitOptions } from '../../../runtime/src/connections/rabbitmq/settings.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { rabbitCheck } from '../../../runtime/src/health/rabbitmq-check.ts';

const service: BoundService = {
  kind: 'rabbitmq',
  role: 'tasks',
  endpoints: [
    { purpose: 'node', host: 'rabbit-0', port: 5671 },
    { purpose: 'node', host: 'rabbit-1', port: 5671 },
    { purpose: 'management', host: 'rabbit-0', port: 15671 },
  ],
  vhost: 'orders',
  auth: { mode: 'password', username: 'orders', secretRef: { from: 'env', id: 'RABBIT' } },
};
const handle = (changed: object = {}, env: Record<string, string> = { RABBIT: 'secret' }) =>
  wrap({ tasks: { ...service, ...changed } as BoundService }, { env }).service('tasks');
const withCode = (message: string, code: number | string) => Object.assign(new Error(message), { code });

test('a binding gives its nodes, user and virtual host, and the password as it is when it is asked for', async () => {
  const env = { RABBIT: 'first' };
  const target = rabbitTarget(handle({}, env));
  expect(target).toMatchObject({ username: 'orders', vhost: 'orders', where: 'rabbitmq service tasks (rabbit-0:5671, rabbit-1:5671)' });
  env.RABBIT = 'second';
  expect(await target.password()).toBe('second');
});

test('a binding without a virtual host means the one that every broker has', () => {
  expect(rabbitTarget(handle({ vhost: undefined })).vhost).toBe('/');
});

test('heartbeats cannot be switched off, since a dead line would never be noticed', () => {
  expect(resolveRabbitOptions({}).heartbeatSeconds).toBe(5);
  expect([0, 0.2, 2.4].map((heartbeatSeconds) => resolveRabbitOptions({ heartbeatSeconds }).heartbeatSeconds)).toEqual([1, 1, 2]);
});

test.each([
  ['there is no node', { endpoints: [service.endpoints[2]] }, /purpose node or primary, got management/],
  ['there is no user', { auth: { ...service.auth, username: undefined } }, /no auth\.username/],
  ['there is no secret', { auth: { ...service.auth, secretRef: undefined } }, /no auth\.secretRef/],
  ['the service asks for IAM', { auth: { mode: 'iam' } }, /auth\.mode iam/],
])('connectRabbit fails with BINDING_INVALID if %s', async (_, changed, sentence) => {
  await expect(connectRabbit(handle(changed))).rejects.toMatchObject({ code: 'BINDING_INVALID', message: expect.stringMatching(sentence) });
});

test('connectRabbit fails with BINDING_NAME_UNKNOWN if the service is of another kind', async () => {
  await expect(connectRabbit(handle({ kind: 'redis' }))).rejects.toMatchObject({ code: 'BINDING_NAME_UNKNOWN' });
});

test('connectRabbit fails at once with SECRET_UNAVAILABLE if the password cannot be read', async () => {
  const startedAt = performance.now();
  await expect(connectRabbit(handle({}, {}))).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE' });
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test('errors about an operation keep their reply code; those of the connection and of permissions get a code of ours', () => {
  const notFound = withCode('no queue', 404);
  expect(rabbitError(notFound, 'here')).toBe(notFound);
  expect(rabbitReplyCode(notFound)).toBe(404);
  expect(rabbitReplyCode(withCode('refused', 'ECONNREFUSED'))).toBeUndefined();
  expect(rabbitError(withCode('access to queue refused', 403), 'here')).toMatchObject({ code: 'ACCESS_DENIED', retriable: false });
  expect(rabbitError(withCode('shutdown', 320), 'here')).toMatchObject({ code: 'CONNECTION_FAILED', retriable: true });
  expect(rabbitError(withCode('has expired', 'CERT_HAS_EXPIRED'), 'here')).toMatchObject({ code: 'CONNECTION_TLS_FAILED' });
});

test('a handshake that fails for a reason not known by name may be tried again', () => {
  const target = rabbitTarget(handle());
  expect(handshakeError(new Error('Socket closed abruptly during opening handshake'), target)).toMatchObject({
    code: 'CONNECTION_FAILED',
    retriable: true,
  });
});

test('rabbitCheck listens once to the channel that it keeps, and opens another when that one has closed', async () => {
  const channels: EventEmitter[] = [];
  const connection = {
    name: 'tasks',
    state: { connected: true, endpoint: 'rabbit-0:5671' },
    openChannel: async () => {
      const channel = Object.assign(new EventEmitter(), { checkQueue: async () => ({ messageCount: 0, consumerCount: 0 }) });
      channels.push(channel);
      return channel;
    },
  } as unknown as RabbitConnection;
  const check = rabbitCheck(connection, { queues: ['a', 'b'] });
  const look = () => check.check(new AbortController().signal);
  for (let looks = 0; looks < 12; looks++) expect(await look()).toMatchObject({ status: 'up' });
  expect(channels.map((channel) => channel.listenerCount('close'))).toEqual([1]);
  channels[0]?.emit('close');
  expect(await look()).toMatchObject({ status: 'up' });
  expect(channels.map((channel) => channel.listenerCount('close'))).toEqual([0, 1]);
});
