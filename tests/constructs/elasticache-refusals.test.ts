import type { ElastiCacheProps } from '../../constructs/aws/elasticache/props.ts';
import { define, network } from './elasticache.ts';

const user = (name: string, accessString = 'on ~* +@read') => ({ name, accessString });
const refusals: readonly (readonly [what: string, props: Partial<ElastiCacheProps>, problem: string])[] = [
  [
    'names are too long together',
    { service: 'a'.repeat(36) },
    `must be at most 40 lower-case letters, digits and hyphens, got "test-${'a'.repeat(36)}"`,
  ],
  ['the role is none of Redis', { role: 'search' }, 'role must be one of cache, events, jobs, got "search"'],
  [
    'events may be evicted',
    { role: 'events', overrides: { maxMemoryPolicy: 'allkeys-lru' } },
    'maxMemoryPolicy must be noeviction for the role events, got "allkeys-lru"',
  ],
  [
    'jobs may be evicted',
    { role: 'jobs', overrides: { maxMemoryPolicy: 'volatile-ttl' } },
    'maxMemoryPolicy must be noeviction for the role jobs, got "volatile-ttl"',
  ],
  ['a parameter sets the policy', { parameters: { 'maxmemory-policy': 'allkeys-lru' } }, 'parameters must not hold maxmemory-policy'],
  ['the version is unknown', { engineVersion: '6.2' }, 'engineVersion must be one of 7.2, 8.0, 8.1, 8.2 for valkey, got "6.2"'],
  [
    'the version is of the other engine',
    { engine: 'redis', engineVersion: '8.0' },
    'engineVersion must be one of 7.0, 7.1 for redis, got "8.0"',
  ],
  ['the node type is none', { overrides: { nodeType: 'm7g.large' } }, 'nodeType must be of the form cache.r7g.large, got "m7g.large"'],
  [
    'nothing would take over',
    { overrides: { replicas: 0 } },
    'replicas must be at least 1, so that one takes over when the primary fails, got 0',
  ],
  ['there are too many replicas', { overrides: { replicas: 6 } }, 'replicas must be a whole number of at most 5, got 6'],
  [
    'a protected environment has one zone',
    { multiAz: false },
    'multiAz must be true where the environment protects against deletion, got false',
  ],
  [
    'the network has one subnet',
    { network: { ...network, privateSubnetIds: ['subnet-a'] } },
    'the network must have private subnets in at least 2 zones, got 1',
  ],
  ['the port is taken by the system', { port: 443 }, 'port must be between 1150 and 65535, got 443'],
  ['there is no user', { users: [] }, 'users must hold at least one, the one in the binding, got none'],
  [
    'a user is called default',
    { users: [user('default')] },
    'users must have names of lower-case letters, digits and hyphens other than default, got "default"',
  ],
  ['two users have one name', { users: [user('app'), user('app')] }, 'users must have different names, got test-cache-app twice'],
  ['the id of a user is too long', { users: [user('a'.repeat(30))] }, 'user ids must have at most 40 characters'],
  ['a user has no password', { users: [user('app', 'on nopass ~* +@all')] }, 'accessString must not set passwords, got app: nopass'],
  ['snapshots are off', { snapshotRetentionDays: 0 }, 'snapshotRetentionDays must be between 1 and 35, got 0'],
  [
    'the snapshot window is too short',
    { snapshotWindow: '02:00-02:30' },
    'snapshotWindow must be at least an hour in the form 02:00-03:00, got "02:00-02:30"',
  ],
  [
    'the maintenance window is none',
    { maintenanceWindow: 'sunday' },
    'maintenanceWindow must be at least an hour in the form sun:04:00-sun:05:00, got "sunday"',
  ],
  [
    'the windows overlap',
    { snapshotWindow: '03:30-04:30' },
    'snapshotWindow and maintenanceWindow must not overlap, got 03:30-04:30 and sun:04:00-sun:05:00',
  ],
];

test.each(refusals)('fails if %s', (_what, props, problem) => {
  expect(() => define(props)).toThrow(expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(problem) }));
});

test('a refusal shows that a password was set, not which', () => {
  const secret = 'hunter2-hunter2';
  expect(() => define({ users: [user('app', `on >${secret} ~* +@all`)] })).toThrow(
    expect.objectContaining({ message: expect.stringContaining('app: >...') }),
  );
  expect(() => define({ users: [user('app', `on >${secret} ~* +@all`)] })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining(secret) }),
  );
});

test('all problems are named at once', () => {
  expect(() => define({ port: 1, users: [], engineVersion: '1' })).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^elasticache cache has 3 problems:\n/) }),
  );
});
