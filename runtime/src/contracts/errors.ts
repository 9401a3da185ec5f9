/**
 * Every way in which Millrace refuses or fails; true where trying again can help without a change by a person.
 *
 * What each means and the way out is in `error-guide.ts`, and from there in `docs/errors.md`.
 */
export const errorCodes = {
  ENVIRONMENT_INVALID: false,
  BINDING_INVALID: false,
  BINDING_NAME_UNKNOWN: false,
  BINDING_HOLDS_SECRET: false,
  SECRET_UNAVAILABLE: true,
  CONNECTION_FAILED: true,
  CONNECTION_REFUSED_CREDENTIALS: false,
  CONNECTION_TIMEOUT: true,
  CONNECTION_CLOSED: false,
  REDIS_NOT_MASTER: true,
  REDIS_EVICTS: false,
  POSTGRES_NOT_PRIMARY: true,
  MIGRATION_PENDING: false,
  MIGRATION_CHANGED: false,
  OUTBOX_NO_TRANSACTION: false,
  EVENT_INVALID: false,
  EVENT_TOO_LARGE: false,
  TOPIC_UNKNOWN: true,
  TENANT_REQUIRED: false,
  RELAY_FENCED: true,
  BROKER_LOST_EVENTS: true,
  OUTBOX_SEQUENCE_BEHIND: false,
  OUTBOX_NOT_HERE: false,
  PUBLISH_REJECTED: false,
  PUBLISH_FAILED: true,
  CONSUMER_LEASE_LOST: true,
  HANDLER_FAILED: true,
  SERVER_NOT_FOUND: false,
  SERVER_START_FAILED: false,
  PORT_IN_USE: false,
  STATE_LOCKED: true,
  STATE_CORRUPT: false,
  ENVIRONMENT_UNKNOWN: false,
  CLIENT_NOT_INSTALLED: false,
  SUBSCRIPTION_INVALID: false,
  STATE_UNWRITABLE: false,
} as const satisfies Record<string, boolean>;

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
    this.retriable = options?.retriable ?? errorCodes[code];
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
