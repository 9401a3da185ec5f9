import { refusal, withServices, withTopology } from './declaration.ts';

test('exchanges of each type are bound in their way', () => {
  const exchanges = { a: 'direct', b: 'topic', c: 'fanout', d: 'headers' } as const;
  const declared = Object.entries(exchanges).map(([name, type]) => [name, { service: 'tasks', type }] as const);
  const bindings = [
    { exchange: 'a', queue: 'emails', routingKey: 'emails' },
    { exchange: 'b', queue: 'emails', routingKey: 'orders.#' },
    { exchange: 'c', queue: 'emails' },
    { exchange: 'd', queue: 'emails', headers: { kind: 'invoice' }, match: 'any' as const },
  ];
  expect(refusal(withTopology({ queues: { emails: { service: 'tasks' } }, exchanges: Object.fromEntries(declared), bindings }))).toEqual(
    [],
  );
});

describe('queues and exchanges: fails if', () => {
  const queues = { emails: { service: 'tasks' } };
  const exchanges = {
    orders: { service: 'tasks', type: 'topic' },
    all: { service: 'tasks', type: 'fanout' },
    tagged: { service: 'tasks', type: 'headers' },
  } as const;
  const bound = (binding: {
    exchange: string;
    queue: string;
    routingKey?: string;
    headers?: Record<string, string>;
    match?: 'all' | 'any';
  }) => withTopology({ queues, exchanges, bindings: [binding] });
  test.each<[string, unknown, string[]]>([
    [
      'a queue lies on another kind of server',
      withTopology({ queues: { emails: { service: 'log' } } }),
      ['topology.queues.emails.service: must name a service of kind rabbitmq for a queue, got "log" of kind kafka; choose tasks'],
    ],
    [
      'an exchange lies on no declared server',
      withTopology({ exchanges: { all: { service: 'tusks', type: 'fanout' } } }),
      ['topology.exchanges.all.service: no service is named "tusks", did you mean tasks?'],
    ],
    [
      'a dead-letter queue is not declared',
      withTopology({ queues: { emails: { service: 'tasks', deadLetterQueue: 'dlq' } } }),
      ['topology.queues.emails.deadLetterQueue: no queue is named "dlq", declared are emails'],
    ],
    [
      'retries are limited and nothing takes the rest',
      withTopology({ queues: { emails: { service: 'tasks', maxRetries: 3 } } }),
      ['topology.queues.emails.deadLetterQueue: is required where maxRetries is set: a message would be dropped after 3 retries'],
    ],
    [
      'dead letters go round',
      withTopology({ queues: { a: { service: 'tasks', deadLetterQueue: 'b' }, b: { service: 'tasks', deadLetterQueue: 'a' } } }),
      [
        'topology.queues.a.deadLetterQueue: must not lead back to the queue itself, got a -> b -> a: messages would go round for ever',
        'topology.queues.b.deadLetterQueue: must not lead back to the queue itself, got b -> a -> b: messages would go round for ever',
      ],
    ],
    [
      'dead letters lie on another broker',
      {
        ...withServices({ other: { kind: 'rabbitmq', role: 'jobs' } }),
        topology: { queues: { emails: { service: 'tasks', deadLetterQueue: 'dlq' }, dlq: { service: 'other' } } },
      },
      ['topology.queues.emails.deadLetterQueue: must lie on the same service "tasks", got a queue of "other"'],
    ],
    [
      'a quorum queue has priorities',
      withTopology({ queues: { emails: { service: 'tasks', maxPriority: 5 } } }),
      [
        'topology.queues.emails.maxPriority: must be left out of a quorum queue, got 5: the broker refuses the argument; set type to classic, or use one queue per priority',
      ],
    ],
    [
      'a binding names no declared exchange',
      bound({ exchange: 'order', queue: 'emails', routingKey: '#' }),
      ['topology.bindings.0.exchange: no exchange is named "order", did you mean orders?'],
    ],
    [
      'a binding names no declared queue',
      bound({ exchange: 'all', queue: 'email' }),
      ['topology.bindings.0.queue: no queue is named "email", did you mean emails?'],
    ],
    [
      'a binding crosses brokers',
      {
        ...withServices({ other: { kind: 'rabbitmq', role: 'jobs' } }),
        topology: { queues: { emails: { service: 'other' } }, exchanges, bindings: [{ exchange: 'all', queue: 'emails' }] },
      },
      ['topology.bindings.0.queue: must lie on the service of its exchange, "tasks", got a queue of "other"'],
    ],
    [
      'headers are matched on another type of exchange',
      bound({ exchange: 'all', queue: 'emails', headers: { kind: 'a' } }),
      [
        'topology.bindings.0.headers: must be left out, because the exchange is of type fanout; use routingKey, or make the exchange a headers exchange',
      ],
    ],
    [
      'a headers exchange is bound without headers',
      bound({ exchange: 'tagged', queue: 'emails' }),
      ['topology.bindings.0.headers: is required for an exchange of type headers'],
    ],
    [
      'headers are to be matched that are not there',
      bound({ exchange: 'all', queue: 'emails', match: 'any' }),
      ['topology.bindings.0.match: must be left out where there are no headers to match, got any'],
    ],
    [
      'a key is given to an exchange that does not look at it',
      bound({ exchange: 'all', queue: 'emails', routingKey: 'orders.#' }),
      ['topology.bindings.0.routingKey: must be left out, got "orders.#": an exchange of type fanout does not look at it'],
    ],
    [
      'a topic exchange is bound without a key',
      bound({ exchange: 'orders', queue: 'emails' }),
      ['topology.bindings.0.routingKey: is required for an exchange of type topic: an empty key matches next to nothing'],
    ],
    [
      'a binding is there twice',
      withTopology({
        queues,
        exchanges,
        bindings: [
          { exchange: 'all', queue: 'emails' },
          { exchange: 'all', queue: 'emails' },
        ],
      }),
      ['topology.bindings: must hold each binding once, got {"exchange":"all","queue":"emails","routingKey":""} twice'],
    ],
  ])('%s', (_, input, expected) => expect(refusal(input)).toEqual(expected));
});

describe('indices: fails if', () => {
  const snapshots = { daily: { service: 'search', repository: 'archive', everyHours: 24, keepDays: 30 } };
  test.each<[string, unknown, string[]]>([
    [
      'an index lies on another kind of server',
      withTopology({ indices: { logs: { service: 'events' } } }),
      [
        'topology.indices.logs.service: must name a service of kind opensearch for an index, got "events" of kind redis-sentinel; choose search',
      ],
    ],
    [
      'its lifecycle is not declared',
      withTopology({ indices: { logs: { service: 'search', lifecycle: 'year' } } }),
      ['topology.indices.logs.lifecycle: no lifecycle is named "year", none is declared'],
    ],
    [
      'a phase begins before the one before it',
      withTopology({ lifecycles: { year: { hotDays: 7, warmDays: 7, deleteDays: 365 } } }),
      ['topology.lifecycles.year.warmDays: must be more than the 7 of hotDays, got 7'],
    ],
    [
      'snapshots are rarer than they are kept',
      withTopology({ snapshots: { daily: { ...snapshots.daily, everyHours: 721 } } }),
      [
        'topology.snapshots.daily.everyHours: must be at most the 720 hours of keepDays, got 721: there would be times without any snapshot',
      ],
    ],
    [
      'an index is written to for longer than it is hot',
      withTopology({ lifecycles: { year: { rolloverDays: 30, hotDays: 7, deleteDays: 365 } } }),
      [
        'topology.lifecycles.year.rolloverDays: must be at most the 7 of hotDays, got 30: an index would be written to for longer than it then stays hot',
      ],
    ],
    [
      'documents come every day and none is ever deleted',
      withTopology({ indices: { logs: { service: 'search', volume: { eventsPerDay: 1 } } } }),
      [
        'topology.indices.logs.volume: must be left out of an index without a lifecycle: nothing deletes its documents, so no disk is large enough; or name a lifecycle',
      ],
    ],
    [
      'snapshots of one service lie in two repositories',
      withTopology({ snapshots: { ...snapshots, weekly: { ...snapshots.daily, repository: 'weekly' } } }),
      ['topology.snapshots.weekly.repository: must be "archive" as for daily, got "weekly": a service has one repository'],
    ],
    [
      'a role names what does not exist, and nobody',
      withTopology({
        indices: { logs: { service: 'search' } },
        searchRoles: { readers: { service: 'events', indices: ['log'], access: 'read' } },
      }),
      [
        'topology.searchRoles.readers.service: must name a service of kind opensearch for a role of OpenSearch, got "events" of kind redis-sentinel; choose search',
        'topology.searchRoles.readers.indices.0: no index is named "log", did you mean logs?',
        'topology.searchRoles.readers: must name somebody in backendRoles or users: nobody would have the role',
      ],
    ],
    [
      'a role has an index of another service',
      {
        ...withServices({ other: { kind: 'opensearch', role: 'search' } }),
        topology: {
          indices: { logs: { service: 'other' } },
          searchRoles: { readers: { service: 'search', indices: ['logs'], access: 'read', users: ['anna'] } },
        },
      },
      ['topology.searchRoles.readers.indices.0: must lie on the service of the role, "search", got an index of "other"'],
    ],
    [
      'a role on AWS is for something else than a role of IAM',
      withTopology({
        indices: { logs: { service: 'search' } },
        searchRoles: {
          readers: {
            service: 'search',
            indices: ['logs'],
            access: 'read',
            backendRoles: ['arn:aws:iam::123456789012:role/trial-*', 'readers'],
          },
        },
      }),
      [
        'topology.searchRoles.readers.backendRoles.1: must be the ARN of an IAM role on aws, arn:aws:iam::123456789012:role/orders or with a * for any text after role/, got "readers"',
      ],
    ],
    [
      'it is to be archived and there is no place for it',
      withTopology({ lifecycles: { year: { hotDays: 7, deleteDays: 365 } }, indices: { logs: { service: 'search', lifecycle: 'year' } } }),
      [
        'topology.indices.logs.lifecycle: archives before it deletes, but no snapshots are declared for the service "search"; declare some in topology.snapshots, or set archive to false',
      ],
    ],
  ])('%s', (_, input, expected) => expect(refusal(input)).toEqual(expected));
});
