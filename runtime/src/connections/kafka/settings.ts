import type { AwsCredentialProvider } from '../../aws/credentials.ts';
import type { ServiceHandle } from '../../binding/index.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { endpointsFor, requireAuthMode } from '../endpoints.ts';
import { apart } from '../listener.ts';

/** Options of `connectKafka`. */
export interface KafkaConnectOptions {
  /** `client.id`, which the broker's logs, metrics and quotas show. @default 'millrace' */
  readonly name?: string;
  /**
   * Time allowed for the first connection, and for each one of a producer, consumer or admin client, reading certificates and secrets included; a broker
   * gets half of it before another is tried. @default 5_000
   */
  readonly connectTimeoutMs?: number;
  /** Time a broker has for an answer; then the socket is taken for dead and opened anew. @default 5_000 */
  readonly requestTimeoutMs?: number;
  /** Upper bound of the pause between attempts to reconnect. @default 1_000 */
  readonly maxReconnectDelayMs?: number;
  /** Time that requests in flight get to finish in `close()`; what is left is cut. @default 5_000 */
  readonly closeTimeoutMs?: number;
  /** What `scram` means to the brokers; Amazon MSK and the local environment speak SCRAM-SHA-512 only. @default 'SCRAM-SHA-512' */
  readonly scramMechanism?: 'SCRAM-SHA-512' | 'SCRAM-SHA-256';
  /** Credentials that tokens for Amazon MSK are signed with. @default the chain of the AWS SDK */
  readonly credentials?: AwsCredentialProvider;
  /** Told of every error of the connection; calls get theirs besides. @default nothing is told */
  readonly onError?: (error: Error) => void;
}

export type ResolvedKafkaOptions = Required<Omit<KafkaConnectOptions, 'onError' | 'credentials'>> &
  Pick<KafkaConnectOptions, 'onError' | 'credentials'>;

/** Every default. */
export function resolveKafkaOptions(options: KafkaConnectOptions): ResolvedKafkaOptions {
  return {
    name: options.name ?? 'millrace',
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 5_000,
    maxReconnectDelayMs: options.maxReconnectDelayMs ?? 1_000,
    closeTimeoutMs: options.closeTimeoutMs ?? 5_000,
    scramMechanism: options.scramMechanism ?? 'SCRAM-SHA-512',
    ...(options.credentials && { credentials: options.credentials }),
    ...(options.onError && { onError: apart(options.onError) }),
  };
}

/** Brokers to begin with, as `host:port`: those that ask for the way of proving who you are that the binding has. */
export function bootstrapBrokers(handle: ServiceHandle): string[] {
  requireAuthMode(handle, 'none', 'scram', 'iam');
  const { mode } = handle.service.auth;
  const endpoints = endpointsFor(handle, 'bootstrap');
  const fitting = endpoints.filter(({ authMode }) => authMode === undefined || authMode === mode);
  if (fitting.length > 0) return fitting.map(({ host, port }) => `${host}:${port}`);
  const present = [...new Set(endpoints.map(({ authMode }) => authMode))].join(', ');
  throw new MillraceError(
    'BINDING_INVALID',
    `service ${handle.name} has auth.mode ${mode}, but its bootstrap endpoints are for ${present}; add one for ${mode} or change auth.mode`,
  );
}
