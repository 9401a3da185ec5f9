import { MillraceError } from '../../contracts/errors.ts';
import { once, settledWithin } from '../once.ts';
import { type ClientSource, connectPart, dropSilentSockets } from './client.ts';
import { clusterCatcher, type InnerCluster } from './cluster.ts';
import { isLasting, kafkaError } from './errors.ts';

/** A request of the protocol, in one version: how it is written, and how the answer to it is read. */
export interface Protocol<Options, Answer> {
  /** The broker may keep the answer until others have done something, and with it all that is asked behind it on the same socket. */
  readonly heldBack?: boolean;
  request(options: Options): unknown;
  decode(bytes: Buffer): Promise<Answer>;
}

/** Asks any broker over one connection that is kept; after a failure the next question goes to another one. */
export interface Asker {
  connect(): Promise<void>;
  /**
   * The answer as the broker gave it: error codes of single topics are part of it.
   *
   * @param limitMs time for the answer, where that is longer than the connection's `requestTimeoutMs`.
   */
  ask<Options, Answer>(protocol: Protocol<Options, Answer>, options: Options, limitMs?: number): Promise<Answer>;
  close(): Promise<void>;
}

/**
 * For questions that kafkajs's admin client fails to answer: all that it does begins with metadata of every topic, and that it takes for an error as soon as
 * a partition of any of them has no leader; just when the answer matters.
 */
export function openAsker(source: ClientSource): Asker {
  let line: Promise<Line> | undefined;
  let open: Line | undefined;
  let closed = false;
  async function opened(opening: Promise<Line>): Promise<Line> {
    open = await opening;
    if (closed) throw closedError(source.where);
    return open;
  }
  async function over<T>(use: (cluster: InnerCluster) => Promise<T>): Promise<T> {
    if (closed) throw closedError(source.where);
    line ??= openLine(source);
    const used = line;
    try {
      const { cluster, connect } = await opened(used);
      await connect();
      return await use(cluster);
    } catch (error) {
      // kafkajs asks a broker that accepts and stays silent again and again, whatever others there are.
      if (line === used && !isLasting(kafkaError(error, source.where))) {
        line = undefined;
        open = undefined;
        used.then(({ abandon }) => abandon()).catch(source.tell);
      }
      throw error;
    }
  }
  return {
    connect: () => over(async () => undefined),
    ask: <Options, Answer>({ request, decode }: Protocol<Options, Answer>, options: Options, limitMs?: number): Promise<Answer> => {
      const response = { decode, parse: async (answer: Answer) => answer };
      const asked = { request: request(options), response, requestTimeout: limitMs ?? null };
      return over(({ brokerPool }) => brokerPool.seedBroker.connectionPool.send<Answer>(asked));
    },
    close: once(async () => {
      closed = true;
      await open?.close();
    }),
  };
}

function closedError(where: string): MillraceError {
  return new MillraceError('CONNECTION_CLOSED', `connection to ${where} is closed`);
}

/** One client for as long as it gets answers. */
interface Line {
  readonly cluster: InnerCluster;
  connect(): Promise<void>;
  /** Gives it up; further clients begin with another broker. */
  abandon(): void;
  close(): Promise<void>;
}

async function openLine(source: ClientSource): Promise<Line> {
  const { connectTimeoutMs, requestTimeoutMs, closeTimeoutMs } = source.settings;
  const client = await source.open();
  const catcher = clusterCatcher(client.kafkajs);
  // A consumer that never joins its group, for the sake of its cluster.
  const consumer = client.kafka.consumer({ groupId: 'millrace-asker', partitionAssigners: [catcher.assigner] });
  const cluster = catcher.cluster();
  dropSilentSockets(consumer, consumer.events.REQUEST_TIMEOUT, client);
  // Half of the time, so that one silent broker leaves some for another.
  const attemptMs = Math.min(requestTimeoutMs, Math.ceil(connectTimeoutMs / 2));
  return {
    cluster,
    connect: () => connectPart(source, client, cluster.connect(), attemptMs),
    abandon() {
      source.avoid(client);
      client.sockets.end();
      // What it could still complain about has been cut on purpose.
      consumer.disconnect().catch(() => undefined);
    },
    async close() {
      await settledWithin(consumer.disconnect().catch(source.tell), closeTimeoutMs);
      client.sockets.end();
    },
  };
}
