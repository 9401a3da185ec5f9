import type * as Ioredis from 'ioredis';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { backoffMs } from '../backoff.ts';
import type { ClientContext } from './client.ts';
import { isLasting, redisError } from './errors.ts';
import type { RedisTarget, ResolvedRedisOptions } from './settings.ts';

/** Keeps a client trying and tells of its errors. */
export interface Supervisor {
  tell(error: unknown): void;
  /** Tells, and remembers it as the reason why the connection is down. */
  report(error: unknown): void;
  /** Reads the binding again after a refusal of what `shown` is the fingerprint of, which may be older than what is stored now. */
  judge(refusal: MillraceError, shown: string): void;
  /** Reads secrets and certificates again for the next attempt. */
  renew(): Promise<unknown>;
  /** Calls `listener` with what no further attempt can mend, after the binding was read again and said the same. */
  onRefusal(listener: (error: MillraceError) => void): void;
  stop(): void;
}

/** ioredis gives up for good (`end`) when an attempt to connect through sentinels is interrupted; here it begins anew. */
export function supervise(
  client: Ioredis.Redis,
  settings: ResolvedRedisOptions,
  context: ClientContext,
  readTarget: () => Promise<RedisTarget>,
): Supervisor {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let attempted = '';
  let refused = (_error: MillraceError): void => undefined;
  const tell = (error: unknown): void => {
    if (!stopped) settings.onError?.(redisError(error, context.where));
  };
  const report = (error: unknown): void => {
    context.lastError = error instanceof Error ? error : new Error(String(error));
    tell(error);
  };
  const renew = async () => Object.assign(client.options, (await readTarget()).access);
  const judge = (refusal: MillraceError, shown: string): void => {
    renew().then((options) => fingerprint(options) !== shown || refused(refusal), report);
  };
  client.on('connecting', () => {
    attempted = fingerprint(client.options);
  });
  client.on('error', (error: Error) => {
    report(error);
    const explained = redisError(error, context.where);
    if (isLasting(explained)) judge(explained, attempted);
  });
  client.on('end', () => {
    if (stopped) return;
    timer = setTimeout(() => client.connect().catch(report), backoffMs(2, settings.maxReconnectDelayMs));
  });
  return {
    tell,
    report,
    judge,
    renew,
    onRefusal(listener) {
      refused = listener;
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** What an attempt with these options shows to get in. */
export function fingerprint({ username, password, sentinelPassword, tls }: Ioredis.RedisOptions): string {
  return JSON.stringify([username, password, sentinelPassword, tls]);
}

/** Resolves at the first `ready`. What no further attempt can mend ends the wait at once. */
export function firstReady(
  client: Ioredis.Redis,
  supervisor: Supervisor,
  context: ClientContext,
  { connectTimeoutMs }: ResolvedRedisOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(timedOut(context, connectTimeoutMs)), connectTimeoutMs);
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      client.off('ready', onReady).off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onReady = (): void => settle();
    const onClose = (): void => {
      if (isMillraceError(context.refusal, 'REDIS_EVICTS')) settle(context.refusal);
    };
    supervisor.onRefusal(settle);
    client.on('ready', onReady).on('close', onClose);
    client.connect().catch((error: unknown) => {
      context.lastError ??= error instanceof Error ? error : new Error(String(error));
    });
  });
}

/** What a first connection fails with when its time is over. */
export function timedOut({ where, refusal, lastError }: ClientContext, timeoutMs: number): MillraceError {
  if (refusal !== undefined) return refusal;
  const reason = lastError === undefined ? '' : `: ${lastError.message}`;
  return new MillraceError('CONNECTION_FAILED', `could not connect to ${where} within ${timeoutMs} ms${reason}`, { cause: lastError });
}
