import { MillraceError } from '../contracts/errors.ts';

/** Codes of Node and OpenSSL for a certificate that does not hold and for two sides that do not speak TLS with each other; a line that breaks is none. */
const tlsCodes =
  /^(ERR_(TLS|SSL|OSSL)_|CERT_|UNABLE_TO_(GET_(ISSUER|CRL)|DECRYPT_|DECODE_|VERIFY_)|(DEPTH_ZERO_)?SELF_SIGNED_|(INVALID|HOSTNAME|PATH_LENGTH)_|EPROTO$)/;

/**
 * CONNECTION_TLS_FAILED when `error` tells of a failed TLS handshake, undefined otherwise.
 *
 * @param where what the connection leads to, for the message: `redis service events (127.0.0.1:6379)`.
 */
export function tlsFailure(error: unknown, where: string): MillraceError | undefined {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code !== 'string' || !tlsCodes.test(code)) return undefined;
  return new MillraceError('CONNECTION_TLS_FAILED', `TLS with ${where} failed: ${message} (${code})`, { cause: error });
}
