import type { Check, Draft } from './draft.ts';
import { problemIf, repeated, serviceOfKind, unknownName } from './references.ts';

const queues = (draft: Draft) =>
  Object.entries(draft.topology.queues).map(([name, queue]) => ({ name, path: `topology.queues.${name}`, queue }));

const brokersAreRabbitmq: Check = (draft) => [
  ...queues(draft).flatMap(({ path, queue }) => serviceOfKind(draft, `${path}.service`, queue.service, 'a queue', ['rabbitmq'])),
  ...Object.entries(draft.topology.exchanges).flatMap(([name, { service }]) =>
    serviceOfKind(draft, `topology.exchanges.${name}.service`, service, 'an exchange', ['rabbitmq']),
  ),
];

const deadLettersHaveAQueue: Check = (draft) =>
  queues(draft).flatMap(({ path, queue: { deadLetterQueue, maxRetries, service } }) => {
    if (deadLetterQueue === undefined) {
      return problemIf(
        maxRetries !== undefined,
        `${path}.deadLetterQueue`,
        `is required where maxRetries is set: a message would be dropped after ${maxRetries} retries`,
      );
    }
    const target = draft.topology.queues[deadLetterQueue];
    return [
      ...unknownName(`${path}.deadLetterQueue`, 'queue', deadLetterQueue, draft.names('topology.queues')),
      ...problemIf(
        target !== undefined && target.service !== service,
        `${path}.deadLetterQueue`,
        `must lie on the same service ${JSON.stringify(service)}, got a queue of ${JSON.stringify(target?.service)}`,
      ),
    ];
  });

const deadLettersComeToRest: Check = (draft) =>
  queues(draft).flatMap(({ name, path }) => {
    const seen: string[] = [];
    let at: string | undefined = name;
    while (at !== undefined && !seen.includes(at)) {
      seen.push(at);
      at = draft.topology.queues[at]?.deadLetterQueue;
    }
    return problemIf(
      at === name,
      `${path}.deadLetterQueue`,
      `must not lead back to the queue itself, got ${[...seen, at].join(' -> ')}: messages would go round for ever`,
    );
  });

const prioritiesNeedClassicQueues: Check = (draft) =>
  queues(draft).flatMap(({ path, queue }) =>
    problemIf(
      queue.maxPriority !== undefined && queue.type === 'quorum',
      `${path}.maxPriority`,
      `must be left out of a quorum queue, got ${queue.maxPriority}: the broker refuses the argument; set type to classic, or use one queue per priority`,
    ),
  );

const bindingsJoinWhatExists: Check = (draft) =>
  draft.topology.bindings.flatMap(({ exchange, queue }, index) => {
    const path = `topology.bindings.${index}`;
    const from = draft.topology.exchanges[exchange];
    const to = draft.topology.queues[queue];
    return [
      ...unknownName(`${path}.exchange`, 'exchange', exchange, draft.names('topology.exchanges')),
      ...unknownName(`${path}.queue`, 'queue', queue, draft.names('topology.queues')),
      ...problemIf(
        from !== undefined && to !== undefined && from.service !== to.service,
        `${path}.queue`,
        `must lie on the service of its exchange, ${JSON.stringify(from?.service)}, got a queue of ${JSON.stringify(to?.service)}`,
      ),
    ];
  });

const bindingsSuitTheirExchange: Check = (draft) =>
  draft.topology.bindings.flatMap(({ exchange, headers, match, routingKey }, index) => {
    const type = draft.topology.exchanges[exchange]?.type;
    const path = `topology.bindings.${index}`;
    return [
      ...problemIf(
        headers !== undefined && type !== undefined && type !== 'headers',
        `${path}.headers`,
        `must be left out, because the exchange is of type ${type}; use routingKey, or make the exchange a headers exchange`,
      ),
      ...problemIf(type === 'headers' && headers === undefined, `${path}.headers`, 'is required for an exchange of type headers'),
      ...problemIf(
        match !== undefined && headers === undefined,
        `${path}.match`,
        `must be left out where there are no headers to match, got ${match}`,
      ),
      ...problemIf(
        (type === 'headers' || type === 'fanout') && routingKey !== '',
        `${path}.routingKey`,
        `must be left out, got ${JSON.stringify(routingKey)}: an exchange of type ${type} does not look at it`,
      ),
      ...problemIf(
        (type === 'direct' || type === 'topic') && routingKey === '',
        `${path}.routingKey`,
        `is required for an exchange of type ${type}: an empty key matches next to nothing`,
      ),
    ];
  });

const bindingsAreUnique: Check = (draft) =>
  repeated(draft.topology.bindings.map((binding) => JSON.stringify(binding))).map((text) => ({
    path: 'topology.bindings',
    message: `must hold each binding once, got ${text} twice`,
  }));

/** Rules about RabbitMQ's queues, exchanges and bindings. */
export const queueChecks: readonly Check[] = [
  brokersAreRabbitmq,
  deadLettersHaveAQueue,
  deadLettersComeToRest,
  prioritiesNeedClassicQueues,
  bindingsJoinWhatExists,
  bindingsSuitTheirExchange,
  bindingsAreUnique,
];
