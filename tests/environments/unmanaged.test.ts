import { onStreams, refusal, withTopology } from './declaration.ts';

const topology = {
  topics: { paid: onStreams, clicks: { transports: [{ kind: 'kafka' as const, service: 'log' }] } },
  queues: { emails: { service: 'tasks' } },
};
const leaving = (...unmanaged: string[]) => refusal(withTopology({ ...topology, unmanaged }));

test('objects of others are left out by pattern', () => {
  expect(
    leaving('log/topic/connect-*', 'tasks/queue/*.reply', 'events/group/stream:{paid:0}/backfill', '*/user/*', 'search/data-stream/audit*'),
  ).toEqual([]);
});

describe('unmanaged: fails if', () => {
  test.each<[string, string, string]>([
    ['it is no pattern of a name', 'connect-*', 'must be of the form SERVICE/KIND/NAME, with a * for any text, got "connect-*"'],
    ['it names no service', 'kafka/topic/a', 'must name a service, one of cache, events, log, tasks, search, got "kafka"'],
    ['the service has no such objects', 'log/queue/a', 'must name a kind of object on log, one of topic, got "queue"'],
    [
      'it fits what is declared',
      'tasks/queue/e*',
      'must fit nothing that is declared, got "tasks/queue/e*", which fits tasks/queue/emails: it would not be made; or take that out of the topology',
    ],
  ])('%s', (_, pattern, sentence) => expect(leaving('log/topic/connect-*', pattern)).toEqual([`topology.unmanaged.1: ${sentence}`]));
});

describe('unmanaged: a pattern may fit no declared object of any kind', () => {
  const streams = [{ kind: 'redis-streams' as const, service: 'events' }];
  const everyKind = withTopology({
    topics: {
      paid: {
        transports: [...streams, { kind: 'kafka', service: 'log', phase: 'mirror' }],
        shards: 2,
        consumers: [{ group: 'mails' }],
      },
      chat: { transports: streams, isolation: 'tenant' },
    },
    aclUsers: { acme: { service: 'events', topics: ['chat'], access: 'produce', tenant: 'acme' } },
    queues: { emails: { service: 'tasks' } },
    exchanges: { news: { service: 'tasks', type: 'direct' }, mail: { service: 'tasks', type: 'headers' } },
    bindings: [
      { exchange: 'news', queue: 'emails', routingKey: 'a/b' },
      { exchange: 'mail', queue: 'emails', headers: { kind: 'x=y' } },
    ],
    indices: {
      logs: { service: 'search', dataStream: true, lifecycle: 'year' },
      orders: { service: 'search' },
    },
    lifecycles: { year: { hotDays: 7, deleteDays: 365 }, unused: { hotDays: 7, deleteDays: 365 } },
    snapshots: { nightly: { service: 'search', repository: 'vault', everyHours: 24, keepDays: 30 } },
    searchRoles: { readers: { service: 'search', indices: ['logs'], access: 'read', users: ['reader'] } },
  });
  const refusalOf = (pattern: string) => refusal({ ...everyKind, topology: { ...everyKind.topology, unmanaged: [pattern] } });

  test.each([
    ['log/topic/p*', 'log/topic/paid'],
    ['log/topic/*.dead.*', 'log/topic/paid.dead.mails'],
    ['tasks/queue/*', 'tasks/queue/emails'],
    ['tasks/exchange/*', 'tasks/exchange/news'],
    ['tasks/binding/news/*', 'tasks/binding/news/emails/a%2Fb'],
    ['tasks/binding/mail/*', 'tasks/binding/mail/emails/kind=x%3Dy,x-match=all'],
    ['events/group/*', 'events/group/stream:{paid:0}/mails'],
    ['events/group/stream:{paid:1}/*', 'events/group/stream:{paid:1}/mails'],
    ['events/tenant/*', 'events/tenant/chat/acme'],
    ['*/user/*', 'events/user/acme'],
    ['search/repository/*', 'search/repository/vault'],
    ['search/snapshots/*', 'search/snapshots/nightly'],
    ['search/lifecycle/year', 'search/lifecycle/year'],
    ['search/template/*', 'search/template/logs'],
    ['search/data-stream/*', 'search/data-stream/logs'],
    ['search/alias/*', 'search/alias/orders'],
    ['search/role/*', 'search/role/readers'],
  ])('%s fits %s', (pattern, name) => {
    const wrong = `must fit nothing that is declared, got "${pattern}", which fits ${name}: it would not be made; or take that out of the topology`;
    expect(refusalOf(pattern)).toEqual([`topology.unmanaged.0: ${wrong}`]);
  });

  test.each([
    'log/topic/chat',
    'log/topic/paid.dead.other',
    'tasks/binding/news/other/*',
    'events/group/stream:{paid:2}/*',
    'events/tenant/paid/*',
    'search/lifecycle/unused',
    'search/alias/logs',
    'search/data-stream/orders',
    'search/repository/archive',
  ])('%s fits none', (pattern) => expect(refusalOf(pattern)).toEqual([]));
});
