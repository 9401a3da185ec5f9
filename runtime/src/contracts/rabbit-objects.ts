import {
  belowLevel,
  type DelayTarget,
  delayLevel,
  delayLevels,
  dueBindingKey,
  dueExchange,
  levelBindingKey,
  strandedName,
} from './rabbit-delays.ts';
import { attemptsQueue, deadLetterQueue, eventBindingKey, groupQueue, shardsOf, tenantGroup } from './rabbit-names.ts';
import { carriedBy, ownedBy, type Topic, type Topology } from './topology.ts';

type Arguments = Readonly<Record<string, unknown>>;

/** A durable quorum queue. */
export interface RabbitQueue {
  readonly name: string;
  readonly arguments: Arguments;
}

/** A durable exchange. */
export interface RabbitExchange {
  readonly name: string;
  readonly type: 'topic' | 'fanout';
  readonly arguments: Arguments;
}

/** A binding as RabbitMQ has it. */
export interface ExchangeBinding {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly routingKey: string;
  readonly arguments: Arguments;
}

export interface RabbitObjects {
  readonly exchanges: readonly RabbitExchange[];
  /** A dead-letter queue stands before those whose dead letters it takes. */
  readonly queues: readonly RabbitQueue[];
  readonly bindings: readonly ExchangeBinding[];
}

/**
 * The queue keeps a dead letter until its dead-letter queue has confirmed it; by default it would let go of it first, and lose it with a node. RabbitMQ does
 * this only with the overflow behaviour `reject-publish`, which refuses nothing here because no length is limited. It costs a process a queue, with up to 32
 * dead letters in memory; after a failure one can arrive twice. Classic queues do not have it.
 *
 * @see https://www.rabbitmq.com/docs/quorum-queues#activating-at-least-once-dead-lettering
 */
export const confirmedDeadLetters: Arguments = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' };

/**
 * The broker's own safety net, far above the attempts of any topic: each end of a process counts as one return for every message that it had in memory, and a
 * message that ends processes is found out by the consumer long before.
 */
const deliveryLimit = 1_000;
/** Of queues that are looked into, which counts as a return: from version 4 on RabbitMQ drops what was returned 20 times. */
const noDeliveryLimit = 1_000_000;

/** What topics need on a RabbitMQ, delays included; and the delays of its other queues. */
export function topicObjectsOn(topology: Topology, service: string): RabbitObjects {
  const topics = carriedBy(topology, 'rabbitmq', service);
  const groups = topics.flatMap(([name, topic]) => topic.consumers.map(({ group }) => groupObjects(name, topic, group)));
  const queues = ownedBy(topology.queues, service).map(([name]) => name);
  const delays = topics.length + queues.length > 0 ? delayObjects() : none;
  return {
    exchanges: [...delays.exchanges, ...topics.map(([name]): RabbitExchange => ({ name, type: 'topic', arguments: {} }))],
    queues: [...delays.queues, ...groups.flatMap((each) => each.queues)],
    bindings: [...delays.bindings, ...queues.map((queue) => dueBinding(queue, { queue })), ...groups.flatMap((each) => each.bindings)],
  };
}

const none: RabbitObjects = { exchanges: [], queues: [], bindings: [] };

/** What a group of a topic needs beside the topic's exchange; of a consumer that is bound to `tenant`, a group of its own. */
export function groupObjects(
  topic: string,
  declared: Pick<Topic, 'shards'>,
  declaredGroup: string,
  tenant?: string,
): Pick<RabbitObjects, 'queues' | 'bindings'> {
  const group = tenant === undefined ? declaredGroup : tenantGroup(declaredGroup, tenant);
  const dead = deadLetterQueue(topic, group);
  const numbers = shardsOf(declared);
  return {
    queues: [
      quorumQueue(dead, { 'x-delivery-limit': noDeliveryLimit }),
      ...numbers.map((shard) => quorumQueue(attemptsQueue(topic, group, shard), { 'x-delivery-limit': noDeliveryLimit })),
      ...numbers.map((shard) => quorumQueue(groupQueue(topic, group, shard), groupArguments(dead))),
    ],
    bindings: numbers.flatMap((shard) => {
      const queue = groupQueue(topic, group, shard);
      const target = tenant === undefined ? { topic, shard } : { topic, shard, tenant };
      return [bindingOf(topic, queue, eventBindingKey(shard, tenant)), dueBinding(queue, target)];
    }),
  };
}

/** One consumer at a time keeps the order; what the broker itself gives up is kept too. */
function groupArguments(dead: string): Arguments {
  return {
    'x-single-active-consumer': true,
    'x-delivery-limit': deliveryLimit,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': dead,
    ...confirmedDeadLetters,
  };
}

function delayObjects(): RabbitObjects {
  const levels = Array.from({ length: delayLevels }, (_, level) => level);
  return {
    exchanges: [
      { name: strandedName, type: 'fanout', arguments: {} },
      { name: dueExchange, type: 'topic', arguments: { 'alternate-exchange': strandedName } },
      ...levels.map((level): RabbitExchange => ({ name: delayLevel(level), type: 'topic', arguments: {} })),
    ],
    queues: [quorumQueue(strandedName, { 'x-delivery-limit': noDeliveryLimit }), ...levels.map(levelQueue)],
    bindings: [
      bindingOf(strandedName, strandedName, ''),
      ...levels.flatMap((level) => [
        bindingOf(delayLevel(level), delayLevel(level), levelBindingKey(level, 1)),
        bindingOf(delayLevel(level), belowLevel(level), levelBindingKey(level, 0), 'exchange'),
      ]),
    ],
  };
}

function levelQueue(level: number): RabbitQueue {
  const waiting = { 'x-message-ttl': 2 ** level * 1_000, 'x-dead-letter-exchange': belowLevel(level) };
  return quorumQueue(delayLevel(level), { ...waiting, ...confirmedDeadLetters });
}

function dueBinding(queue: string, target: DelayTarget): ExchangeBinding {
  return bindingOf(dueExchange, queue, dueBindingKey(target));
}

function quorumQueue(name: string, more: Arguments): RabbitQueue {
  return { name, arguments: { 'x-queue-type': 'quorum', ...more } };
}

function bindingOf(
  source: string,
  destination: string,
  routingKey: string,
  destinationType: ExchangeBinding['destinationType'] = 'queue',
): ExchangeBinding {
  return { source, destination, destinationType, routingKey, arguments: {} };
}
