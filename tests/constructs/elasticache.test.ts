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

  test('is kept: snapshots, a last one, no destruction, changes in the maintenance window', () => {
    expect(group).toMatchObject({
      snapshot_retention_limit: 7,
      snapshot_window: '02:00-03:00',
      maintenance_window: 'sun:04:00-sun:05:00',
      final_snapshot_identifier: 'test-cache-final',
      auto_minor_version_upgrade: 'true',
      apply_immediately: false,
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
      { name: 'board', accessString: 'on ~bull:* +@read' },
    ],
    snapshotWindow: '05:00-06:00',
    maintenanceWindow: 'mon:06:30-mon:07:30',
    snapshotRetentionDays: 35,
    applyImmediately: true,
    notificationTopicArn: 'arn:aws:sns:eu-central-1:111111111111:alerts',
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
    apply_immediately: true,
    notification_topic_arn: 'arn:aws:sns:eu-central-1:111111111111:alerts',
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

test('where deletion is not protected it can be destroyed, without a last snapshot, and changes happen at once', () => {
  const group = define({}, { deletionProtection: false }).one('aws_elasticache_replication_group');
  expect(group).toMatchObject({ apply_immediately: true });
  expect(group).not.toHaveProperty('lifecycle');
  expect(group).not.toHaveProperty('final_snapshot_identifier');
});

test('a parameter group is named after its content, so that a new one stands before the old one goes', () => {
  const names = [define(), define(), define({ parameters: { timeout: '60' } }), define({ engineVersion: '8.0' })].map(
    (template) => parametersOf(template).name,
  );
  expect(names[0]).toMatch(/^test-cache-[0-9a-f]{8}$/);
  expect(names[1]).toBe(names[0]);
  expect(new Set(names).size).toBe(3);
});

test('a larger environment gets larger servers', () => {
  expect(resolveElastiCache(minimal, { ...testIdentity, size: 'large' })).toMatchObject({ nodeType: 'cache.r7g.xlarge', replicas: 2 });
});

test('an override reaches what the construct does not offer', () => {
  const template = define({}, {}, (cache) => cache.override('ip_discovery', 'ipv6'));
  expect(template.one('aws_elasticache_replication_group')).toMatchObject({ ip_discovery: 'ipv6' });
});
