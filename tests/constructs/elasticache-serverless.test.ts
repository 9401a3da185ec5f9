import { ElastiCacheServerless } from '../../constructs/aws/elasticache-serverless/index.ts';
import type { ElastiCacheServerlessAttributes, ElastiCacheServerlessProps } from '../../constructs/aws/elasticache-serverless/props.ts';
import { mergeFragments } from '../../constructs/core/binding.ts';
import type { EnvironmentIdentity } from '../../constructs/core/identity.ts';
import { Template } from '../support/template.ts';
import { network } from './elasticache.ts';

const limits = { maxStorageGiB: 5, maxEcpuPerSecond: 10_000 };
const minimal: ElastiCacheServerlessProps = { service: 'cache', role: 'cache', network, encryptionKeyArn: 'arn:aws:kms:key', limits };

function define(
  props: Partial<ElastiCacheServerlessProps> = {},
  identity: Partial<EnvironmentIdentity> = {},
  use: (cache: ElastiCacheServerless) => void = () => undefined,
) {
  return Template.of((stack) => use(new ElastiCacheServerless(stack, 'cache', { ...minimal, ...props })), identity);
}
const cacheOf = (template: Template) => template.one('aws_elasticache_serverless_cache');

describe('minimal', () => {
  const template = define();
  const cache = cacheOf(template);

  test('is Valkey in private subnets, encrypted with the key of the environment', () => {
    expect(cache).toMatchObject({
      name: 'test-cache',
      engine: 'valkey',
      major_engine_version: '8',
      kms_key_id: 'arn:aws:kms:key',
      subnet_ids: network.privateSubnetIds,
    });
  });

  test('stays in the first three subnets, because a fourth would make another cache', () => {
    const further = { ...network, privateSubnetIds: [...network.privateSubnetIds, 'subnet-d'] };
    expect(cacheOf(define({ network: further })).subnet_ids).toEqual(network.privateSubnetIds);
  });

  test('ends its bill where the limits say, and keeps nothing ready', () => {
    expect(cache.cache_usage_limits).toEqual([{ data_storage: [{ unit: 'GB', maximum: 5 }], ecpu_per_second: [{ maximum: 10_000 }] }]);
  });

  test('lets in one user, who proves itself through IAM', () => {
    expect(template.one('aws_elasticache_user')).toMatchObject({
      ...{ user_id: 'test-cache-app', user_name: 'test-cache-app', authentication_mode: { type: 'iam' } },
    });
    expect(cache.user_group_id).toMatch(/^\$\{aws_elasticache_user_group\./);
  });

  test('is kept: snapshots every night, no destruction', () => {
    expect(cache).toMatchObject({
      ...{ snapshot_retention_limit: 7, daily_snapshot_time: '02:00' },
      lifecycle: { prevent_destroy: true, ignore_changes: ['snapshot_arns_to_restore'] },
    });
    expect(cache).not.toHaveProperty('snapshot_arns_to_restore');
  });

  test('is reached by the clients of the network alone, at both of its ports', () => {
    const rules = template.all('aws_vpc_security_group_ingress_rule');
    expect(rules.map(({ from_port }) => from_port).sort()).toEqual([6379, 6380]);
    expect(rules.map((rule) => rule.referenced_security_group_id)).toEqual(['sg-clients', 'sg-clients']);
  });

  test('delivers no logs, which AWS has none of', () => {
    expect(template.counts()).not.toHaveProperty('aws_cloudwatch_log_group');
  });
});

test('everything set', () => {
  const template = define({
    engine: 'valkey',
    overrides: { engine: 'redis', engineVersion: '7.1', serverless: { maxStorageGiB: 50, maxEcpuPerSecond: 100_000 } },
    majorVersion: '8',
    minStorageGiB: 2,
    minEcpuPerSecond: 2_000,
    users: [
      { name: 'orders', accessString: 'on ~orders:* +@all -@admin -@dangerous' },
      { name: 'board', accessString: 'on ~* -@all +@read' },
    ],
    snapshotTime: '23:30',
    snapshotRetentionDays: 35,
    snapshotArns: ['arn:aws:elasticache:eu-central-1:111111111111:serverlesscachesnapshot:before'],
  });
  expect(cacheOf(template)).toMatchObject({
    engine: 'redis',
    major_engine_version: '7',
    cache_usage_limits: [
      { data_storage: [{ unit: 'GB', maximum: 50, minimum: 2 }], ecpu_per_second: [{ maximum: 100_000, minimum: 2_000 }] },
    ],
    daily_snapshot_time: '23:30',
    snapshot_retention_limit: 35,
    snapshot_arns_to_restore: ['arn:aws:elasticache:eu-central-1:111111111111:serverlesscachesnapshot:before'],
  });
  expect(template.all('aws_elasticache_user').map(({ user_name }) => user_name)).toEqual([
    'test-cache-board',
    'default',
    'test-cache-orders',
  ]);
});

test('where deletion is not protected it can be destroyed', () => {
  expect(cacheOf(define({}, { deletionProtection: false })).lifecycle).not.toHaveProperty('prevent_destroy');
});

test('an override reaches what the construct does not offer', () => {
  expect(cacheOf(define({}, {}, (cache) => cache.override('description', 'ours')))).toMatchObject({ description: 'ours' });
});

const refusals: readonly (readonly [what: string, props: Partial<ElastiCacheServerlessProps>, problem: string])[] = [
  ['names are too long together', { service: 'a'.repeat(36) }, 'must be at most 40 lower-case letters, digits and hyphens'],
  ['events may be evicted', { role: 'events' }, 'role must be cache, got "events": a serverless cache evicts'],
  ['jobs may be evicted', { role: 'jobs' }, 'role must be cache, got "jobs"'],
  [
    'the declaration speaks of nodes',
    { overrides: { replicas: 2, shards: 2, clusterMode: 'enabled', applyImmediately: true } },
    'overrides must not speak of nodes, which a serverless cache has none of, got replicas, shards, clusterMode, applyImmediately',
  ],
  [
    'storage has no bound that AWS takes',
    { limits: { ...limits, maxStorageGiB: 5_001 } },
    'maxStorageGiB must be a whole number of 1 to 5000, got 5001',
  ],
  [
    'processing units have no bound that AWS takes',
    { limits: { ...limits, maxEcpuPerSecond: 999 } },
    'maxEcpuPerSecond must be a whole number of 1000 to 15000000, got 999',
  ],
  [
    'more storage is kept ready than is allowed',
    { minStorageGiB: 6 },
    'minStorageGiB must be a whole number of 1 to maxStorageGiB, 5, got 6',
  ],
  [
    'more units are kept ready than are allowed',
    { minEcpuPerSecond: 10_001 },
    'minEcpuPerSecond must be a whole number of 1000 to maxEcpuPerSecond, 10000, got 10001',
  ],
  ['the version is unknown', { majorVersion: '6' }, 'majorVersion must be one of 7, 8, 9 for valkey, got "6"'],
  ['the version is of the other engine', { engine: 'redis', majorVersion: '8' }, 'majorVersion must be one of 7 for redis, got "8"'],
  ['the network has one subnet', { network: { ...network, privateSubnetIds: ['subnet-a'] } }, 'private subnets in at least 2 zones, got 1'],
  ['there is no user', { users: [] }, 'users must hold at least one, the one in the binding, got none'],
  [
    'a user has a password',
    { users: [{ name: 'app', accessString: 'on >secret ~* +@all' }] },
    'accessString must not set passwords, got app: >...',
  ],
  ['snapshots are off', { snapshotRetentionDays: 0 }, 'snapshotRetentionDays must be between 1 and 35, got 0'],
  ['the time of the snapshot is none', { snapshotTime: '24:00' }, 'snapshotTime must be of the form 02:00, got "24:00"'],
];

test.each(refusals)('fails if %s', (_what, props, problem) => {
  expect(() => define(props)).toThrow(expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(problem) }));
});

test('fails if nothing ends the bill', () => {
  const { limits: _none, ...unlimited } = minimal;
  expect(() => Template.of((stack) => new ElastiCacheServerless(stack, 'cache', unlimited))).toThrow('limits must be set, got none');
});

test('services get to know where, how and as whom to connect, that it is a cluster and serverless, and no secret', () => {
  define({}, {}, (cache) => {
    const bound = mergeFragments([cache.binding()]).cache;
    expect(bound).toMatchObject({
      kind: 'redis',
      endpoints: [
        { purpose: 'primary', port: 6379, authMode: 'iam' },
        { purpose: 'reader', port: 6380, authMode: 'iam' },
      ],
      clusterMode: true,
      tls: {},
      auth: { mode: 'iam', username: 'test-cache-app' },
      iam: { region: 'eu-central-1', service: 'elasticache', resourceName: 'test-cache', serverless: true },
      limits: { maxMemoryMiB: 5_120, maxEcpuPerSecond: 10_000 },
    });
    expect(bound?.auth).not.toHaveProperty('secretRef');
  });
});

const imported: ElastiCacheServerlessAttributes = {
  service: 'cache',
  role: 'cache',
  region: 'eu-central-1',
  cacheName: 'theirs',
  arn: 'arn:aws:elasticache:eu-central-1:111111111111:serverlesscache:theirs',
  host: 'theirs.example',
  users: [
    { name: 'app', userId: 'theirs-app', arn: 'arn:aws:elasticache:eu-central-1:111111111111:user:theirs-app' },
    { name: 'board', userId: 'theirs-board', arn: 'arn:aws:elasticache:eu-central-1:111111111111:user:theirs-board' },
  ],
  securityGroupId: 'sg-theirs',
};

describe('a serverless cache that someone else keeps', () => {
  const withImported = (use: (cache: ReturnType<typeof ElastiCacheServerless.fromAttributes>) => void) =>
    Template.of((stack) => use(ElastiCacheServerless.fromAttributes(stack, 'cache', imported)));

  test('is bound and granted alike, and adds no server', () => {
    const template = withImported((cache) => {
      expect(cache.binding().cache?.endpoints).toEqual([{ purpose: 'primary', host: 'theirs.example', port: 6379, authMode: 'iam' }]);
      expect(cache.binding().cache).not.toHaveProperty('limits');
      expect(cache.grantConnect('Board', { roleName: 'board' }, 'board')).toEqual([
        { Sid: 'ConnectToCache', Effect: 'Allow', Action: 'elasticache:Connect', Resource: [imported.arn, imported.users[1]?.arn] },
      ]);
    });
    expect(template.counts()).toEqual({ aws_iam_role_policy: 1 });
    expect(template.one('aws_iam_role_policy')).toMatchObject({ name: 'connect-theirs', role: 'board' });
  });

  test('fails if access is granted to a user that there is not', () => {
    withImported((cache) => expect(() => cache.connectStatements('admin')).toThrow('users of cache are app, board, got "admin"'));
  });

  test('lets others in at both ports', () => {
    const template = withImported((cache) => cache.connections.allowFrom('Orders', { securityGroupId: 'sg-orders' }));
    expect(template.counts()).toEqual({ aws_vpc_security_group_ingress_rule: 2, aws_vpc_security_group_egress_rule: 2 });
  });

  test('is watched by its name', () => {
    withImported((cache) =>
      expect(cache.metric('ThrottledCmds')).toEqual([
        { namespace: 'AWS/ElastiCache', metricName: 'ThrottledCmds', dimensions: { ServerlessCacheName: 'theirs' } },
      ]),
    );
  });
});
