import { longestTopicOnRabbit } from '../../runtime/src/contracts/rabbit-names.ts';
import { topicObjectsOn } from '../../runtime/src/contracts/rabbit-objects.ts';
import { carriedBy, ownedBy, routeOver, type Topic } from '../../runtime/src/contracts/topology.ts';
import type { Check, Draft } from './draft.ts';
import { problemIf } from './references.ts';

const topicsOnRabbit = (draft: Draft): { service: string; name: string; topic: Topic }[] =>
  draft
    .names('services')
    .flatMap((service) => carriedBy(draft.topology, 'rabbitmq', service).map(([name, topic]) => ({ service, name, topic })));

const keysAreNotBlocked: Check = (draft) =>
  topicsOnRabbit(draft).flatMap(({ service, name, topic }) =>
    problemIf(
      topic.onExhausted === 'block' && routeOver(topic, 'rabbitmq', service)?.phase === 'live',
      `topology.topics.${name}.onExhausted`,
      'must be skip while RabbitMQ is the live transport, got block: it cannot hold back the later events of one key; or make another transport live',
    ),
  );

const topicsHaveRoomInKeys: Check = (draft) =>
  topicsOnRabbit(draft).flatMap(({ name }) =>
    problemIf(
      name.length > longestTopicOnRabbit,
      `topology.topics.${name}`,
      `must have a name of at most ${longestTopicOnRabbit} characters on RabbitMQ, got ${name.length}: queues and routing keys have it with group, tenant and delay in 255 bytes`,
    ),
  );

/** Of what is made for topics and delays, with what is declared by name. */
const objectsHaveNamesOfTheirOwn: Check = (draft) =>
  draft.names('services').flatMap((service) => {
    const { queues, exchanges } = topicObjectsOn(draft.topology, service);
    const declared = { queue: ownedBy(draft.topology.queues, service), exchange: ownedBy(draft.topology.exchanges, service) };
    const taken = (kind: 'queue' | 'exchange', made: readonly { readonly name: string }[]) => {
      const names = [...declared[kind].map(([name]) => name), ...made.map(({ name }) => name)];
      return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))].map((name) => ({
        path: draft.topology.topics[name] === undefined ? 'topology.topics' : `topology.topics.${name}`,
        message: `must not need ${kind} ${name} twice on ${service}: topics make an exchange TOPIC and queues TOPIC.GROUP.SHARD and TOPIC.dead.GROUP; choose another name`,
      }));
    };
    return [...taken('queue', queues), ...taken('exchange', exchanges)];
  });

/** Rules about topics on RabbitMQ. */
export const rabbitTopicChecks: readonly Check[] = [keysAreNotBlocked, topicsHaveRoomInKeys, objectsHaveNamesOfTheirOwn];
