import { carriedBy, deadLetterTopic, routeOver, type Topic, type Topology } from '../../contracts/topology.ts';

/** A topic that is looked at, and where its groups put what they give up. */
export interface WatchedTopic {
  readonly name: string;
  readonly dead: readonly { readonly group: string; readonly topic: string }[];
}

export function watchedTopics(topology: Topology, service: string): WatchedTopic[] {
  return carriedBy(topology, 'kafka', service).map(([name, topic]) => ({
    name,
    dead: topic.deadLetter ? groupsOf(topic, service).map((group) => ({ group, topic: deadLetterTopic(name, group) })) : [],
  }));
}

/** A consumer group, and the topics that it is declared to consume. */
export interface DeclaredGroup {
  readonly group: string;
  readonly topics: readonly string[];
}

export function declaredGroups(topology: Topology, service: string): DeclaredGroup[] {
  const topicsOf = new Map<string, string[]>();
  for (const [name, topic] of carriedBy(topology, 'kafka', service)) {
    for (const group of groupsOf(topic, service)) topicsOf.set(group, [...(topicsOf.get(group) ?? []), name]);
  }
  return [...topicsOf].map(([group, topics]) => ({ group, topics }));
}

/** Nobody consumes a mirror, nor gives anything up there: consumers stay on the live transport. */
function groupsOf(topic: Topic, service: string): string[] {
  return routeOver(topic, 'kafka', service)?.phase === 'live' ? topic.consumers.map(({ group }) => group) : [];
}
