import type { ServiceHandle } from '../binding/index.ts';
import { MillraceError } from '../contracts/errors.ts';
import { type TransportKind, transportKinds } from '../contracts/topology.ts';
import type { Transport } from '../transport.ts';
import type { TransportOptions } from './options.ts';

const kinds: Readonly<Record<string, TransportKind>> = {
  redis: 'redis-streams',
  'redis-sentinel': 'redis-streams',
  kafka: 'kafka',
  rabbitmq: 'rabbitmq',
};

/** The transport that a bound service carries; undefined for one that carries none. */
export function transportKindOf({ service }: ServiceHandle): TransportKind | undefined {
  return kinds[service.kind];
}

/**
 * Opens the transport that leads to a bound service. Its driver is loaded only now, so that a program installs the client libraries it uses.
 *
 * @throws {MillraceError} TRANSPORT_UNKNOWN when the service carries no events, and what the driver throws.
 */
export async function openTransport(options: TransportOptions): Promise<Transport> {
  switch (transportKindOf(options.service)) {
    case 'redis-streams':
      return (await import('./redis-streams/index.ts')).redisStreams(options);
    case 'kafka':
      return (await import('./kafka/index.ts')).kafkaTopics(options);
    case 'rabbitmq':
      return (await import('./rabbitmq/index.ts')).rabbitQueues(options);
    default: {
      const {
        name,
        service: { kind },
      } = options.service;
      throw new MillraceError(
        'TRANSPORT_UNKNOWN',
        `service ${name} is a ${kind}, which carries no events; use one of ${transportKinds.join(', ')}`,
      );
    }
  }
}
