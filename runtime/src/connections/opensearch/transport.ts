import type * as Elastic from '@elastic/elasticsearch';
import type { TransportOptions, TransportRequestOptions, TransportRequestParams } from '@elastic/elasticsearch';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { backoff } from '../../pause.ts';
import { searchError } from './errors.ts';
import { mayRepeat } from './retry.ts';

/** How requests are sent, and what ends them. */
export interface TransportContext {
  readonly where: string;
  readonly requestTimeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly maxRetries: number;
  readonly maxRetryDelayMs: number;
  readonly onError: ((error: Error) => void) | undefined;
  /** Fires when the connection is closed. */
  readonly closing: AbortSignal;
}

/**
 * The stock transport as OpenSearch needs it.
 *
 * The stock one lets the server act, then throws `ProductNotSupportedError`, because OpenSearch does not claim to be Elasticsearch; and it asks with media
 * types that OpenSearch does not know. Without those two options it does neither. It never sniffs: AWS hides the nodes behind one address.
 * It also repeats any request after a lost connection, which can make a write happen twice; here `mayRepeat` decides.
 */
export function searchTransport({ Transport }: typeof Elastic, context: TransportContext): typeof Elastic.Transport {
  return class SearchTransport extends Transport {
    constructor({ productCheck: _check, vendoredHeaders: _mediaTypes, ...options }: TransportOptions) {
      super(options);
    }

    // One implementation for the three forms of the stock method, which differ in the shape of the result only.
    override request(params: TransportRequestParams, options: TransportRequestOptions = {}): Promise<never> {
      const send = (attempt: TransportRequestOptions): Promise<unknown> => super.request(params, attempt);
      return repeatedly(send, params, options, context, this.connectionPool.size) as Promise<never>;
    }
  };
}

async function repeatedly(
  send: (options: TransportRequestOptions) => Promise<unknown>,
  request: TransportRequestParams,
  options: TransportRequestOptions,
  context: TransportContext,
  nodes: number,
): Promise<unknown> {
  const attemptTimeoutMs = patience(options.requestTimeout, context.requestTimeoutMs);
  const deadline = performance.now() + Math.max(attemptTimeoutMs, context.totalTimeoutMs);
  const maxRetries = isStream(request) ? 0 : (options.maxRetries ?? context.maxRetries);
  let before: Error | undefined;
  for (let attempt = 1; ; attempt++) {
    if (context.closing.aborted) throw closed(context);
    const leftMs = Math.max(1, deadline - performance.now());
    try {
      return await send({ ...options, requestTimeout: Math.min(attemptTimeoutMs, leftMs), maxRetries: 0 });
    } catch (error) {
      // What the last attempt was too short for tells less than what the one before met with.
      if (before !== undefined && leftMs < attemptTimeoutMs && isTimeout(error)) throw before;
      const explained = searchError(error, context.where);
      // A request that was about to be sent finds no node any more.
      if (context.closing.aborted && isMillraceError(explained, 'CONNECTION_FAILED')) throw closed(context);
      if (isMillraceError(explained)) context.onError?.(explained);
      if (attempt > maxRetries || options.signal?.aborted === true || !mayRepeat(error, request, options.querystring)) throw explained;
      before = explained;
      // Another node is asked at once; the same one after a pause.
      if (attempt >= nodes) await backoff(attempt + 1, context.maxRetryDelayMs, options.signal ?? context.closing);
      if (performance.now() >= deadline) throw explained;
    }
  }
}

function closed({ where }: TransportContext): MillraceError {
  return new MillraceError('CONNECTION_CLOSED', `connection to ${where} is closed`);
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

/** The client takes times as numbers and as texts such as `30s`; a text is left to the client and counts as the default here. */
function patience(asked: TransportRequestOptions['requestTimeout'], defaultMs: number): number {
  return typeof asked === 'number' ? asked : defaultMs;
}

function isStream({ body, bulkBody }: TransportRequestParams): boolean {
  const sent: unknown = body ?? bulkBody;
  return typeof sent === 'object' && sent !== null && 'pipe' in sent;
}
