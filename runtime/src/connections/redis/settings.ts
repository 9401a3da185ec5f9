import type { RedisOptions } from 'ioredis';
import type { ServiceHandle } from '../../binding/index.ts';
import type { Endpoint } from '../../contracts/binding.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { backoffMs } from '../backoff.ts';
import { endpointsFor, hostsOf, requireAuthMode } from '../endpoints.ts';
import { apart } from '../listener.ts';
import { tlsOptions } from '../tls.ts';
import { reconnectOnReply } from './errors.ts';

/** Replies keep the shapes of RESP2, so the mapping of RESP3 is left out. */
type IoredisOptions = Omit<RedisOptions, 'replyMapping'>;

/** Options of `connectRedis`. */
export interface RedisConnectOptions {
  /**
   * `producer` fails fast: while the connection is down commands are rejected at once, because the outbox is the buffer.
   * `consumer` is for blocking reads on a connection of their own.
   *
   * @default 'producer'
   */
  readonly profile?: 'producer' | 'consumer';
  /** Refuse a server that may evict keys, at every (re)connection; in a cluster, each node. @default false */
  readonly forStreams?: boolean;
  /** Name that `CLIENT LIST` shows. @default 'millrace' */
  readonly name?: string;
  /** Time allowed for the first connection, sentinels included. @default 5_000 */
  readonly connectTimeoutMs?: number;
  /** Deadline of a command. @default 2_000 for `producer`, none for `consumer` */
  readonly commandTimeoutMs?: number;
  /** Longest `BLOCK` a `consumer` uses; a socket that is silent 2 s longer is dropped. @default 5_000 */
  readonly maxBlockMs?: number;
  /** Upper bound of the pause between attempts to reconnect. @default 1_000 */
  readonly maxReconnectDelayMs?: number;
  /** Time that commands in flight get to finish in `close()`. @default 2_000 */
  readonly closeTimeoutMs?: number;
  /** Told of every error of the connection; commands get theirs besides. @default nothing is told */
  readonly onError?: (error: Error) => void;
}

/** Options of `connectRedis` for code that can do with a cluster. */
export interface RedisClusterConnectOptions extends RedisConnectOptions {
  /**
   * Take a service in cluster mode as well, whose client is a `Cluster`: commands over several keys then need keys of one slot, `{like}:these`.
   * Without it such a service is refused, so that code which was written for one server does not meet its first CROSSSLOT in production.
   */
  readonly cluster: true;
}

export type ResolvedRedisOptions = Required<Omit<RedisConnectOptions, 'onError' | 'commandTimeoutMs'>> &
  Pick<RedisConnectOptions, 'onError'> & { readonly commandTimeoutMs: number | undefined };

/** Every default. */
export function resolveRedisOptions(options: RedisConnectOptions): ResolvedRedisOptions {
  const profile = options.profile ?? 'producer';
  return {
    profile,
    forStreams: options.forStreams ?? false,
    name: options.name ?? 'millrace',
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    commandTimeoutMs: options.commandTimeoutMs ?? (profile === 'producer' ? 2_000 : undefined),
    maxBlockMs: options.maxBlockMs ?? 5_000,
    maxReconnectDelayMs: options.maxReconnectDelayMs ?? 1_000,
    closeTimeoutMs: options.closeTimeoutMs ?? 2_000,
    ...(options.onError && { onError: apart(options.onError) }),
  };
}

/** Where a binding leads and how to get in. */
export interface RedisTarget {
  /** For messages: `redis service events (127.0.0.1:6379)`. */
  readonly where: string;
  readonly access: IoredisOptions;
  /** Nodes of a cluster to begin with. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
}

/**
 * Addresses, certificates and secrets of the service, as ioredis wants them.
 *
 * @param token gives the password where it is not a secret of the binding: a token of IAM.
 */
export async function redisTarget(handle: ServiceHandle, token?: () => Promise<string>): Promise<RedisTarget> {
  const { service } = handle;
  const sentinel = service.kind === 'redis-sentinel';
  requireAuthMode(handle, 'none', 'password', 'acl', ...(sentinel ? [] : ['iam' as const]));
  const endpoints = sentinel ? endpointsFor(handle, 'sentinel') : endpointsFor(handle, 'primary', 'node');
  const nodes = endpoints.map(({ host, port }) => ({ host, port }));
  const [tls, credentials] = await Promise.all([tlsOptions(handle), redisCredentials(handle, token)]);
  const where = `redis service ${handle.name} (${sentinel ? 'sentinels ' : ''}${hostsOf(endpoints)})`;
  const common = { ...credentials, ...(tls && { tls: { ...tls } }) };
  if (!sentinel) return { where, nodes, access: service.clusterMode === true ? common : { ...common, ...nodes[0] } };
  if (service.masterName === undefined) {
    throw new MillraceError(
      'BINDING_INVALID',
      `service ${handle.name} is of kind redis-sentinel and has no masterName; add it to the binding`,
    );
  }
  const sentinelTls = tls && { enableTLSForSentinelMode: true, sentinelTLS: { ...tls } };
  const natMap = addressesOfAnnounced(service.endpoints);
  return { where, nodes, access: { ...common, ...sentinelTls, ...natMap, name: service.masterName, sentinels: nodes } };
}

/** Where those are reached that sentinels name otherwise. */
function addressesOfAnnounced(endpoints: readonly Endpoint[]): Pick<IoredisOptions, 'natMap'> {
  const known = endpoints.flatMap(({ host, port, announced }) =>
    announced === undefined ? [] : [[`${announced.host}:${announced.port}`, { host, port }] as const],
  );
  return known.length === 0 ? {} : { natMap: Object.fromEntries(known) };
}

async function redisCredentials(
  handle: ServiceHandle,
  token: (() => Promise<string>) | undefined,
): Promise<Pick<IoredisOptions, 'username' | 'password' | 'sentinelPassword'>> {
  const { auth } = handle.service;
  const [password, sentinelPassword] = await Promise.all([
    token === undefined ? auth.secretRef && handle.secret(auth.secretRef) : token(),
    auth.sentinelSecretRef && handle.secret(auth.sentinelSecretRef),
  ]);
  return {
    ...(auth.username !== undefined && { username: auth.username }),
    ...(password !== undefined && { password }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
  };
}

/** How the connection behaves; see the reasons beside each line. */
export function redisBehaviour(options: ResolvedRedisOptions): IoredisOptions {
  const { profile, commandTimeoutMs, maxBlockMs, maxReconnectDelayMs } = options;
  const retry = (attempt: number): number => backoffMs(attempt, maxReconnectDelayMs);
  const attemptTimeoutMs = Math.min(1_500, Math.ceil(options.connectTimeoutMs / 2));
  return {
    lazyConnect: true,
    // CLIENT SETNAME refuses blanks, and nobody would hear of it.
    connectionName: options.name?.replaceAll(/[^!-~]/g, '-'),
    // Replies in the shapes of RESP2, whatever the server speaks: XREADGROUP gives maps under RESP3.
    protocol: 2,
    connectTimeout: attemptTimeoutMs,
    retryStrategy: retry,
    reconnectOnError: reconnectOnReply,
    // A server that loads its data tells how long it will take, and is often ready sooner.
    maxLoadingRetryTime: 500,
    // Commands in flight when the socket closes are rejected then and there. With any other number and no resending, ioredis 6.0 forgets them unsettled.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: profile === 'consumer',
    // A server that is stopped or cut off keeps its TCP connection; silence while a reply is due is the only sign.
    socketTimeout: profile === 'consumer' ? maxBlockMs + 2_000 : (commandTimeoutMs ?? 2_000) + 500,
    keepAlive: 10_000,
    // After a half-close a dead peer never answers; 2 s, the default, would be added to every fail-over.
    disconnectTimeout: 250,
    ...(profile === 'consumer' && { blockingTimeout: maxBlockMs + 1_500, blockingTimeoutGrace: 1_500 }),
    sentinelRetryStrategy: retry,
    sentinelCommandTimeout: 1_000,
  };
}
