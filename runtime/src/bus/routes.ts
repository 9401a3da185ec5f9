import { MillraceError } from '../contracts/errors.ts';
import type { Topic, Topology } from '../contracts/topology.ts';

type Route = Topic['transports'][number];

/**
 * The declared topic `name`.
 *
 * @throws {MillraceError} TOPIC_UNKNOWN with the right names.
 */
export function declaredTopic({ topics }: Topology, name: string): Topic {
  const topic = Object.hasOwn(topics, name) ? topics[name] : undefined;
  if (topic !== undefined) return topic;
  throw new MillraceError('TOPIC_UNKNOWN', `topic ${name} is not in the topology; declared are ${Object.keys(topics).join(', ')}`);
}

/** The route that consumers of a topic listen on. @throws {MillraceError} TOPIC_UNKNOWN */
export function liveRoute(topology: Topology, name: string): { topic: Topic; route: Route } {
  const topic = declaredTopic(topology, name);
  // An environment is refused that has not exactly one.
  const route = topic.transports.find(({ phase }) => phase === 'live');
  if (route === undefined) throw new MillraceError('TOPIC_UNKNOWN', `topic ${name} has no transport in the phase live; declare one`);
  return { topic, route };
}

/** Topics that travel over more than one route, with the live one first. */
export function mirroredTopics({ topics }: Topology): { name: string; live: Route; mirrors: readonly Route[] }[] {
  return Object.entries(topics).flatMap(([name, { transports }]) => {
    const live = transports.find(({ phase }) => phase === 'live');
    const mirrors = transports.filter(({ phase }) => phase === 'mirror');
    return live === undefined || mirrors.length === 0 ? [] : [{ name, live, mirrors }];
  });
}
