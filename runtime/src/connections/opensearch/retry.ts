import { rootCode, statusOf } from './errors.ts';

/** What of a request decides whether it may be sent again. */
export interface Repeatable {
  readonly method: string;
  readonly path: string;
  readonly querystring?: unknown;
}

/** The server, or the gateway before it, declined before it did anything. */
const declined: ReadonlySet<number> = new Set([429, 503]);

/** A gateway lost sight of the server: what became of the request is not known. */
const lostBehindGateway: ReadonlySet<number> = new Set([502, 504]);

/** Faults from before the request was on its way. */
const neverSent: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Requests that are sent as POST and change nothing. */
const readsByPost = /\/_(search|msearch|count|mget|analyze|explain|termvectors|mtermvectors|field_caps|rank_eval|refresh)(\/template)?$/;

/**
 * Whether sending the request again can help and cannot make it take effect twice.
 *
 * A timeout is not repeated: a slow query would be made slower, and the caller's patience is at its end.
 */
export function mayRepeat(error: unknown, request: Repeatable): boolean {
  const status = statusOf(error);
  if (status !== undefined) return declined.has(status) || (lostBehindGateway.has(status) && isIdempotent(request));
  if (!isConnectionError(error)) return false;
  return neverSent.has(rootCode(error) ?? '') || isIdempotent(request);
}

/** A create, or a write under a condition, that took effect unseen would look refused the second time. */
function isIdempotent({ method, path, querystring }: Repeatable): boolean {
  if (method === 'POST') return readsByPost.test(path);
  const query = typeof querystring === 'object' && querystring !== null ? querystring : {};
  return !path.includes('/_create/') && !('op_type' in query) && !('if_seq_no' in query);
}

function isConnectionError(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ConnectionError' || error.name === 'NoLivingConnectionsError');
}
