import { type ErrorCode, isMillraceError, MillraceError } from '../../contracts/errors.ts';

/** Faults of a certificate that have a remedy of their own; other TLS faults are told in the words of the library. */
const certificateFaults: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired; renew it',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; check the clocks',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host; correct the endpoint or set tls.serverName in the binding',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself; give its authority as tls.caRef in the binding',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that is not trusted; give that as tls.caRef in the binding',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an authority that is not trusted; give that as tls.caRef in the binding',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an authority that is not trusted; give that as tls.caRef in the binding',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by an authority that is not trusted; give that as tls.caRef in the binding',
};

/** What AWS answers with 403 when it does not take the signature or the credentials, in `x-amzn-errortype`. */
const refusedSignatures = new Set([
  'ExpiredTokenException',
  'IncompleteSignatureException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnrecognizedClientException',
]);

/**
 * `error` as a `MillraceError` where it tells of the connection; what the server said about the request itself (`ResponseError`) comes back as it was.
 *
 * @param where what the connection leads to, for the message: `opensearch service search (search-0:9200)`.
 */
export function searchError(error: unknown, where: string): Error {
  if (isMillraceError(error)) return error;
  if (!(error instanceof Error))
    return new MillraceError('CONNECTION_FAILED', `no connection to ${where}: ${String(error)}`, { cause: error });
  switch (error.name) {
    case 'TimeoutError':
      return new MillraceError('CONNECTION_TIMEOUT', `${where} did not answer: ${error.message}`, { cause: error });
    case 'ConnectionError':
    case 'NoLivingConnectionsError':
      return connectionFault(error, where);
    case 'ResponseError':
      return refusal(error, where) ?? error;
    default:
      return error;
  }
}

/** HTTP status of the server's answer, undefined for an error that no server sent. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && error.name === 'ResponseError' ? (error as { statusCode?: number }).statusCode : undefined;
}

/** What OpenSearch calls the exception it answered with; gateways and AWS answer in other forms. */
export function exceptionType(error: unknown): string | undefined {
  const body = (error as { body?: { error?: { type?: unknown } } | string | null } | undefined)?.body;
  const type = typeof body === 'object' ? body?.error?.type : undefined;
  return typeof type === 'string' ? type : undefined;
}

/** Code of the system or TLS error at the root of `error`. Judged by shape: errors of the system are not always instances of this context's `Error`. */
export function rootCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || isMillraceError(error)) return undefined;
  const { cause, code } = error as { cause?: unknown; code?: unknown };
  return rootCode(cause) ?? (typeof code === 'string' ? code : undefined);
}

function connectionFault(error: Error, where: string): MillraceError {
  const code = rootCode(error);
  if (code === undefined || !isTlsFault(code)) {
    return new MillraceError('CONNECTION_FAILED', `no connection to ${where}: ${error.message}`, { cause: error });
  }
  const fault = certificateFaults[code] ?? `TLS was refused (${code})`;
  return new MillraceError('CONNECTION_TLS_FAILED', `${where}: ${fault}`, { cause: error });
}

function isTlsFault(code: string): boolean {
  return code in certificateFaults || code === 'EPROTO' || /^(ERR_TLS_|ERR_SSL_|CERT_)/.test(code);
}

function refusal(error: Error, where: string): MillraceError | undefined {
  const told = (code: ErrorCode, sentence: string): MillraceError => new MillraceError(code, `${where} ${sentence}`, { cause: error });
  const status = statusOf(error);
  if (status === 401) return told('CONNECTION_REFUSED_CREDENTIALS', 'refused the user or password (401)');
  // 403 is also what a write to an index with a block gets: that is no matter of rights.
  if (status !== 403 || !['security_exception', undefined].includes(exceptionType(error))) return undefined;
  const awsType = awsErrorType(error);
  if (awsType !== undefined && refusedSignatures.has(awsType)) {
    return told('CONNECTION_REFUSED_CREDENTIALS', `refused the signature of the request (403, ${awsType})`);
  }
  return told('ACCESS_DENIED', 'does not let this user do that (403); grant its role the action that the cause names');
}

function awsErrorType(error: Error): string | undefined {
  const type = (error as { headers?: Record<string, unknown> }).headers?.['x-amzn-errortype'];
  return typeof type === 'string' ? type.split(':', 1)[0] : undefined;
}
