import { type ErrorCode, isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { tlsFailure } from '../tls-errors.ts';

/** SQLSTATE (or its class, two letters) of an answer that tells of the connection, not of the statement. */
const states: Readonly<Record<string, { readonly code: ErrorCode; readonly sentence: string; readonly retriable?: boolean }>> = {
  '28P01': { code: 'CONNECTION_REFUSED_CREDENTIALS', sentence: 'refused the user or password' },
  '28000': { code: 'CONNECTION_REFUSED_CREDENTIALS', sentence: 'does not let this user in from here (pg_hba.conf)' },
  '3D000': {
    code: 'CONNECTION_FAILED',
    sentence: 'has no such database; correct `database` in the binding or create it',
    retriable: false,
  },
  '42501': { code: 'CONNECTION_REFUSED_CREDENTIALS', sentence: 'does not let this user connect to the database (grant connect)' },
  '53300': { code: 'CONNECTION_FAILED', sentence: 'has no connection left (max_connections)' },
  '25006': { code: 'POSTGRES_NOT_PRIMARY', sentence: 'is read-only' },
  '57P01': { code: 'CONNECTION_FAILED', sentence: 'is shutting down or ended the session' },
  '57P02': { code: 'CONNECTION_FAILED', sentence: 'crashed' },
  '57P03': { code: 'CONNECTION_FAILED', sentence: 'is starting up or shutting down' },
  '57014': { code: 'CONNECTION_TIMEOUT', sentence: 'cancelled the statement (statement_timeout or a request)' },
  '08': { code: 'CONNECTION_FAILED', sentence: 'broke the connection' },
};

const sqlState = /^[0-9A-Z]{5}$/;

/**
 * `error` as a `MillraceError` where it tells of the connection; an error about the statement itself (constraint, syntax, ...) comes back as it was.
 *
 * @param where what the connection leads to, for the message: `postgres service database (127.0.0.1:5432/orders)`.
 */
export function postgresError(error: unknown, where: string): Error {
  if (isMillraceError(error)) return error;
  const code = codeOf(error);
  if (code !== undefined && sqlState.test(code)) {
    const known = states[code] ?? states[code.slice(0, 2)];
    if (known === undefined) return error as Error;
    return new MillraceError(known.code, `${where} ${known.sentence} (${code})`, {
      cause: error,
      ...(known.retriable !== undefined && { retriable: known.retriable }),
    });
  }
  const reason = error instanceof Error ? error.message || code || error.name : String(error);
  return tlsFailure(error, where) ?? new MillraceError('CONNECTION_FAILED', `no connection to ${where}: ${reason}`, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
