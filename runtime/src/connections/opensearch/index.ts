import type * as Elastic from '@elastic/elasticsearch';
import type { ServiceHandle } from '../../binding/index.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { backoff } from '../../pause.ts';
import { requireKind } from '../endpoints.ts';
import { once } from '../once.ts';
import { loadPeer } from '../peer.ts';
import { authorizerFor } from './authorizer.ts';
import { searchError, statusOf } from './errors.ts';
import { nodeConnection } from './node-connection.ts';
import { nodePool } from './node-pool.ts';
import { type ResolvedSearchOptions, resolveSearchOptions, type SearchConnectOptions, searchTarget } from './settings.ts';
import { searchTransport } from './transport.ts';

export type { AwsCredentialProvider } from '../../aws/credentials.ts';
export { searchError } from './errors.ts';
export type { SearchConnectOptions } from './settings.ts';

/** An open connection; `close()` is idempotent and bounded by `closeTimeoutMs`. */
export interface SearchConnection extends AsyncDisposable {
  /** Name of the service in the binding. */
  readonly name: string;
  readonly client: Elastic.Client;
  close(): Promise<void>;
}

/**
 * Opens the stock `@elastic/elasticsearch` client on the OpenSearch cluster of `handle`, after one answer has proven that it can be reached.
 *
 * Requests are rejected with `MillraceError` when the connection is at fault (`CONNECTION_FAILED`, `CONNECTION_TIMEOUT`, `CONNECTION_TLS_FAILED`,
 * `CONNECTION_REFUSED_CREDENTIALS`, `ACCESS_DENIED`), otherwise with the client's own `ResponseError`, 429 included. Repeated are requests that the server
 * declined (429, 503) or never got; after a lost connection, reads and whole documents under an id. Whatever else writes (`_bulk`, a deletion, a create, a
 * document under a condition) is not repeated then: whether it took effect is not known. Nodes are not discovered; the endpoints of the binding are asked in
 * turn, past those that failed.
 *
 * Not there on OpenSearch, whatever the client offers: `openPointInTime`, `ilm`, `security`, `esql`; reach OpenSearch's own by `client.transport.request`.
 *
 * @throws {MillraceError} CONNECTION_FAILED when nothing answers in time; CONNECTION_REFUSED_CREDENTIALS and CONNECTION_TLS_FAILED at once;
 * AWS_CREDENTIALS_UNAVAILABLE with `auth.mode` iam; CLIENT_NOT_INSTALLED without `@elastic/elasticsearch`; SECRET_UNAVAILABLE when the password cannot be read.
 * @example
 * await using search = await connectSearch(binding.service('search', 'opensearch'));
 * await search.client.index({ index: 'products', document: { title: 'a lamp' }, refresh: true });
 * const { hits } = await search.client.search({ index: 'products', query: { match: { title: 'lamp' } } });
 */
export async function connectSearch(handle: ServiceHandle, options: SearchConnectOptions = {}): Promise<SearchConnection> {
  requireKind(handle, 'connectSearch', 'opensearch');
  const settings = resolveSearchOptions(options);
  const target = await searchTarget(handle, settings.socketTimeoutMs);
  const [elastic, authorizer] = await Promise.all([
    loadPeer('@elastic/elasticsearch', () => import('@elastic/elasticsearch')),
    authorizerFor(handle, settings.credentials),
  ]);
  const closing = new AbortController();
  let graceMs = settings.closeTimeoutMs;
  const { where, access } = target;
  const client = new elastic.Client({
    ...access,
    name: settings.name,
    headers: { 'x-opaque-id': settings.name },
    compression: settings.compression,
    enableMetaHeader: false,
    Transport: searchTransport(elastic, { ...settings, where, onError: settings.onError, closing: closing.signal }),
    ConnectionPool: nodePool(elastic, settings.socketTimeoutMs),
    Connection: nodeConnection(elastic, {
      ...{ where, authorizer, signsBodies: handle.service.auth.mode === 'iam' },
      ...{ maxConnections: settings.maxConnections, bodyTimeoutMs: settings.requestTimeoutMs, graceMs: () => graceMs },
    }),
  });
  const close = once(async () => {
    closing.abort();
    await client.close();
  });
  try {
    await firstAnswer(client, settings, where);
  } catch (error) {
    // There is nothing to wait for, and the time allowed is over.
    graceMs = 0;
    await close();
    throw error;
  }
  return { name: handle.name, client, close, [Symbol.asyncDispose]: close };
}

/** Resolves at the first answer that shows who we are to the server. What no further attempt can mend ends the wait at once. */
async function firstAnswer({ transport }: Elastic.Client, { connectTimeoutMs }: ResolvedSearchOptions, where: string): Promise<void> {
  const limit = AbortSignal.timeout(connectTimeoutMs);
  let last: unknown;
  for (let attempt = 1; !limit.aborted; attempt++) {
    try {
      await transport.request({ method: 'GET', path: '/' }, { maxRetries: 0, signal: limit });
      return;
    } catch (error) {
      const explained = searchError(error, where);
      // A user that may not see the front page, and a serverless collection that has none, were let in all the same.
      if (isMillraceError(explained, 'ACCESS_DENIED') || statusOf(explained) === 404) return;
      if (isMillraceError(explained) && !explained.retriable) throw explained;
      if (!limit.aborted) last = explained;
      await backoff(attempt + 1, 1_000, limit);
    }
  }
  const reason = last instanceof Error ? `: ${last.message}` : '';
  throw new MillraceError('CONNECTION_FAILED', `could not connect to ${where} within ${connectTimeoutMs} ms${reason}`, { cause: last });
}
