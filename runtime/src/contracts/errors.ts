import type { ErrorCode } from './error-guide.ts';

export type { ErrorCode } from './error-guide.ts';

/** Codes of failures that pass by themselves: trying again can help without a change by a person. All codes are in `error-guide.ts`. */
export const retriableCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SECRET_UNAVAILABLE',
  'CONNECTION_FAILED',
  'CONNECTION_TIMEOUT',
  'AWS_CREDENTIALS_UNAVAILABLE',
  'BROKER_BLOCKED',
  'REDIS_NOT_MASTER',
  'POSTGRES_NOT_PRIMARY',
  'TOPIC_UNKNOWN',
  'RELAY_FENCED',
  'BROKER_LOST_EVENTS',
  'PUBLISH_FAILED',
  'CONSUMER_CANCELLED',
  'CONSUMER_LEASE_LOST',
  'HANDLER_FAILED',
  'DEPENDENCY_UNAVAILABLE',
  'CALL_DEADLINE',
  'STATE_LOCKED',
  'ARCHIVE_UNAVAILABLE',
  'RETENTION_BUSY',
]);

const marker = Symbol.for('millrace.error');

/**
 * The one error class of Millrace; `code` tells what happened, `retriable` whether trying again can help.
 *
 * Recognise it with `isMillraceError`, not with `instanceof`: two copies of the package may be loaded.
 *
 * @example
 * try { await connectRedis(binding.service('events', 'redis-sentinel')); } catch (error) {
 *   if (isMillraceError(error, 'CONNECTION_FAILED')) retryLater(); else throw error;
 * }
 */
export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  readonly code: ErrorCode;
  readonly retriable: boolean;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; retriable?: boolean }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retriable = options?.retriable ?? retriableCodes.has(code);
    Object.defineProperty(this, marker, { value: true });
  }
}

/** Whether `error` is a `MillraceError`, of `code` when one is given. */
export function isMillraceError(error: unknown, code?: ErrorCode): error is MillraceError {
  return (
    error instanceof Error &&
    (error as { [marker]?: boolean })[marker] === true &&
    (code === undefined || (error as MillraceError).code === code)
  );
}
