import type { ServiceHandle } from '../../binding/index.ts';
import { connectKafka, type KafkaConnection, type KafkaMetadata } from '../../connections/kafka/index.ts';
import { MillraceError } from '../../contracts/errors.ts';

export type BrokerAddress = KafkaMetadata['brokers'][number];

/**
 * One connection to the cluster and one to each broker that has to be asked itself, kept.
 *
 * kafkajs's admin client would do it with one, but cannot tell anything while any partition that it once asked for has no leader, nor after its topic was
 * deleted; and it asks for the offsets of each topic by itself.
 */
export interface Brokers extends AsyncDisposable {
  /** To whichever broker answers. @throws {MillraceError} as `connectKafka` */
  any(): Promise<KafkaConnection>;
  /** To this one. @throws {MillraceError} as `connectKafka`; CONNECTION_FAILED when it is not one of those kept */
  node(id: number): Promise<KafkaConnection>;
  /** Those that are there now; connections to others are closed. */
  keepOnly(living: readonly BrokerAddress[]): Promise<void>;
}

/** Shorter than for services: the look as a whole has a limit. */
const limits = { name: 'millrace probe', connectTimeoutMs: 3_000, requestTimeoutMs: 3_000, closeTimeoutMs: 1_000 } as const;

export function openBrokers(service: ServiceHandle): Brokers {
  const opened = new Map<string, Promise<KafkaConnection>>();
  let living: ReadonlyMap<number, BrokerAddress> = new Map();
  const kept = (key: string, handle: ServiceHandle): Promise<KafkaConnection> => {
    const opening = opened.get(key) ?? connectKafka(handle, limits);
    opened.set(key, opening);
    return opening.catch((error: unknown) => {
      if (opened.get(key) === opening) opened.delete(key);
      throw error;
    });
  };
  const any = (): Promise<KafkaConnection> => kept('any', service);
  return {
    any,
    async node(id) {
      const broker = living.get(id);
      if (broker === undefined) {
        throw new MillraceError('CONNECTION_FAILED', `kafka service ${service.name} has no broker ${id} now`);
      }
      return living.size === 1 ? any() : kept(addressOf(broker), onlyAt(service, broker));
    },
    async keepOnly(brokers) {
      living = new Map(brokers.map((broker) => [broker.nodeId, broker]));
      const wanted = new Set(['any', ...brokers.map(addressOf)]);
      const gone = [...opened].filter(([key]) => !wanted.has(key));
      for (const [key] of gone) opened.delete(key);
      await closeAll(gone.map(([, opening]) => opening));
    },
    async [Symbol.asyncDispose]() {
      const all = [...opened.values()];
      opened.clear();
      await closeAll(all);
    },
  };
}

function addressOf({ host, port }: BrokerAddress): string {
  return `${host}:${port}`;
}

/** The cluster as if it had this broker only: the address is of the listener that was asked, so it proves who you are in the same way. */
function onlyAt(handle: ServiceHandle, { host, port }: BrokerAddress): ServiceHandle {
  return { ...handle, service: { ...handle.service, endpoints: [{ purpose: 'bootstrap', host, port }] } };
}

async function closeAll(opening: readonly Promise<KafkaConnection>[]): Promise<void> {
  // One that could not be opened was told to who asked for it.
  const opened = (await Promise.allSettled(opening)).flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  await Promise.all(opened.map((connection) => connection.close()));
}
