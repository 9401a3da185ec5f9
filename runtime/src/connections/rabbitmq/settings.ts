import type { ServiceHandle } from '../../binding/index.ts';
import type { Endpoint } from '../../contracts/binding.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { endpointsFor, hostsOf, requireAuthMode } from '../endpoints.ts';
import { apart } from '../listener.ts';

/** Options of `connectRabbit`. */
export interface RabbitConnectOptions {
  /** Name that `rabbitmqctl list_connections` and the management page show. @default 'millrace' */
  readonly name?: string;
  /** Time allowed for the first connection, all nodes included. @default 5_000 */
  readonly connectTimeoutMs?: number;
  /**
   * Interval of heartbeats in seconds, at least 1; a line that has gone silent is noticed after two to three of them. The cost is an 8-byte frame each way
   * every half interval. Below 5 s, a busy broker or a blocked event loop is taken for a dead one.
   *
   * @default 5
   */
  readonly heartbeatSeconds?: number;
  /** Time that the broker has for confirming a message. @default 10_000 */
  readonly confirmTimeoutMs?: number;
  /** Messages of one publisher that may wait for their confirm at once; further ones are refused. @default 2_000 */
  readonly maxUnconfirmed?: number;
  /** Time that opening a channel takes at most, and running its setup. @default 5_000 */
  readonly setupTimeoutMs?: number;
  /** Upper bound of the pause between attempts to reconnect, and to set up a channel again. @default 1_000 */
  readonly maxReconnectDelayMs?: number;
  /** Time that confirms and deliveries in flight get in `close()`. @default 5_000 */
  readonly closeTimeoutMs?: number;
  /** Most channels of the connection; 0 leaves it to the broker. @default 0 */
  readonly channelMax?: number;
  /** Longest frame in bytes. @default 131_072 */
  readonly frameMax?: number;
  /** Told of every error of the connection and of its channels; callers get theirs besides. @default nothing is told */
  readonly onError?: (error: Error) => void;
  /** Told when the broker stops reading from this connection, with its reason. */
  readonly onBlocked?: (reason: string) => void;
  /** Told when the broker reads again, or when the blocked connection was lost. */
  readonly onUnblocked?: () => void;
}

type Callbacks = 'onError' | 'onBlocked' | 'onUnblocked';

export type RabbitSettings = Required<Omit<RabbitConnectOptions, Callbacks>> & Pick<RabbitConnectOptions, Callbacks>;

/** Every default. */
export function resolveRabbitOptions(options: RabbitConnectOptions): RabbitSettings {
  return {
    name: options.name ?? 'millrace',
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    // AMQP sends whole seconds, and 0 would mean none: a dead line would then never be noticed.
    heartbeatSeconds: Math.max(1, Math.round(options.heartbeatSeconds ?? 5)),
    confirmTimeoutMs: options.confirmTimeoutMs ?? 10_000,
    maxUnconfirmed: options.maxUnconfirmed ?? 2_000,
    setupTimeoutMs: options.setupTimeoutMs ?? 5_000,
    maxReconnectDelayMs: options.maxReconnectDelayMs ?? 1_000,
    closeTimeoutMs: options.closeTimeoutMs ?? 5_000,
    channelMax: options.channelMax ?? 0,
    frameMax: options.frameMax ?? 131_072,
    ...(options.onError && { onError: apart(options.onError) }),
    ...(options.onBlocked && { onBlocked: apart(options.onBlocked) }),
    ...(options.onUnblocked && { onUnblocked: apart(options.onUnblocked) }),
  };
}

/** Where a binding leads. Secret and certificates are not part of it: they are read again for every attempt. */
export interface RabbitTarget {
  readonly endpoints: readonly [Endpoint, ...Endpoint[]];
  readonly vhost: string;
  readonly username: string;
  /** For messages: `rabbitmq service tasks (127.0.0.1:5671)`. */
  readonly where: string;
  /** The password; past any cache when `fresh`. @throws {MillraceError} SECRET_UNAVAILABLE */
  password(fresh?: boolean): Promise<string>;
}

/**
 * Where the first of `purposes` leads that the binding has endpoints for.
 *
 * @throws {MillraceError} BINDING_INVALID when the binding lacks endpoints, user or secret.
 */
export function rabbitTarget(handle: ServiceHandle, purposes: readonly Endpoint['purpose'][] = ['node', 'primary']): RabbitTarget {
  requireAuthMode(handle, 'password');
  const { auth, vhost } = handle.service;
  const { secretRef, username } = auth;
  if (username === undefined || secretRef === undefined) {
    const missing = username === undefined ? 'auth.username' : 'auth.secretRef';
    throw new MillraceError('BINDING_INVALID', `service ${handle.name} is of kind rabbitmq and has no ${missing}; add it to the binding`);
  }
  const endpoints = endpointsFor(handle, ...purposes);
  return {
    endpoints,
    vhost: vhost ?? '/',
    username,
    where: `rabbitmq service ${handle.name} (${hostsOf(endpoints)})`,
    password: (fresh = false) => handle.secret(secretRef, { fresh }),
  };
}
