import type { ElastiCacheProps } from '../../constructs/aws/elasticache/props.ts';
import { define, network } from './elasticache.ts';

const user = (name: string, accessString = 'on ~* -@all +@read') => ({ name, accessString });
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
  ['the version is unknown', { engineVersion: '6.2' }, 'engineVersion must be one of 7.2, 8.0, 8.1, 8.2, 9.0, 9.1 for valkey, got "6.2"'],
  [
    'the version is of the other engine',
    { engine: 'redis', engineVersion: '8.0' },
    'engineVersion must be one of 7.0, 7.1 for redis, got "8.0"',
  ],
  ['the node type is none', { overrides: { nodeType: 'm7g.large' } }, 'nodeType must be of the form cache.r7g.large, got "m7g.large"'],
  [
    'a family has no node of that size',
    { overrides: { nodeType: 'cache.r6gd.large' } },
    'nodeType must be one that AWS makes nodes of, got "cache.r6gd.large": r6gd has xlarge, 2xlarge, 4xlarge, 8xlarge, 12xlarge, 16xlarge',
  ],
  [
    'the family is over',
    { overrides: { nodeType: 'cache.t1.micro' } },
    'nodeType must be one that AWS makes nodes of, got "cache.t1.micro": AWS makes no new nodes of t1',
  ],
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
  [
    'a user is neither on nor off',
    { users: [user('app', '~* +@all')] },
    'accessString must begin with on or off, got neither for app: AWS adds off',
  ],
  [
    'commands are allowed before the sum of them',
    { users: [user('board', 'on ~* +@read'), user('late', 'on +get -@all ~*'), user('none', 'on ~*')] },
    'accessString must say -@all or +@all before any other command, got neither for board, late, none: AWS adds -@all',
  ],
  [
    'there are too many users',
    { users: Array.from({ length: 101 }, (_, index) => user(`u${index}`)) },
    'users must be at most 100, got 101',
  ],
  [
    'it is to be serverless',
    { overrides: { serverless: { maxStorageGiB: 1, maxEcpuPerSecond: 1_000 } } },
    'overrides.serverless must be left out, got it: a cache without nodes is an ElastiCacheServerless',
  ],
  ['a parameter sets the cluster mode', { parameters: { 'cluster-enabled': 'yes' } }, 'parameters must not hold cluster-enabled'],
  ['shards are not whole', { overrides: { shards: 1.5 } }, 'shards must be a whole number of 1 to 500, got 1.5'],
  [
    'there are too many nodes',
    { overrides: { shards: 251, replicas: 1 } },
    'shards and their replicas must be at most 500 nodes, got 502: 251 shards of 2 nodes',
  ],
  ...(['disabled', 'compatible'] as const).map(
    (clusterMode) =>
      [
        `several shards are ${clusterMode}`,
        { clusterMode, overrides: { shards: 2 } },
        `clusterMode must be enabled for 2 shards, got "${clusterMode}"`,
      ] as const,
  ),
  [
    'shards are to come without a word on what stands',
    { overrides: { shards: 3 } },
    'clusterMode must be enabled for 3 shards, got "disabled": say so for a new cache, and lead one that stands there by way of compatible',
  ],
  [
    'nothing would take over while the mode changes',
    { clusterMode: 'compatible', multiAz: false, overrides: { replicas: 0 } },
    'replicas must be at least 1 while clusterMode is compatible, got 0',
  ],
  ...(['events', 'jobs'] as const).map(
    (role) =>
      [
        `${role} are spread over a cluster`,
        { role, overrides: { shards: 2, clusterMode: 'enabled' } },
        `clusterMode must be disabled for the role ${role}, got "enabled"`,
      ] as const,
  ),
  [
    'data on disk is evicted as no such node can',
    { overrides: { nodeType: 'cache.r6gd.xlarge', maxMemoryPolicy: 'volatile-ttl' } },
    'maxMemoryPolicy must be one of noeviction, allkeys-lru, allkeys-lfu, volatile-lru, volatile-lfu for cache.r6gd.xlarge',
  ],
  [
    'clients would be told addresses that there are not',
    { ipDiscovery: 'ipv6' },
    'ipDiscovery must be ipv4 for the network type ipv4, got "ipv6"',
  ],
  [
    'clients would be told addresses of the other kind',
    { networkType: 'ipv6', ipDiscovery: 'ipv4' },
    'ipDiscovery must be ipv6 for the network type ipv6, got "ipv4"',
  ],
  [
    'a snapshot has no name that AWS takes',
    { snapshotName: 'Before the move', finalSnapshotName: '9-last' },
    'names of snapshots must be at most 255 lower-case letters, digits and hyphens, got "Before the move", "9-last"',
  ],
  [
    'the last snapshot would have the name of the first',
    { snapshotName: 'test-cache-final', finalSnapshotName: 'test-cache-final' },
    'finalSnapshotName must differ from snapshotName, got "test-cache-final" for both',
  ],
  [
    'servers of Redis get users of Valkey',
    { engine: 'redis', userEngine: 'valkey' },
    'userEngine must be redis for the engine redis, got "valkey"',
  ],
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
