import { type ErrorCode, isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { tlsFailure } from '../tls-errors.ts';

/** First word of an error reply: the protocol's error code. Codes not listed here (BUSYGROUP, NOSCRIPT, OOM, ...) are the caller's to judge. */
const replyCodes: Readonly<Record<string, { readonly code: ErrorCode; readonly sentence: string }>> = {
  READONLY: { code: 'REDIS_NOT_MASTER', sentence: 'is a replica now and refused a write' },
  MASTERDOWN: { code: 'REDIS_NOT_MASTER', sentence: 'is a replica that has lost its master' },
  UNBLOCKED: { code: 'REDIS_NOT_MASTER', sentence: 'became a replica while a command was blocked' },
  CLUSTERDOWN: { code: 'CONNECTION_FAILED', sentence: 'has slots that no master serves at present' },
  LOADING: { code: 'CONNECTION_FAILED', sentence: 'is still loading its data' },
  WRONGPASS: { code: 'CONNECTION_REFUSED_CREDENTIALS', sentence: 'refused the user or password' },
  NOAUTH: { code: 'CONNECTION_REFUSED_CREDENTIALS', sentence: 'asks for a password and got none; add auth.secretRef to the binding' },
};

/** Replies after which the server at the other end is the wrong one: connect anew, so that the master is looked up again. */
const wrongServer = new Set(['READONLY', 'MASTERDOWN', 'UNBLOCKED', 'LOADING']);

/** The protocol's error code of an error reply, undefined for an error that no server sent. */
export function replyCode(error: unknown): string | undefined {
  return error instanceof Error && error.name === 'ReplyError' ? error.message.split(' ', 1)[0] : undefined;
}

/** For ioredis `reconnectOnError`: drop the connection and reject the command; callers hold the retry, so nothing is sent twice unasked. */
export function reconnectOnReply(error: Error): boolean {
  return wrongServer.has(replyCode(error) ?? '');
}

/**
 * `error` as a `MillraceError` where it tells of the connection; an error reply about the command itself comes back as it was.
 *
 * @param where what the connection leads to, for the message: `redis service events (127.0.0.1:6379)`.
 */
export function redisError(error: unknown, where: string): Error {
  if (isMillraceError(error)) return error;
  const reply = replyCode(error);
  if (reply === 'NOPERM')
    return new MillraceError('ACCESS_DENIED', `${where} denied access: ${(error as Error).message}`, { cause: error });
  if (reply !== undefined) {
    const known = replyCodes[reply];
    return known === undefined
      ? (error as Error)
      : new MillraceError(known.code, `${where} ${known.sentence}`, { cause: withoutSecrets(error) });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return tlsFailure(error, where) ?? new MillraceError('CONNECTION_FAILED', `no connection to ${where}: ${reason}`, { cause: error });
}

/** Whether `error` is mended by a person only: another attempt helps when the secret or the certificate behind the binding has changed. */
export function isLasting(error: unknown): error is MillraceError {
  return isMillraceError(error, 'CONNECTION_REFUSED_CREDENTIALS') || isMillraceError(error, 'CONNECTION_TLS_FAILED');
}

/** ioredis notes the arguments of the refused command on the error; those of AUTH and HELLO are the password. */
export function withoutSecrets<T>(error: T): T {
  const command = (error as { command?: { name?: string; args?: unknown } } | undefined)?.command;
  if (command?.name !== undefined && ['auth', 'hello'].includes(command.name.toLowerCase())) command.args = [];
  return error;
}
