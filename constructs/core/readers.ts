import { carriedBy, routeOver, type Topic, type Topology, type TransportKind } from '../../runtime/src/contracts/topology.ts';

/** A group, and a topic that it reads. */
export interface Reader {
  readonly topic: string;
  readonly group: string;
}

/**
 * Every group with each topic that it reads over a service: groups stay on the live route of a topic, so a mirror has none.
 *
 * @param wanted which topics are meant. @default all
 */
export function readersOver(
  topology: Pick<Topology, 'topics'>,
  kind: TransportKind,
  service: string,
  wanted: (topic: Topic) => boolean = () => true,
): Reader[] {
  return carriedBy(topology, kind, service)
    .filter(([, topic]) => routeOver(topic, kind, service)?.phase === 'live' && wanted(topic))
    .flatMap(([name, { consumers }]) => consumers.map(({ group }) => ({ topic: name, group })));
}
