import { onStreams, refusal, withTopic, withTopology } from './declaration.ts';

test('on Redis alone a group may have more handlers than there are shards, because a shard has many keys', () => {
  expect(refusal(withTopic({ shards: 1, consumers: [{ group: 'emails', concurrency: 8 }] }))).toEqual([]);
});

test('the declaration that the refusals below start from is accepted', () => expect(refusal(withTopic({}))).toEqual([]));

describe('topics: fails if', () => {
  const to = (service: string, kind: 'redis-streams' | 'kafka' = 'redis-streams') => withTopic({ transports: [{ kind, service }] });
  test.each<[string, unknown, string[]]>([
    [
      'it is routed to a service that is not declared',
      to('event'),
      ['topology.topics.paid.transports.0.service: no service is named "event", did you mean events?'],
    ],
    [
      'it is routed to a server of another kind',
      to('events', 'kafka'),
      [
        'topology.topics.paid.transports.0.service: must name a service of kind kafka for the transport kafka, got "events" of kind redis-sentinel; choose log',
      ],
    ],
    [
      'it is routed to a cache',
      to('cache'),
      [
        'topology.topics.paid.transports.0.service: must not be a cache, got "cache": a cache evicts keys, and a stream is one key; choose a service of role events',
      ],
    ],
    [
      'no transport is live',
      withTopic({ transports: [{ kind: 'kafka', service: 'log', phase: 'mirror' }] }),
      [
        'topology.topics.paid.transports: must have one transport in the phase live, got 0: consumers listen on that one, others are in the phase mirror',
      ],
    ],
    [
      'a transport is named twice',
      withTopic({
        transports: [
          { kind: 'kafka', service: 'log' },
          { kind: 'kafka', service: 'log', phase: 'mirror' },
        ],
      }),
      ['topology.topics.paid.transports: must name each transport once, got kafka on log twice'],
    ],
    [
      'Redis is to keep more than the retention',
      withTopic({ retentionHours: 24, windowHours: 48 }),
      ['topology.topics.paid.windowHours: must be at most the 24 hours of retentionHours, got 48'],
    ],
    [
      'two consumers share a group',
      withTopic({ consumers: [{ group: 'emails' }, { group: 'emails' }] }),
      [
        'topology.topics.paid.consumers: must name each group once, got "emails" twice: two services in one group would take events from each other',
      ],
    ],
    [
      'the first retry comes after the last',
      withTopic({ retry: { initialDelayMs: 2_000, maxDelayMs: 1_000 } }),
      ['topology.topics.paid.retry.initialDelayMs: must be at most the 1000 of maxDelayMs, got 2000'],
    ],
    [
      'tenants are to share shards',
      withTopic({ isolation: 'tenant', shards: 4 }),
      ['topology.topics.paid.shards: must be 1 for the isolation tenant, got 4: each tenant has one stream, and tenants are the lanes'],
    ],
    [
      'an isolated topic is tenantless',
      withTopic({ isolation: 'tenant', tenantless: true }),
      ['topology.topics.paid.tenantless: must be false for the isolation tenant, got true: an event without tenantid would have no stream'],
    ],
    [
      'an exhausted event would be dropped',
      withTopic({ deadLetter: false }),
      [
        'topology.topics.paid.deadLetter: must be true where onExhausted is skip, got false: an event would be lost after its last attempt; or set onExhausted to block',
      ],
    ],
    [
      'a group on Kafka wants more handlers than there are partitions',
      withTopic({
        transports: [
          { kind: 'redis-streams', service: 'events' },
          { kind: 'kafka', service: 'log', phase: 'mirror' },
        ],
        partitions: 3,
        consumers: [{ group: 'emails', concurrency: 4 }],
      }),
      [
        'topology.topics.paid.consumers.0.concurrency: must be at most the 3 partitions on Kafka, got 4 for emails: the others would have nothing to do; or set partitions to 4',
      ],
    ],
    [
      'what the environment keeps of its log is said in the topology',
      withTopology({ retention: { outboxDays: 7, inboxDays: 14 } }),
      [
        'topology.retention: must be left out, got {"outboxDays":7,"inboxDays":14}: declare outboxDays and inboxDays in retention of the environment',
      ],
    ],
    [
      'it has a key that nobody knows',
      withTopic({ retentionDays: 7 } as object),
      ['topology.topics.paid.retentionDays: unknown key, did you mean retentionHours?'],
    ],
    [
      'a consumer names no declared user',
      withTopic({ consumers: [{ group: 'emails', aclUser: 'mailer' }] }),
      ['topology.topics.paid.consumers.0.aclUser: no ACL user is named "mailer", none is declared'],
    ],
    [
      'an ACL user refers to what does not exist',
      withTopology({
        topics: { paid: onStreams },
        aclUsers: { mailer: { service: 'log', topics: ['piad'], groups: ['emails'], access: 'consume' } },
      }),
      [
        'topology.aclUsers.mailer.service: must name a service of kind redis or redis-sentinel for an ACL user, got "log" of kind kafka; choose cache or events',
        'topology.aclUsers.mailer.topics.0: no topic is named "piad", did you mean paid?',
        'topology.aclUsers.mailer.groups.0: no consumer group is named "emails", none is declared',
      ],
    ],
  ])('%s', (_, input, expected) => expect(refusal(input)).toEqual(expected));
});
