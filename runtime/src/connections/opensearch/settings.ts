import type { Client } from '@elastic/elasticsearch';
import type { AwsCredentialProvider } from '../../aws/credentials.ts';
import type { ServiceHandle } from '../../binding/index.ts';
import { endpointsFor, hostsOf, requireAuthMode } from '../endpoints.ts';
import { apart } from '../listener.ts';
import { tlsOptions } from '../tls.ts';

/** Options of `connectSearch`. */
export interface SearchConnectOptions {
  /** Sent as `x-opaque-id`: what tasks and slow logs of the server show. @default 'millrace' */
  readonly name?: string;
  /** Time allowed for the first answer; a single socket gets 2 s at most, then and later. @default 5_000 */
  readonly connectTimeoutMs?: number;
  /** Time of one attempt of a request, to the end of the answer; `requestTimeout` of a call goes before it. @default 30_000 */
  readonly requestTimeoutMs?: number;
  /** Time of a request with all its repetitions and pauses; a longer `requestTimeout` of a call goes before it. @default 60_000 */
  readonly totalTimeoutMs?: number;
  /** Repetitions of a request that may be repeated; `maxRetries` of a call goes before it. @default 3 */
  readonly maxRetries?: number;
  /** Upper bound of the pause between repetitions. @default 2_000 */
  readonly maxRetryDelayMs?: number;
  /** Sockets to a node. @default 32 */
  readonly maxConnections?: number;
  /** Whether bodies are sent compressed; saves traffic, costs CPU on both sides. @default false */
  readonly compression?: boolean;
  /** Time that requests in flight get to finish in `close()`. @default 5_000 */
  readonly closeTimeoutMs?: number;
  /** AWS credentials for `auth.mode` iam. @default the chain of the AWS SDK */
  readonly credentials?: AwsCredentialProvider;
  /** Told of every failed attempt that tells of the connection, also when a repetition made it good. @default nothing is told */
  readonly onError?: (error: Error) => void;
}

export type ResolvedSearchOptions = Required<Omit<SearchConnectOptions, 'onError' | 'credentials'>> &
  Pick<SearchConnectOptions, 'onError' | 'credentials'> & { readonly socketTimeoutMs: number };

/** Every default. */
export function resolveSearchOptions(options: SearchConnectOptions): ResolvedSearchOptions {
  const connectTimeoutMs = options.connectTimeoutMs ?? 5_000;
  return {
    name: options.name ?? 'millrace',
    connectTimeoutMs,
    socketTimeoutMs: Math.min(2_000, connectTimeoutMs),
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    totalTimeoutMs: options.totalTimeoutMs ?? 60_000,
    maxRetries: options.maxRetries ?? 3,
    maxRetryDelayMs: options.maxRetryDelayMs ?? 2_000,
    maxConnections: options.maxConnections ?? 32,
    compression: options.compression ?? false,
    closeTimeoutMs: options.closeTimeoutMs ?? 5_000,
    ...(options.credentials && { credentials: options.credentials }),
    ...(options.onError && { onError: apart(options.onError) }),
  };
}

/** Where a binding leads. */
export interface SearchTarget {
  readonly where: string;
  readonly access: Pick<ConstructorParameters<typeof Client>[0], 'nodes' | 'tls'>;
}

/** @throws {MillraceError} BINDING_INVALID, SECRET_UNAVAILABLE */
export async function searchTarget(handle: ServiceHandle, socketTimeoutMs: number): Promise<SearchTarget> {
  requireAuthMode(handle, 'none', 'password', 'iam');
  const endpoints = endpointsFor(handle, 'node', 'primary');
  const tls = await tlsOptions(handle);
  const nodes = endpoints.map(
    ({ host, port }) => `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
  );
  return {
    where: `opensearch service ${handle.name} (${hostsOf(endpoints)})`,
    // Options of the socket, with or without TLS.
    access: { nodes, tls: { ...tls, timeout: socketTimeoutMs } },
  };
}
