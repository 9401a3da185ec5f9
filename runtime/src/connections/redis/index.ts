import type * as Ioredis from 'ioredis';
import type { ServiceHandle } from '../../binding/index.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { requireKind } from '../endpoints.ts';
import { once } from '../once.ts';
import { loadPeer } from '../peer.ts';
import { type ClientContext, guardedClient } from './client.ts';
import { standaloneConnector, verdictOn } from './connectors.ts';
import { closeClient, type Ground, type OpenConnection, type RedisClient } from './open.ts';
import type * as Sentinels from './sentinels.ts';
import { type RedisClusterConnectOptions, type RedisConnectOptions, redisBehaviour, redisTarget, resolveRedisOptions } from './settings.ts';
import { firstReady, supervise } from './supervisor.ts';

export type { RedisClient } from './open.ts';
export type { RedisClusterConnectOptions, RedisConnectOptions } from './settings.ts';

/** An open connection; `close()` is idempotent and bounded by `closeTimeoutMs`. */
export interface RedisConnection<Client extends RedisClient = Ioredis.Redis> extends AsyncDisposable {
  /** Name of the service in the binding. */
  readonly name: string;
  readonly client: Client;
  close(): Promise<void>;
}

/**
 * Connects to the Redis master of `handle`, standalone or through its sentinels, and follows it through fail-overs; with `cluster: true` also to a cluster,
 * of which it follows every master.
 *
 * Commands are rejected with `MillraceError` when the connection is at fault (`CONNECTION_FAILED`, `CONNECTION_TIMEOUT`, `REDIS_NOT_MASTER`, ...; all
 * retriable), with ACCESS_DENIED when the user may not run them, and with the server's own `ReplyError` otherwise. Nothing that a server may have carried
 * out is ever sent twice by the connection: whether a command that was in flight took effect is not known. Secrets and certificates are read again when
 * the server refuses them, and at a refusal of the new ones the connection keeps trying. A token of IAM is renewed before it expires, and shown to the
 * server again before it ends the connection after 12 hours.
 *
 * @throws {MillraceError} CONNECTION_FAILED when no master was reached in time; CONNECTION_REFUSED_CREDENTIALS at once on a wrong password and
 * CONNECTION_TLS_FAILED on a bad certificate; REDIS_EVICTS when `forStreams` meets a server that evicts; REDIS_NOT_MASTER when only a replica was found;
 * BINDING_INVALID for a service in cluster mode without `cluster: true`; CLIENT_NOT_INSTALLED without `ioredis`; SECRET_UNAVAILABLE when the password
 * cannot be read; AWS_CREDENTIALS_UNAVAILABLE when no token of IAM can be signed.
 * @example
 * await using events = await connectRedis(binding.service('events', 'redis-sentinel'), { forStreams: true });
 * await events.client.ping();
 */
export function connectRedis(handle: ServiceHandle, options: RedisClusterConnectOptions): Promise<RedisConnection<RedisClient>>;
export function connectRedis(handle: ServiceHandle, options?: RedisConnectOptions): Promise<RedisConnection>;
export async function connectRedis(
  handle: ServiceHandle,
  options: RedisConnectOptions & Partial<RedisClusterConnectOptions> = {},
): Promise<RedisConnection<RedisClient>> {
  requireKind(handle, 'connectRedis', 'redis', 'redis-sentinel');
  const settings = resolveRedisOptions(options);
  const { auth, clusterMode } = handle.service;
  if (clusterMode === true && options.cluster !== true) {
    throw new MillraceError('BINDING_INVALID', `service ${handle.name} is in cluster mode; pass cluster: true, or provision it without`);
  }
  const signIn = auth.mode === 'iam' ? (await import('./iam.ts')).iamSignIn(handle) : undefined;
  const [ioredis, target] = await Promise.all([loadPeer('ioredis', () => import('ioredis')), redisTarget(handle, signIn?.token)]);
  // After a refusal, so nothing will do that a store has kept.
  const readTarget = () => redisTarget({ ...handle, secret: (ref) => handle.secret(ref, { fresh: true }) }, signIn?.token);
  const ground = { ioredis, settings, target, readTarget };
  const sentinels = target.access.sentinels === undefined ? undefined : await import('./sentinels.ts');
  const connection = clusterMode === true ? (await import('./cluster.ts')).openCluster(ground) : openServer(ground, sentinels);
  let stopRenewal = (): void => undefined;
  const close = once(() => {
    stopRenewal();
    return connection.close();
  });
  try {
    await connection.firstReady();
    if (signIn !== undefined) stopRenewal = signIn.keepUp(connection);
  } catch (error) {
    await close();
    throw error;
  }
  return { name: handle.name, client: connection.client, close, [Symbol.asyncDispose]: close };
}

function openServer(
  { ioredis, settings, target, readTarget }: Ground,
  sentinels: typeof Sentinels | undefined,
): OpenConnection<Ioredis.Redis> {
  const { where, access } = target;
  const context: ClientContext = { where, commandTimeoutMs: settings.commandTimeoutMs, refusal: undefined, lastError: undefined };
  const verdict = verdictOn(where, settings.forStreams);
  const accept = (info: Parameters<typeof verdict>[0]): boolean => {
    context.refusal = verdict(info);
    if (context.refusal !== undefined) settings.onError?.(context.refusal);
    return context.refusal === undefined;
  };
  const Connector = (sentinels?.sentinelConnector ?? standaloneConnector)(ioredis, accept);
  const client = guardedClient(ioredis, { ...redisBehaviour(settings), ...access, Connector }, context);
  const supervisor = supervise(client, settings, context, readTarget);
  sentinels?.superviseSentinels(ioredis, client, where, supervisor);
  let watch: Sentinels.FailoverWatch | undefined;
  return {
    client,
    nodes: () => [client],
    renew: supervisor.renew,
    tell: supervisor.tell,
    async firstReady() {
      await firstReady(client, supervisor, context, settings);
      watch = sentinels?.watchFailover(ioredis, client, supervisor.tell);
    },
    close: once(async () => {
      context.refusal = new MillraceError('CONNECTION_CLOSED', `connection to ${where} is closed`);
      supervisor.stop();
      watch?.close();
      await closeClient(client, settings);
    }),
  };
}
