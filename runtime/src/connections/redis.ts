import type * as Ioredis from 'ioredis';
import type { ServiceHandle } from '../binding/index.ts';
import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import { backoffMs } from './backoff.ts';
import { requireKind } from './endpoints.ts';
import { once, settledWithin } from './once.ts';
import { loadPeer } from './peer.ts';
import { type ClientContext, guardedClient } from './redis-client.ts';
import { checkedConnector, verdictOn } from './redis-connectors.ts';
import { redisError } from './redis-errors.ts';
import { type FailoverWatch, refusedBySentinels, watchFailover } from './redis-sentinels.ts';
import {
  type RedisConnectOptions,
  type RedisTarget,
  type ResolvedRedisOptions,
  redisBehaviour,
  redisCredentials,
  redisTarget,
  resolveRedisOptions,
} from './redis-settings.ts';

export type { RedisConnectOptions } from './redis-settings.ts';

/** An open connection; `close()` is idempotent and bounded by `closeTimeoutMs`. */
export interface RedisConnection extends AsyncDisposable {
  /** Name of the service in the binding. */
  readonly name: string;
  readonly client: Ioredis.Redis;
  close(): Promise<void>;
}

/**
 * Connects to the Redis master of `handle`, standalone or through its sentinels, and follows it through fail-overs.
 *
 * Commands are rejected with `MillraceError` when the connection is at fault (`CONNECTION_FAILED`, `CONNECTION_TIMEOUT`, `REDIS_NOT_MASTER`, ...; all
 * retriable) and with the server's own `ReplyError` otherwise. Nothing is ever sent twice by the connection: whether a command that was in flight took
 * effect is not known.
 *
 * @throws {MillraceError} CONNECTION_FAILED when no master was reached in time; CONNECTION_REFUSED_CREDENTIALS at once on a wrong password;
 * REDIS_EVICTS when `forStreams` meets a server that evicts; REDIS_NOT_MASTER when only a replica was found;
 * CLIENT_NOT_INSTALLED without `ioredis`; SECRET_UNAVAILABLE when the password cannot be read.
 * @example
 * await using events = await connectRedis(binding.service('events', 'redis-sentinel'), { forStreams: true });
 * await events.client.ping();
 */
export async function connectRedis(handle: ServiceHandle, options: RedisConnectOptions = {}): Promise<RedisConnection> {
  requireKind(handle, 'connectRedis', 'redis', 'redis-sentinel');
  const settings = resolveRedisOptions(options);
  const [ioredis, target] = await Promise.all([loadPeer('ioredis', () => import('ioredis')), redisTarget(handle)]);
  const connection = openConnection(handle, settings, target, ioredis);
  try {
    await connection.firstReady();
  } catch (error) {
    await connection.close();
    throw error;
  }
  const close = (): Promise<void> => connection.close();
  return { name: handle.name, client: connection.client, close, [Symbol.asyncDispose]: close };
}

interface OpenConnection {
  readonly client: Ioredis.Redis;
  firstReady(): Promise<void>;
  close(): Promise<void>;
}

function openConnection(
  handle: ServiceHandle,
  settings: ResolvedRedisOptions,
  target: RedisTarget,
  ioredis: typeof Ioredis,
): OpenConnection {
  const { where, sentinel, access } = target;
  const context: ClientContext = { where, commandTimeoutMs: settings.commandTimeoutMs, refusal: undefined, lastError: undefined };
  const verdict = verdictOn(where, settings.forStreams);
  const accept = (info: Parameters<typeof verdict>[0]): boolean => {
    context.refusal = verdict(info);
    if (context.refusal !== undefined) settings.onError?.(context.refusal);
    return context.refusal === undefined;
  };
  const Connector = checkedConnector(ioredis, sentinel, accept);
  const client = guardedClient(ioredis, { ...redisBehaviour(settings), ...access, Connector }, context);
  const supervisor = supervise(client, handle, settings, context);
  let watch: FailoverWatch | undefined;
  return {
    client,
    async firstReady() {
      await firstReady(client, context, settings, () => refusedBySentinels(ioredis, client.options, where));
      watch = watchFailover(ioredis, client, supervisor.tell);
    },
    close: once(async () => {
      context.refusal = new MillraceError('CONNECTION_CLOSED', `connection to ${where} is closed`);
      supervisor.stop();
      watch?.close();
      await closeClient(client, settings);
    }),
  };
}

interface Supervisor {
  tell(error: unknown): void;
  stop(): void;
}

/** Keeps the client trying and tells of its errors. ioredis gives up for good (`end`) when an attempt to connect through sentinels is interrupted. */
function supervise(client: Ioredis.Redis, handle: ServiceHandle, settings: ResolvedRedisOptions, context: ClientContext): Supervisor {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const tell = (error: unknown): void => {
    if (!stopped) settings.onError?.(redisError(error, context.where));
  };
  const report = (error: unknown): void => {
    context.lastError = error instanceof Error ? error : new Error(String(error));
    tell(error);
  };
  client.on('error', (error: Error) => {
    report(error);
    if (!isMillraceError(context.lastError, 'CONNECTION_REFUSED_CREDENTIALS')) return;
    redisCredentials(handle).then((fresh) => Object.assign(client.options, fresh), report);
  });
  client.on('sentinelError', report);
  client.on('end', () => {
    if (stopped) return;
    timer = setTimeout(() => client.connect().catch(report), backoffMs(2, settings.maxReconnectDelayMs));
  });
  return {
    tell,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Resolves at the first `ready`. What no further attempt can mend ends the wait at once. */
function firstReady(
  client: Ioredis.Redis,
  context: ClientContext,
  { connectTimeoutMs }: ResolvedRedisOptions,
  probe: () => Promise<Error | undefined>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let last: unknown;
    const timer = setTimeout(() => settle(timedOut(context, connectTimeoutMs, last)), connectTimeoutMs);
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      client.off('ready', onReady).off('error', onError).off('close', onClose).off('sentinelError', onSentinelError);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onReady = (): void => settle();
    const onError = (error: Error): void => {
      last = error;
      const explained = redisError(error, context.where);
      if (isMillraceError(explained, 'CONNECTION_REFUSED_CREDENTIALS')) settle(explained);
    };
    const onClose = (): void => {
      if (isMillraceError(context.refusal, 'REDIS_EVICTS')) settle(context.refusal);
    };
    const onSentinelError = (error: Error): void => {
      last = error;
      client.off('sentinelError', onSentinelError);
      probe().then((refused) => refused && settle(refused), onError);
    };
    client.on('ready', onReady).on('error', onError).on('close', onClose).on('sentinelError', onSentinelError);
    client.connect().catch((error: unknown) => {
      last ??= error;
    });
  });
}

function timedOut({ where, refusal }: ClientContext, timeoutMs: number, last: unknown): MillraceError {
  if (refusal !== undefined) return refusal;
  const reason = last instanceof Error ? `: ${last.message}` : '';
  return new MillraceError('CONNECTION_FAILED', `could not connect to ${where} within ${timeoutMs} ms${reason}`, { cause: last });
}

/** A producer's commands in flight may finish; a consumer's blocking read would hold up the end, and loses nothing by being cut. */
async function closeClient(client: Ioredis.Redis, { profile, closeTimeoutMs }: ResolvedRedisOptions): Promise<void> {
  if (profile === 'producer' && client.status === 'ready') {
    await settledWithin(
      client.quit().then(undefined, () => undefined),
      closeTimeoutMs,
    );
  }
  // After QUIT too: a connection that was down, or did not answer in time, is still trying.
  client.disconnect();
}
