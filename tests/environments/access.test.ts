import type { EnvironmentInput } from '../../environments/schema.ts';
import { onStreams, refusal, withTopology } from './declaration.ts';

type Users = NonNullable<NonNullable<EnvironmentInput['topology']>['aclUsers']>;

const tenants = { transports: onStreams.transports, isolation: 'tenant' } as const;
const onLog = { transports: [{ kind: 'kafka' as const, service: 'log' }] };
const topics = { paid: { ...onStreams, consumers: [{ group: 'emails', aclUser: 'emails' }] }, chat: { ...tenants }, clicks: onLog };
const emails = { service: 'events', topics: ['paid'], groups: ['emails'], access: 'consume' } as const;
const withUsers = (users: Users) =>
  withTopology({ topics, aclUsers: { emails: { ...emails, topics: ['paid'], groups: ['emails'] }, ...users } });

test('a user of a group and a user of a tenant are accepted', () => {
  expect(refusal(withUsers({ acme: { service: 'events', topics: ['chat'], access: 'both', tenant: 'acme-inc' } }))).toEqual([]);
});

describe('users of Redis: fails if', () => {
  test.each<[string, unknown, string[]]>([
    [
      "a consumer's user has neither its topic nor its group",
      withUsers({ emails: { service: 'events', topics: ['chat'], access: 'produce' } }),
      [
        'topology.topics.paid.consumers.0.aclUser: must name a user with the topic paid in its topics, and the group emails in its groups, and the access consume or both, got "emails"',
      ],
    ],
    [
      'a topic does not lie on the server of its user',
      withUsers({ clicks: { service: 'events', topics: ['clicks'], access: 'produce' } }),
      ['topology.aclUsers.clicks.topics.0: must be a topic with the transport redis-streams on "events", got "clicks"'],
    ],
    [
      'the user of one tenant has a topic that all share',
      withUsers({ acme: { service: 'events', topics: ['chat', 'paid'], access: 'produce', tenant: 'acme' } }),
      [
        'topology.aclUsers.acme.topics.1: must be a topic with the isolation tenant for the user of one tenant, got "paid", which all tenants share',
      ],
    ],
    [
      'a tenant is a pattern',
      withUsers({ acme: { service: 'events', topics: ['chat'], access: 'produce', tenant: '*' } }),
      [
        'topology.aclUsers.acme.tenant: must be of letters, digits and . _ : @ + = ~ -, got "*": anything else has a meaning in the rules of Redis',
      ],
    ],
    [
      'one who only produces has groups',
      withUsers({ relay: { service: 'events', topics: ['paid'], groups: ['emails'], access: 'produce' } }),
      [
        'topology.aclUsers.relay.groups: must be left out for the access produce, got emails: a group is for who consumes; or set access to both',
      ],
    ],
    [
      'one who only observes has groups',
      withUsers({ eye: { service: 'events', topics: ['paid'], groups: ['emails'], access: 'observe' } }),
      [
        'topology.aclUsers.eye.groups: must be left out for the access observe, got emails: a group is for who consumes; or set access to both',
      ],
    ],
  ])('%s', (_, input, expected) => expect(refusal(input)).toEqual(expected));
});
