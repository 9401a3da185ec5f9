import { minimal, onStreams, refusal, withServices, withTopology } from './declaration.ts';

const onKafka = { transports: [{ kind: 'kafka', service: 'log' }] } as const;
const topics = (...names: string[]) =>
  withTopology({ topics: Object.fromEntries(names.map((name) => [name, { transports: [...onKafka.transports] }])) });
const user = { service: 'events', topics: ['paid'], access: 'consume' } as const;
const withUser = (name: string) => withTopology({ topics: { paid: onStreams }, aclUsers: { [name]: { ...user, topics: ['paid'] } } });
const simple = 'of 1 to 100 lower-case letters, digits and . _ -, the first no sign';

test('names that every system takes are accepted', () => {
  expect(refusal(topics('orders.created', 'orders_updated', 'Orders-3'))).toEqual([]);
  expect(refusal(withUser('emails-2'))).toEqual([]);
});

describe('names: fails if', () => {
  test.each<[string, unknown, string[]]>([
    [
      'two topics differ in . and _ alone',
      topics('orders.created', 'orders_created'),
      [
        'topology.topics.orders_created: must have another name: orders_created differs in . and _ only, which Kafka takes for the same, got topic orders.created',
      ],
    ],
    [
      'a topic is called like dead letters',
      withTopology({
        topics: {
          paid: { transports: [...onKafka.transports], consumers: [{ group: 'emails' }] },
          'paid.dead.emails': { transports: [...onKafka.transports] },
        },
      }),
      ['topology.topics.paid.dead.emails: must have another name: paid.dead.emails is the same, got the dead letters of emails in paid'],
    ],
    [
      'dead letters would be a topic with too long a name',
      withTopology({ topics: { ['t'.repeat(200)]: { transports: [...onKafka.transports], consumers: [{ group: 'g'.repeat(44) }] } } }),
      [
        `topology.topics.${'t'.repeat(200)}.consumers.0.group: must be shorter: the dead letters of ${'g'.repeat(44)} in ${'t'.repeat(200)} would be a topic of 250 characters, Kafka takes 249`,
      ],
    ],
    [
      'a queue and an exchange take names of the broker',
      withTopology({ queues: { 'amq.gen': { service: 'tasks' } }, exchanges: { 'AMQ.direct': { service: 'tasks', type: 'direct' } } }),
      [
        'topology.queues.amq.gen: must not begin with amq., which RabbitMQ keeps for itself, nor with millrace., which delays have, got "amq.gen"',
        'topology.exchanges.AMQ.direct: must not begin with amq., which RabbitMQ keeps for itself, nor with millrace., which delays have, got "AMQ.direct"',
      ],
    ],
    [
      'an index is in upper case',
      withTopology({ indices: { Logs: { service: 'search' } } }),
      ['topology.indices.Logs: must be in lower case, OpenSearch takes no other names of indices, got "Logs"'],
    ],
    [
      'an index is called like those behind an alias',
      withTopology({ indices: { logs: { service: 'search' }, 'logs-01': { service: 'search', dataStream: true } } }),
      ['topology.indices.logs-01: must not begin with logs-0, got "logs-01": so are the indices behind logs called'],
    ],
    [
      'what has a name of its own on OpenSearch is no simple name',
      withTopology({
        indices: { logs: { service: 'search' } },
        lifecycles: { 'a/b': { hotDays: 1, deleteDays: 2, archive: false } },
        snapshots: { 'every day': { service: 'search', repository: 'S3', everyHours: 24, keepDays: 7 } },
        searchRoles: { '*': { service: 'search', indices: ['logs'], access: 'read', users: ['anna'] } },
      }),
      [
        `topology.lifecycles.a/b: must be ${simple}, got "a/b"`,
        `topology.snapshots.every day: must be ${simple}, got "every day"`,
        `topology.searchRoles.*: must be ${simple}, got "*"`,
        `topology.snapshots.every day.repository: must be ${simple}, got "S3"`,
      ],
    ],
    [
      'ElastiCache would refuse the name of a user',
      withUser('e_mails'),
      [
        'topology.aclUsers.e_mails: must be of lower-case words joined by hyphens, the first character a letter, as ElastiCache asks for, got "e_mails"',
      ],
    ],
    [
      'a user is called like one that servers have',
      withUser('default'),
      ['topology.aclUsers.default: must have another name than default, which is the user of whoever gives no name'],
    ],
    [
      'the id of a user is too long for ElastiCache',
      {
        ...withServices({ streams: { kind: 'redis', role: 'events' } }),
        topology: {
          topics: { paid: { transports: [{ kind: 'redis-streams', service: 'streams' }] } },
          aclUsers: { ['u'.repeat(27)]: { ...user, service: 'streams' } },
        },
      },
      [
        `topology.aclUsers.${'u'.repeat(27)}: must have a name of at most 26 characters, got 27: ElastiCache takes 40 for trial-streams-${'u'.repeat(27)}`,
      ],
    ],
  ])('%s', (_, input, expected) => expect(refusal(input)).toEqual(expected));
});

test('the same long name is accepted where the server is no ElastiCache', () => {
  expect(refusal(withUser('u'.repeat(40)))).toEqual([]);
  expect(minimal().services.events!.kind).toBe('redis-sentinel');
});
