import type * as Kafkajs from 'kafkajs';
import type { ServiceHandle } from '../../binding/index.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { tlsOptions } from '../tls.ts';
import { within } from './deadline.ts';
import { kafkaError } from './errors.ts';
import { type KafkajsModule, loadKafkajs } from './kafkajs.ts';
import { saslMechanism, unread } from './sasl.ts';
import { bootstrapBrokers, type ResolvedKafkaOptions } from './settings.ts';
import { type SocketPool, socketPool } from './sockets.ts';

/** One client of kafkajs with sockets of its own, so that it can be dropped without the others. */
export interface KafkaClient {
  readonly kafka: Kafkajs.Kafka;
  readonly kafkajs: KafkajsModule;
  readonly sockets: SocketPool;
  /** Broker that it begins with. */
  readonly seed: string;
}

/** Makes further clients of the same service; certificates and secrets are read anew for each. */
export interface ClientSource {
  readonly where: string;
  readonly settings: ResolvedKafkaOptions;
  /** @param limitMs time to read certificates. @default connectTimeoutMs */
  open(limitMs?: number): Promise<KafkaClient>;
  /** Has further clients begin with another broker than this one. */
  avoid(client: Pick<KafkaClient, 'seed'>): void;
  /** Tells `onError`, with the error in Millrace's terms. */
  tell(error: unknown): void;
  /** What was told last. */
  lastError(): Error | undefined;
  /** Clients that know no other broker than this one, `host:port`. */
  at(broker: string): ClientSource;
}

/** Few and short: whoever calls has a retry of its own, and a client that retries for long holds on to brokers that are gone. */
export const retryBehaviour = { retries: 4, initialRetryTime: 50, maxRetryTime: 400, factor: 0.2, multiplier: 2 } as const;

/** @param from brokers to begin with, `host:port`. @default those of the binding */
export function clientSource(
  handle: ServiceHandle,
  settings: ResolvedKafkaOptions,
  from: readonly string[] = bootstrapBrokers(handle),
): ClientSource {
  // kafkajs begins with the first.
  let brokers = [...from];
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
    at: (broker) => clientSource(handle, settings, [broker]),
    avoid({ seed }) {
      // Several may have met the same one, and the first of them has put it last.
      if (brokers[0] === seed) brokers = [...brokers.slice(1), seed];
    },
    async open(limitMs = settings.connectTimeoutMs) {
      const kafkajs = await loadKafkajs();
      const reading = Promise.all([tlsOptions(handle), saslMechanism(kafkajs, handle, settings)]);
      const [tls, sasl] = await within(reading, limitMs, () => unread(`certificates of ${where}`, limitMs));
      const [seed = ''] = brokers;
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
      return { kafka, kafkajs, sockets, seed };
    },
  };
}

/** Waits until a part of `client` is connected; when it fails, further clients begin with another broker. */
export async function connectPart(
  source: ClientSource,
  client: KafkaClient,
  connecting: Promise<unknown>,
  limitMs = source.settings.connectTimeoutMs,
): Promise<void> {
  const { where } = source;
  const late = () => new MillraceError('CONNECTION_FAILED', `could not connect to ${where} within ${Math.round(limitMs)} ms`);
  try {
    await within(connecting, limitMs, late);
  } catch (error) {
    source.avoid(client);
    throw kafkaError(error, where);
  }
}

/** Has a request that got no answer close its socket: kafkajs keeps it and sends the next request into the same silence. */
export function dropSilentSockets(
  part: { on(event: never, listener: (event: Kafkajs.RequestTimeoutEvent) => void): unknown },
  event: string,
  { sockets }: KafkaClient,
): void {
  part.on(event as never, ({ payload }) => sockets.drop(payload.broker));
}
