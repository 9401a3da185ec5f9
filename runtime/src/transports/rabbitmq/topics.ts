import { MillraceError } from '../../contracts/errors.ts';
import type { MillraceEvent } from '../../contracts/event.ts';
import { routeOver, type Topic, type Topology } from '../../contracts/topology.ts';
import { shardOf } from '../../hash.ts';

/** A topic as this service carries it. */
export interface Routed {
  readonly name: string;
  readonly topic: Topic;
  /** Consumers listen here, not on another transport. */
  readonly live: boolean;
}

/** Looks up topics. @throws {MillraceError} TOPIC_UNKNOWN when the topology does not route a topic to the service. */
export type Router = (topic: string) => Routed;

export function createRouter(topology: Topology, service: string): Router {
  return (name) => {
    const topic = Object.hasOwn(topology.topics, name) ? topology.topics[name] : undefined;
    if (topic === undefined) {
      throw new MillraceError('TOPIC_UNKNOWN', `topic ${name} is not in the topology; declare it and apply the topology`);
    }
    const route = routeOver(topic, 'rabbitmq', service);
    if (route === undefined) {
      throw new MillraceError('TOPIC_UNKNOWN', `topic ${name} has no route rabbitmq@${service}; add one to its transports`);
    }
    return { name, topic, live: route.phase === 'live' };
  };
}

/** The shard of an event: by its key, or by its id where it has none. */
export function shardOfEvent({ partitionkey, id }: MillraceEvent, { shards }: Topic): number {
  return shardOf(partitionkey ?? id, shards);
}
