import { MillraceError } from '../../contracts/errors.ts';
import type { MillraceEvent } from '../../contracts/event.ts';
import { tenantShards } from '../../contracts/signals.ts';
import { streamKey, type Topic, type Topology } from '../../contracts/topology.ts';
import { shardOf } from '../../hash.ts';

/** A topic as this service carries it. */
export interface Routed {
  readonly name: string;
  readonly topic: Topic;
  /** Key of the stream of an event; undefined where the topic isolates tenants and the event names none. */
  streamOf(event: MillraceEvent): string | undefined;
  /** Keys of all streams of a shared topic, by shard. Empty for an isolated one, whose tenants are found in the registry. */
  readonly shards: readonly string[];
}

/** Looks up topics once and remembers them. */
export type Router = (topic: string) => Routed;

/** @throws {MillraceError} TOPIC_UNKNOWN, from the router, when the topology does not route a topic to `service`. */
export function createRouter(topology: Topology, service: string): Router {
  const known = new Map<string, Routed>();
  return (name) => {
    const routed = known.get(name) ?? route(topology, service, name);
    known.set(name, routed);
    return routed;
  };
}

function route(topology: Topology, service: string, name: string): Routed {
  const topic = topology.topics[name];
  if (topic === undefined)
    throw new MillraceError('TOPIC_UNKNOWN', `topic ${name} is not in the topology; declare it and apply the topology`);
  if (!topic.transports.some(({ kind, service: carrier }) => kind === 'redis-streams' && carrier === service)) {
    throw new MillraceError('TOPIC_UNKNOWN', `topic ${name} has no route redis-streams@${service}; add one to its transports`);
  }
  if (topic.isolation === 'tenant') {
    return { name, topic, shards: [], streamOf: ({ tenantid }) => (tenantid === undefined ? undefined : streamKey(name, 0, tenantid)) };
  }
  const shards = Array.from({ length: topic.shards }, (_, shard) => streamKey(name, shard));
  return { name, topic, shards, streamOf: (event) => shards[shardOf(partitionKeyOf(event) ?? event.id, shards.length)] };
}

/** The partition key of an event. An empty one is none: an empty field is an absent attribute. */
export function partitionKeyOf({ partitionkey }: MillraceEvent): string | undefined {
  return partitionkey === '' ? undefined : partitionkey;
}

/** The label `shard` of a stream in signals: the streams of tenants have one for all. */
export function shardLabel({ topic, shards }: Routed, stream: string): string {
  return topic.isolation === 'tenant' ? tenantShards : String(shards.indexOf(stream));
}
