import { rootCode, statusOf } from './errors.ts';

type Querystring = string | Readonly<Record<string, unknown>> | undefined;

/** What of a request decides whether it may be sent again. */
export interface Repeatable {
  readonly method: string;
  readonly path: string;
  readonly querystring?: Querystring;
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

/** Requests that are sent as POST and change nothing. A document may have such a name for its id. */
const readsByPost =
  /^(\/(_all|[^/_][^/]*))?\/_(search|msearch|count|mget|analyze|explain|termvectors|mtermvectors|field_caps|rank_eval|refresh)(\/template)?$/;

/** Reads of which each goes on where the one before ended. */
const readsOn = /\/_search\/scroll(\/|\?|$)/;

/** A document as a whole, under its id. */
const document = /^\/[^/?]+\/_doc\/[^/?]+$/;

/** A write under one of these that took effect unseen would look refused the second time. */
const conditions = ['op_type', 'version', 'version_type', 'if_seq_no', 'if_primary_term'];

/**
 * Whether sending the request again can help and cannot make it take effect twice.
 *
 * A timeout is not repeated: a slow query would be made slower, and the caller's patience is at its end.
 *
 * @param added what the options of the call add to the query of `request`
 */
export function mayRepeat(error: unknown, request: Repeatable, added?: Querystring): boolean {
  const status = statusOf(error);
  if (status !== undefined) return declined.has(status) || (lostBehindGateway.has(status) && isIdempotent(request, added));
  if (!isConnectionError(error)) return false;
  return neverSent.has(rootCode(error) ?? '') || isIdempotent(request, added);
}

function isIdempotent({ method, path, querystring }: Repeatable, added: Querystring): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
      return !readsOn.test(path);
    case 'POST':
      return readsByPost.test(path);
    case 'PUT':
      return document.test(path) && !isConditional(querystring) && !isConditional(added);
    default:
      return false;
  }
}

function isConditional(query: Querystring): boolean {
  const names = typeof query === 'string' ? [...new URLSearchParams(query).keys()] : Object.keys(query ?? {});
  return names.some((name) => conditions.includes(name));
}

function isConnectionError(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ConnectionError' || error.name === 'NoLivingConnectionsError');
}
