import type { ElastiCacheProps } from '../../constructs/aws/elasticache/props.ts';
import { resolveElastiCache } from '../../constructs/aws/elasticache/resolve.ts';
import { type Template, testIdentity } from '../support/template.ts';
import { define, minimal } from './elasticache.ts';

const parametersOf = (template: Template) => template.one('aws_elasticache_parameter_group');

describe('minimal', () => {
  const template = define();
  const group = template.one('aws_elasticache_replication_group');

  test('is Valkey with a replica in another zone that takes over by itself', () => {
    expect(group).toMatchObject({
      replication_group_id: 'test-cache',
      engine: 'valkey',
      engine_version: '8.2',
      node_type: 'cache.t4g.micro',
      num_cache_clusters: 2,
      automatic_failover_enabled: true,
      multi_az_enabled: true,
      cluster_mode: 'disabled',
    });
  });

  test('is encrypted on its disks and on the wire, without alternative', () => {
    expect(group).toMatchObject({
      at_rest_encryption_enabled: 'true',
      kms_key_id: 'arn:aws:kms:key',
      transit_encryption_enabled: true,
      transit_encryption_mode: 'required',
    });
  });

  test('lets in one user, who proves itself through IAM, and nobody without a name', () => {
    expect(template.all('aws_elasticache_user')).toHaveLength(1);
    expect(template.one('aws_elasticache_user')).toMatchObject({
      user_id: 'test-cache-app',
      user_name: 'test-cache-app',
      engine: 'valkey',
      authentication_mode: { type: 'iam' },
    });
    expect(template.one('aws_elasticache_user_group')).toMatchObject({ engine: 'valkey', user_group_id: 'test-cache' });
    expect(group).not.toHaveProperty('auth_token');
  });

  test('is kept: snapshots, a last one, no destruction; what was deployed happens', () => {
    expect(group).toMatchObject({
      snapshot_retention_limit: 7,
      snapshot_window: '02:00-03:00',
      maintenance_window: 'sun:04:00-sun:05:00',
      final_snapshot_identifier: expect.stringMatching(
        /^\$\{join\("-", \["test-cache-final", formatdate\("YYYYMMDDhhmmss", plantimestamp\(\)\)\]\)\}$/,
      ),
      auto_minor_version_upgrade: 'true',
      apply_immediately: true,
      lifecycle: { prevent_destroy: true },
    });
  });

  test('delivers its two logs into two encrypted groups', () => {
    expect(template.all('aws_cloudwatch_log_group').map(({ name }) => name)).toEqual([
      '/aws/vendedlogs/millrace/test/cache/engine-log',
      '/aws/vendedlogs/millrace/test/cache/slow-log',
    ]);
    const destinations = (group.log_delivery_configuration as { destination: string; log_type: string }[]).map(
      ({ destination }) => destination,
    );
    expect(new Set(destinations).size).toBe(2);
  });

  test('is reached by the clients of the network alone', () => {
    expect(template.one('aws_vpc_security_group_ingress_rule')).toMatchObject({
      referenced_security_group_id: 'sg-clients',
      from_port: 6379,
      to_port: 6379,
    });
  });

  test('may evict, as a cache does', () => {
    expect(parametersOf(template)).toMatchObject({
      family: 'valkey8',
      parameter: [{ name: 'maxmemory-policy', value: 'allkeys-lru' }],
      lifecycle: { create_before_destroy: true },
    });
  });
});

test('everything set', () => {
  const template = define({
    service: 'jobs',
    role: 'jobs',
    engine: 'redis',
    engineVersion: '7.1',
    overrides: { nodeType: 'cache.r7g.large', replicas: 2 },
    port: 6380,
    parameters: { 'notify-keyspace-events': 'Ex' },
    users: [
      { name: 'worker', accessString: 'on ~bull:* +@all -@admin -@dangerous' },
      { name: 'board', accessString: 'on ~bull:* -@all +@read' },
    ],
    snapshotWindow: '05:00-06:00',
    maintenanceWindow: 'mon:06:30-mon:07:30',
    snapshotRetentionDays: 35,
    applyImmediately: false,
    notificationTopicArn: 'arn:aws:sns:eu-central-1:111111111111:alerts',
    snapshotName: 'before-the-move',
    finalSnapshotName: 'jobs-last',
    networkType: 'dual_stack',
    ipDiscovery: 'ipv6',
    multiAz: true,
  });
  expect(template.one('aws_elasticache_replication_group')).toMatchObject({
    replication_group_id: 'test-jobs',
    engine: 'redis',
    engine_version: '7.1',
    node_type: 'cache.r7g.large',
    num_cache_clusters: 3,
    port: 6380,
    snapshot_window: '05:00-06:00',
    maintenance_window: 'mon:06:30-mon:07:30',
    snapshot_retention_limit: 35,
    apply_immediately: false,
    notification_topic_arn: 'arn:aws:sns:eu-central-1:111111111111:alerts',
    snapshot_name: 'before-the-move',
    final_snapshot_identifier: 'jobs-last',
    network_type: 'dual_stack',
    ip_discovery: 'ipv6',
  });
  expect(parametersOf(template)).toMatchObject({
    family: 'redis7',
    parameter: [
      { name: 'notify-keyspace-events', value: 'Ex' },
      { name: 'maxmemory-policy', value: 'noeviction' },
    ],
  });
  expect(template.all('aws_elasticache_user').map(({ user_id }) => user_id)).toEqual([
    'test-jobs-board',
    'test-jobs-default',
    'test-jobs-worker',
  ]);
});

test('Redis gets a default user that is switched off, because its own may do everything', () => {
  expect(define({ engine: 'redis' }).one('aws_elasticache_user', { user_name: 'default' })).toMatchObject({
    access_string: 'off -@all',
    authentication_mode: { type: 'no-password-required' },
  });
});

test.each(['events', 'jobs'] as const)('the role %s never evicts', (role) => {
  expect(parametersOf(define({ role }))).toMatchObject({ parameter: [{ name: 'maxmemory-policy', value: 'noeviction' }] });
});

test('where deletion is not protected it can be destroyed, and leaves a last snapshot all the same', () => {
  const group = define({}, { deletionProtection: false }).one('aws_elasticache_replication_group');
  expect(group.lifecycle).not.toHaveProperty('prevent_destroy');
  expect(group.final_snapshot_identifier).toContain('test-cache-final');
});

test('the name of the last snapshot holds when the group was made, and keeps it; one that is given is followed', () => {
  const lifecycle = (props: Parameters<typeof define>[0]) => define(props).one('aws_elasticache_replication_group').lifecycle;
  expect(lifecycle({})).toMatchObject({ ignore_changes: ['snapshot_name', 'final_snapshot_identifier'] });
  expect(lifecycle({ finalSnapshotName: 'jobs-last' })).toMatchObject({ ignore_changes: ['snapshot_name'] });
});

test('what AWS chooses by itself is not written, so that no plan differs from it', () => {
  const written = Object.keys(define().one('aws_elasticache_replication_group'));
  const chosen = [
    'data_tiering_enabled',
    'network_type',
    'ip_discovery',
    'notification_topic_arn',
    'snapshot_name',
    'num_node_groups',
    'auth_token',
  ];
  expect(written.filter((name) => chosen.includes(name))).toEqual([]);
});

test('a restore is not undone when its snapshot is no longer named', () => {
  for (const props of [{}, { snapshotName: 'before-the-move' }]) {
    expect(define(props).one('aws_elasticache_replication_group')).toMatchObject({
      lifecycle: { ignore_changes: expect.arrayContaining(['snapshot_name']) },
    });
  }
});

test.each([
  ['cache.r6gd.xlarge', true],
  ['cache.r7gd.xlarge', true],
  ['cache.r6g.xlarge', undefined],
  ['cache.c7gn.xlarge', undefined],
])('nodes of %s move data to their disk: %s', (nodeType, tiering) => {
  expect(define({ overrides: { nodeType } }).one('aws_elasticache_replication_group').data_tiering_enabled).toBe(tiering);
});

describe('what the declaration says', () => {
  test('comes before the props, and they before the defaults', () => {
    const given = (props: Partial<ElastiCacheProps>) => resolveElastiCache({ ...minimal, ...props }, testIdentity);
    expect(given({})).toMatchObject({ engine: 'valkey', engineVersion: '8.2', shards: 1, clusterMode: 'disabled' });
    expect(given({ engine: 'redis', engineVersion: '7.0' })).toMatchObject({ engine: 'redis', engineVersion: '7.0' });
    const overrides = { engine: 'valkey', engineVersion: '9.1', shards: 3, clusterMode: 'enabled', applyImmediately: false } as const;
    expect(given({ engine: 'redis', engineVersion: '7.0', clusterMode: 'compatible', applyImmediately: true, overrides })).toMatchObject({
      ...{ engine: 'valkey', engineVersion: '9.1', family: 'valkey9' },
      ...{ shards: 3, clusterMode: 'enabled', applyImmediately: false },
    });
  });
});

describe('a cluster', () => {
  const shards = (count: number, replicas = 1) => ({ overrides: { shards: count, replicas, clusterMode: 'enabled' as const } });

  test('has shards that each have replicas, and a parameter that says so', () => {
    const template = define(shards(3, 2));
    const group = template.one('aws_elasticache_replication_group');
    expect(group).toMatchObject({
      ...{ cluster_mode: 'enabled', num_node_groups: 3, replicas_per_node_group: 2 },
      ...{ automatic_failover_enabled: true, multi_az_enabled: true },
    });
    expect(group).not.toHaveProperty('num_cache_clusters');
    expect(parametersOf(template).parameter).toContainEqual({ name: 'cluster-enabled', value: 'yes' });
  });

  test('fails over within a shard wherever it stands, as AWS asks', () => {
    const group = define({ ...shards(2), multiAz: false }, { deletionProtection: false }).one('aws_elasticache_replication_group');
    expect(group).toMatchObject({ automatic_failover_enabled: true, multi_az_enabled: false });
  });

  test.each(['compatible', 'enabled'] as const)('may have one shard when its mode is %s', (clusterMode) => {
    expect(define({ clusterMode }).one('aws_elasticache_replication_group')).toMatchObject({
      ...{ cluster_mode: clusterMode, num_node_groups: 1, replicas_per_node_group: 1 },
    });
  });

  test('has a parameter group of its own name, so that a group on its way to one can change', () => {
    expect(parametersOf(define({ clusterMode: 'compatible' })).name).not.toBe(parametersOf(define()).name);
  });
});

describe('users', () => {
  test('leave their group before they are destroyed', () => {
    for (const user of define({ engine: 'redis' }).all('aws_elasticache_user')) {
      expect(user).toMatchObject({ lifecycle: { create_before_destroy: true } });
    }
  });

  test('stay of Redis while their servers become Valkey', () => {
    const template = define({ engine: 'valkey', userEngine: 'redis' });
    expect(template.one('aws_elasticache_replication_group')).toMatchObject({ engine: 'valkey' });
    expect(template.one('aws_elasticache_user_group')).toMatchObject({ engine: 'redis' });
    expect(template.one('aws_elasticache_user', { user_name: 'default' })).toMatchObject({ engine: 'redis', access_string: 'off -@all' });
    const declared = define({ overrides: { engine: 'valkey', userEngine: 'redis' }, userEngine: 'valkey' });
    expect(declared.one('aws_elasticache_user_group')).toMatchObject({ engine: 'redis' });
  });

  test('are in the one group that AWS admits', () => {
    expect(define().one('aws_elasticache_replication_group').user_group_ids).toHaveLength(1);
  });
});

test('others are let in through the connections, by port and with a description', () => {
  const template = define({}, {}, (cache) => cache.connections.allowFrom('Backup', { securityGroupId: 'sg-backup' }));
  expect(template.one('aws_vpc_security_group_ingress_rule', { referenced_security_group_id: 'sg-backup' })).toMatchObject({
    ...{ from_port: 6379, to_port: 6379, description: 'clients to cache' },
  });
  expect(template.one('aws_vpc_security_group_egress_rule', { security_group_id: 'sg-backup' })).toBeDefined();
});

describe('a parameter group', () => {
  const nameWith = (props: Partial<ElastiCacheProps>) => parametersOf(define(props)).name;

  test('changes in place, because AWS deletes none that servers still use', () => {
    expect(nameWith({})).toBe('test-cache-valkey8');
    expect(nameWith({ parameters: { timeout: '60' } })).toBe('test-cache-valkey8');
    expect(nameWith({ engineVersion: '8.0' })).toBe('test-cache-valkey8');
  });

  test('of another family or another cluster mode is another one, which stands before the old one goes', () => {
    expect(nameWith({ engineVersion: '9.0' })).toBe('test-cache-valkey9');
    expect(nameWith({ engine: 'redis' })).toBe('test-cache-redis7');
    expect(nameWith({ clusterMode: 'compatible' })).toBe('test-cache-valkey8-cluster');
    expect(nameWith({ clusterMode: 'enabled' })).toBe('test-cache-valkey8-cluster');
  });
});

test('a larger environment gets larger servers', () => {
  expect(resolveElastiCache(minimal, { ...testIdentity, size: 'large' })).toMatchObject({ nodeType: 'cache.r7g.xlarge', replicas: 2 });
});

test('an override reaches what the construct does not offer', () => {
  const template = define({}, {}, (cache) => cache.override('ip_discovery', 'ipv6'));
  expect(template.one('aws_elasticache_replication_group')).toMatchObject({ ip_discovery: 'ipv6' });
});
