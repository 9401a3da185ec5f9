import { bindingsOn } from '../../../contracts/declared-objects.ts';
import { confirmedDeadLetters, topicObjectsOn } from '../../../contracts/rabbit-objects.ts';
import { carriedBy, ownedBy, routeOver, type Topology } from '../../../contracts/topology.ts';
import type { Properties } from '../../differences.ts';
import type { Declared, Exchange, Queue } from './model.ts';

type QueueDeclaration = Topology['queues'][string];

/** What the topology means on the broker `service`. Prefetch is not part of it: a consumer asks for it. */
export function declaredOn(topology: Topology, service: string): Declared {
  const forTopics = topicObjectsOn(topology, service);
  return {
    exchanges: [
      ...forTopics.exchanges.map((exchange) => ({ ...permanent, internal: false, ...exchange })),
      ...byName(ownedBy(topology.exchanges, service)).map(([name, { type }]) => exchangeOf(name, type)),
    ],
    queues: [
      ...forTopics.queues.map((queue) => ({ ...permanent, exclusive: false, ...queue })),
      ...targetsFirst(byName(ownedBy(topology.queues, service))).map(([name, queue]) => queueOf(name, queue)),
    ],
    bindings: [...forTopics.bindings, ...bindingsOn(topology, service)],
    tenantTopics: carriedBy(topology, 'rabbitmq', service).flatMap(([name, { isolation }]) => (isolation === 'tenant' ? [name] : [])),
  };
}

/** Topics that are published here and consumed elsewhere. */
export function mirrorsOn(topology: Topology, service: string): string[] {
  const carried = byName(carriedBy(topology, 'rabbitmq', service));
  return carried
    .filter(([, topic]) => routeOver(topic, 'rabbitmq', service)?.phase === 'mirror' && topic.consumers.length > 0)
    .map(([name]) => name);
}

const permanent = { durable: true, autoDelete: false };

function byName<T>(entries: readonly [name: string, T][]): [name: string, T][] {
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function exchangeOf(name: string, type: string): Exchange {
  return { name, type, ...permanent, internal: false, arguments: {} };
}

function queueOf(name: string, queue: QueueDeclaration): Queue {
  return { name, ...permanent, exclusive: false, arguments: argumentsOf(queue) };
}

/** A classic queue counts no deliveries, there the consumer does; a quorum queue knows no `x-max-priority`. */
function argumentsOf({ type, ttlSeconds, maxRetries, maxPriority, deadLetterQueue }: QueueDeclaration): Properties {
  return {
    'x-queue-type': type,
    ...(ttlSeconds !== undefined && { 'x-message-ttl': ttlSeconds * 1_000 }),
    ...(maxRetries !== undefined && type === 'quorum' && { 'x-delivery-limit': maxRetries }),
    ...(maxPriority !== undefined && type === 'classic' && { 'x-max-priority': maxPriority }),
    ...(deadLetterQueue !== undefined && {
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': deadLetterQueue,
      ...(type === 'quorum' && confirmedDeadLetters),
    }),
  };
}

/** Each queue after the one that takes its dead letters, so that none is ever without. */
function targetsFirst(queues: [string, QueueDeclaration][]): [string, QueueDeclaration][] {
  const all = new Map(queues);
  const depth = (name: string, seen: readonly string[] = []): number => {
    const target = all.get(name)?.deadLetterQueue;
    return target === undefined || seen.includes(target) ? 0 : 1 + depth(target, [...seen, name]);
  };
  return queues.toSorted(([a], [b]) => depth(a) - depth(b));
}
