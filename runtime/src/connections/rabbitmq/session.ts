import type * as Amqp from 'amqplib';
import type { ServiceHandle } from '../../binding/index.ts';
import type { Endpoint } from '../../contracts/binding.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { tlsOptions } from '../tls.ts';
import { unlessAborted } from '../unless-aborted.ts';
import { handshakeError } from './errors.ts';
import type { RabbitSettings, RabbitTarget } from './settings.ts';

/** One AMQP connection, from its handshake to its end. */
export interface Session {
  readonly model: Amqp.ChannelModel;
  /** `host:port` of the node. */
  readonly endpoint: string;
  /** Resolves with the reason when the connection has ended, whoever ended it. */
  readonly ended: Promise<Error>;
  /** Calls `listener` when the connection has ended, unless what is returned was called before. Channels come and go on one connection; a promise keeps all that ever waited for it. */
  whenEnded(listener: (reason: Error) => void): () => void;
  readonly isOpen: boolean;
  /** The broker's reason for not reading from this connection at present. */
  readonly blocked: string | undefined;
  /** Destroys the socket without a word to the broker. */
  drop(reason: Error): void;
}

/** What an attempt to connect needs to know. */
export interface Dialling {
  readonly amqp: typeof Amqp;
  readonly handle: ServiceHandle;
  readonly target: RabbitTarget;
  readonly settings: RabbitSettings;
  /** For one node: TCP, TLS, handshake and the reading of secrets together. */
  readonly attemptTimeoutMs: number;
}

/** Time that the answer to a close has for leaving before the socket is destroyed. */
const lingerMs = 250;

/**
 * Connects to one node. A refused password is read again, and tried again if it has changed since.
 *
 * @throws {MillraceError} CONNECTION_FAILED, CONNECTION_TLS_FAILED, CONNECTION_REFUSED_CREDENTIALS, ACCESS_DENIED, SECRET_UNAVAILABLE
 */
export async function openSession(dialling: Dialling, endpoint: Endpoint, stop: AbortSignal): Promise<Session> {
  const { target, attemptTimeoutMs } = dialling;
  const line = new AbortController();
  const hangUp = (): void => line.abort(new MillraceError('CONNECTION_CLOSED', `connection to ${target.where} is closed`));
  const text = `no answer from ${endpoint.host}:${endpoint.port} of ${target.where} within ${attemptTimeoutMs} ms`;
  const timer = setTimeout(() => line.abort(new MillraceError('CONNECTION_FAILED', text)), attemptTimeoutMs);
  stop.addEventListener('abort', hangUp, { once: true });
  try {
    return sessionOn(await unlessAborted(dial(dialling, endpoint, line.signal), line.signal), endpoint, line);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', hangUp);
  }
}

async function dial(dialling: Dialling, endpoint: Endpoint, signal: AbortSignal): Promise<Amqp.ChannelModel> {
  const password = await dialling.target.password();
  try {
    return await dialWith(dialling, endpoint, password, signal);
  } catch (error) {
    if (!isMillraceError(error, 'CONNECTION_REFUSED_CREDENTIALS')) throw error;
    const fresh = await dialling.target.password(true);
    if (fresh === password) throw error;
    return dialWith(dialling, endpoint, fresh, signal);
  }
}

async function dialWith(
  { amqp, handle, target, settings }: Dialling,
  { host, port }: Endpoint,
  password: string,
  signal: AbortSignal,
): Promise<Amqp.ChannelModel> {
  const tls = await tlsOptions(handle);
  const { username, vhost } = target;
  const socketOptions = {
    ...tls,
    noDelay: true,
    keepAlive: true,
    keepAliveDelay: 10_000,
    clientProperties: { connection_name: settings.name },
    // Destroys the socket, in every phase: amqplib itself only half-closes one that has gone silent, and its timeout does not cover a peer that trickles.
    signal,
  };
  try {
    return await amqp.connect(
      {
        protocol: tls === undefined ? 'amqp' : 'amqps',
        hostname: host,
        port,
        username,
        password,
        vhost: encodeURIComponent(vhost), // amqplib decodes it, as if it came from an address
        heartbeat: settings.heartbeatSeconds,
        channelMax: settings.channelMax,
        frameMax: settings.frameMax,
      },
      socketOptions,
    );
  } catch (error) {
    throw signal.aborted ? signal.reason : handshakeError(error, target);
  }
}

function sessionOn(model: Amqp.ChannelModel, { host, port }: Endpoint, line: AbortController): Session {
  let open = true;
  let blocked: string | undefined;
  let lastError: Error | undefined;
  let settle: (reason: Error) => void;
  const ended = new Promise<Error>((resolve) => {
    settle = resolve;
  });
  const listeners = new Set<(reason: Error) => void>();
  const end = (reason: Error): void => {
    open = false;
    blocked = undefined;
    settle(reason);
    for (const listener of listeners) listener(reason);
    listeners.clear();
  };
  model.on('error', (error) => {
    lastError = error;
  });
  model.on('close', (error) => {
    end(error ?? lastError ?? new Error('the connection was closed'));
    setTimeout(() => line.abort(), lingerMs).unref();
  });
  model.on('blocked', (reason) => {
    blocked = reason;
  });
  model.on('unblocked', () => {
    blocked = undefined;
  });
  return {
    model,
    endpoint: `${host}:${port}`,
    ended,
    whenEnded(listener) {
      if (open) listeners.add(listener);
      else void ended.then(listener);
      return () => void listeners.delete(listener);
    },
    get isOpen() {
      return open;
    },
    get blocked() {
      return blocked;
    },
    drop(reason) {
      line.abort(reason);
      end(reason);
    },
  };
}
