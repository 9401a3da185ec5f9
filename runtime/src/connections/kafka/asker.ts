import { settledWithin } from '../once.ts';
import { type ClientSource, dropSilentSockets } from './client.ts';
import { clusterCatcher } from './cluster.ts';

/** A request of the protocol, in one version: how it is written, and how the answer to it is read. */
export interface Protocol<Options, Answer> {
  request(options: Options): unknown;
  decode(bytes: Buffer): Promise<Answer>;
}

/** Asks any broker over one connection that is kept. */
export interface Asker {
  connect(): Promise<void>;
  /** The answer as the broker gave it: error codes of single topics are part of it. */
  ask<Options, Answer>(protocol: Protocol<Options, Answer>, options: Options): Promise<Answer>;
  close(): Promise<void>;
}

/**
 * For questions that kafkajs's admin client fails to answer: all that it does begins with metadata of every topic, and that it takes for an error as soon as
 * a partition of any of them has no leader; just when the answer matters.
 */
export async function openAsker(source: ClientSource): Promise<Asker> {
  const client = await source.open();
  const catcher = clusterCatcher(client.kafkajs);
  // A consumer that never joins its group, for the sake of its cluster.
  const consumer = client.kafka.consumer({ groupId: 'millrace-asker', partitionAssigners: [catcher.assigner] });
  const cluster = catcher.cluster();
  dropSilentSockets(consumer, consumer.events.REQUEST_TIMEOUT, client);
  return {
    connect: () => cluster.connect(),
    async ask<Options, Answer>({ request, decode }: Protocol<Options, Answer>, options: Options): Promise<Answer> {
      await cluster.connect();
      const response = { decode, parse: async (answer: Answer) => answer };
      return cluster.brokerPool.seedBroker.connectionPool.send<Answer>({ request: request(options), response });
    },
    async close() {
      await settledWithin(consumer.disconnect().catch(source.tell), source.settings.closeTimeoutMs);
      client.sockets.end();
    },
  };
}
