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
