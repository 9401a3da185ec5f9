import type * as Kafkajs from 'kafkajs';
import type { ServiceHandle } from '../../binding/index.ts';
import { tlsOptions } from '../tls.ts';
import { kafkaError } from './errors.ts';
import { type KafkajsModule, loadKafkajs } from './kafkajs.ts';
import { saslMechanism } from './sasl.ts';
import { bootstrapBrokers, type ResolvedKafkaOptions } from './settings.ts';
import { type SocketPool, socketPool } from './sockets.ts';

/** One client of kafkajs with sockets of its own, so that it can be dropped without the others. */
export interface KafkaClient {
  readonly kafka: Kafkajs.Kafka;
  readonly kafkajs: KafkajsModule;
  readonly sockets: SocketPool;
}

/** Makes further clients of the same service; certificates and secrets are read anew for each. */
export interface ClientSource {
  readonly where: string;
  readonly settings: ResolvedKafkaOptions;
  open(): Promise<KafkaClient>;
  /** Tells `onError`, with the error in Millrace's terms. */
  tell(error: unknown): void;
  /** What was told last. */
  lastError(): Error | undefined;
}

/** Few and short: whoever calls has a retry of its own, and a client that retries for long holds on to brokers that are gone. */
export const retryBehaviour = { retries: 4, initialRetryTime: 50, maxRetryTime: 400, factor: 0.2, multiplier: 2 } as const;

export function clientSource(handle: ServiceHandle, settings: ResolvedKafkaOptions): ClientSource {
  const brokers = bootstrapBrokers(handle);
  const where = `kafka service ${handle.name} (${brokers.join(', ')})`;
  let last: Error | undefined;
  const tell = (error: unknown): void => {
    last = kafkaError(error, where);
    settings.onError?.(last);
  };
  return {
    where,
    settings,
    tell,
    lastError: () => last,
    async open() {
      const kafkajs = await loadKafkajs();
      const [tls, sasl] = await Promise.all([tlsOptions(handle), saslMechanism(kafkajs, handle, settings)]);
      const sockets = socketPool(tell);
      const kafka = new kafkajs.Kafka({
        brokers,
        clientId: settings.name,
        connectionTimeout: Math.ceil(settings.connectTimeoutMs / 2),
        authenticationTimeout: settings.requestTimeoutMs,
        requestTimeout: settings.requestTimeoutMs,
        retry: retryBehaviour,
        socketFactory: sockets.factory,
        // Everything that its log tells arrives as an error of a call, a socket or a consumer as well, with a code.
        logCreator: () => () => undefined,
        ...(tls && { ssl: { ...tls } }),
        ...(sasl && { sasl }),
      });
      return { kafka, kafkajs, sockets };
    },
  };
}

/** Has a request that got no answer close its socket: kafkajs keeps it and sends the next request into the same silence. */
export function dropSilentSockets(
  part: { on(event: never, listener: (event: Kafkajs.RequestTimeoutEvent) => void): unknown },
  event: string,
  { sockets }: KafkaClient,
): void {
  part.on(event as never, ({ payload }) => sockets.drop(payload.broker));
}
