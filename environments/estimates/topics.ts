import type { Topic, Topology, TransportKind } from '../../runtime/src/contracts/topology.ts';

/** The topics that travel over `service`, live or as a mirror: either way they are kept there. */
export function carriedBy({ topics }: Pick<Topology, 'topics'>, kind: TransportKind, service: string): [name: string, topic: Topic][] {
  return Object.entries(topics).filter(([, { transports }]) =>
    transports.some((route) => route.kind === kind && route.service === service),
  );
}
