import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { tlsFailure } from '../tls-errors.ts';
import type { RabbitTarget } from './settings.ts';

/** Reply codes about one operation, which end its channel and nothing else: CONTENT_TOO_LARGE, NO_CONSUMERS, NOT_FOUND, RESOURCE_LOCKED, PRECONDITION_FAILED. */
const ofTheOperation: ReadonlySet<number> = new Set([311, 313, 404, 405, 406]);

const accessRefused = 403;

/** AMQP reply code of an error that the broker sent (404 NOT_FOUND, 406 PRECONDITION_FAILED, ...); undefined for any other. */
export function rabbitReplyCode(error: unknown): number | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
}

/**
 * `error` as a `MillraceError` where it tells of the connection or of permissions; one about the operation itself (NOT_FOUND, PRECONDITION_FAILED, ...)
 * comes back as it was, with its reply code.
 *
 * @param where what the connection leads to, for the message: `rabbitmq service tasks (127.0.0.1:5671)`.
 */
export function rabbitError(error: unknown, where: string): Error {
  if (isMillraceError(error)) return error;
  const reply = rabbitReplyCode(error);
  if (reply !== undefined && ofTheOperation.has(reply)) return error as Error;
  const reason = reasonIn(error);
  if (reply === accessRefused) {
    return new MillraceError('ACCESS_DENIED', `${where} does not permit this: ${reason}; grant it with rabbitmqctl set_permissions`, {
      cause: error,
    });
  }
  return tlsFailure(error, where) ?? new MillraceError('CONNECTION_FAILED', `no connection to ${where}: ${reason}`, { cause: error });
}

/** A name with several addresses fails with all their errors, and no words of its own. Judged by shape: errors of the system are not always of this context. */
function reasonIn(error: unknown): string {
  const { message, errors } = (error ?? {}) as { message?: unknown; errors?: readonly unknown[] };
  if (typeof message === 'string' && message !== '') return message;
  return Array.isArray(errors) && errors.length > 0 ? reasonIn(errors[0]) : String(error);
}

/**
 * Errors before the connection is open.
 *
 * amqplib gives a refusal during the handshake no code, only a text of its own; these two are told apart by it (2.3.1; the tests try it on a real
 * server). One that is not recognised counts as CONNECTION_FAILED and is tried again. Why a virtual host was refused is not in the text.
 */
export function handshakeError(error: unknown, { where, username, vhost }: RabbitTarget): Error {
  const text = error instanceof Error ? error.message : '';
  if (text.startsWith(`Handshake terminated by server: ${accessRefused} `)) {
    return new MillraceError('CONNECTION_REFUSED_CREDENTIALS', `${where} refused user ${username} or the password`, { cause: error });
  }
  if (text.startsWith('Expected ConnectionOpenOk; got <ConnectionClose ')) {
    const why = 'it does not exist, the user has no permissions in it, or has as many connections as are allowed';
    return new MillraceError(
      'ACCESS_DENIED',
      `${where} does not let user ${username} into virtual host ${vhost}: ${why}; correct \`vhost\` in the binding, or see the broker's log`,
      { cause: error },
    );
  }
  return rabbitError(error, where);
}
