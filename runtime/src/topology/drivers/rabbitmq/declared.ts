import { bindingsOn } from '../../../contracts/declared-objects.ts';
import { carriedBy, ownedBy, type Topology } from '../../../contracts/topology.ts';
import type { Properties } from '../../differences.ts';
import type { Declared, Exchange, Queue } from './model.ts';

type QueueDeclaration = Topology['queues'][string];

/** What the topology means on the broker `service`. Prefetch is not part of it: a consumer asks for it. */
export function declaredOn(topology: Topology, service: string): Declared {
  return {
    exchanges: byName(ownedBy(topology.exchanges, service)).map(([name, { type }]) => exchangeOf(name, type)),
    queues: targetsFirst(byName(ownedBy(topology.queues, service))).map(([name, queue]) => queueOf(name, queue)),
    bindings: bindingsOn(topology, service),
  };
}

/** Topics that a later transport carries over this broker. */
export function topicsOn(topology: Topology, service: string): string[] {
  return byName(carriedBy(topology, 'rabbitmq', service)).map(([name]) => name);
}

function byName<T>(entries: readonly [name: string, T][]): [name: string, T][] {
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function exchangeOf(name: string, type: string): Exchange {
  return { name, type, durable: true, autoDelete: false, internal: false, arguments: {} };
}

function queueOf(name: string, queue: QueueDeclaration): Queue {
  return { name, durable: true, autoDelete: false, exclusive: false, arguments: argumentsOf(queue) };
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

/**
 * The queue keeps a dead letter until its dead-letter queue has confirmed it; by default it would let go of it first, and lose it with a node. RabbitMQ does
 * this only with the overflow behaviour `reject-publish`, which refuses nothing here because no length is limited. It costs a process a queue, with up to 32
 * dead letters in memory; after a failure one can arrive twice. Classic queues do not have it.
 *
 * @see https://www.rabbitmq.com/docs/quorum-queues#activating-at-least-once-dead-lettering
 */
const confirmedDeadLetters: Properties = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' };

/** Each queue after the one that takes its dead letters, so that none is ever without. */
function targetsFirst(queues: [string, QueueDeclaration][]): [string, QueueDeclaration][] {
  const all = new Map(queues);
  const depth = (name: string, seen: readonly string[] = []): number => {
    const target = all.get(name)?.deadLetterQueue;
    return target === undefined || seen.includes(target) ? 0 : 1 + depth(target, [...seen, name]);
  };
  return queues.toSorted(([a], [b]) => depth(a) - depth(b));
}
