/**
 * Every way in which Millrace refuses or fails, and whether trying again can help without a change by a person.
 *
 * What each means and the way out is in `error-guide.ts`, and from there in `docs/errors.md`.
 */
export const errorCodes = {
  ENVIRONMENT_INVALID: { retriable: false },
  BINDING_INVALID: { retriable: false },
  BINDING_NAME_UNKNOWN: { retriable: false },
  BINDING_HOLDS_SECRET: { retriable: false },
  SECRET_UNAVAILABLE: { retriable: true },
  CONNECTION_FAILED: { retriable: true },
  CONNECTION_REFUSED_CREDENTIALS: { retriable: false },
  CONNECTION_TIMEOUT: { retriable: true },
  CONNECTION_CLOSED: { retriable: false },
  REDIS_NOT_MASTER: { retriable: true },
  REDIS_EVICTS: { retriable: false },
  POSTGRES_NOT_PRIMARY: { retriable: true },
  MIGRATION_PENDING: { retriable: false },
  MIGRATION_CHANGED: { retriable: false },
  OUTBOX_NO_TRANSACTION: { retriable: false },
  EVENT_INVALID: { retriable: false },
  EVENT_TOO_LARGE: { retriable: false },
  TOPIC_UNKNOWN: { retriable: true },
  TENANT_REQUIRED: { retriable: false },
  RELAY_FENCED: { retriable: true },
  BROKER_LOST_EVENTS: { retriable: true },
  OUTBOX_SEQUENCE_BEHIND: { retriable: false },
  OUTBOX_NOT_HERE: { retriable: false },
  PUBLISH_REJECTED: { retriable: false },
  PUBLISH_FAILED: { retriable: true },
  CONSUMER_LEASE_LOST: { retriable: true },
  HANDLER_FAILED: { retriable: true },
  SERVER_NOT_FOUND: { retriable: false },
  SERVER_START_FAILED: { retriable: false },
  PORT_IN_USE: { retriable: false },
  STATE_LOCKED: { retriable: true },
  STATE_CORRUPT: { retriable: false },
  ENVIRONMENT_UNKNOWN: { retriable: false },
  CLIENT_NOT_INSTALLED: { retriable: false },
  SUBSCRIPTION_INVALID: { retriable: false },
  STATE_UNWRITABLE: { retriable: false },
} as const satisfies Record<string, { retriable: boolean }>;

export type ErrorCode = keyof typeof errorCodes;

const marker = Symbol.for('millrace.error');

/**
 * The one error class of Millrace; `code` tells what happened, `retriable` whether trying again can help.
 *
 * Recognise it with `isMillraceError`, not with `instanceof`: two copies of the package may be loaded.
 *
 * @example
 * try { await connectRedis(binding.redis('events')); } catch (error) {
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
    this.retriable = options?.retriable ?? errorCodes[code].retriable;
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
