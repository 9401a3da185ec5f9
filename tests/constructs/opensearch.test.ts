import { resolveOpenSearch } from '../../constructs/aws/opensearch/resolve.ts';
import { engineVersionOf, knownVersions } from '../../constructs/aws/opensearch/versions.ts';
import type { Template } from '../support/template.ts';
import { testIdentity } from '../support/template.ts';
import { define, domainArn, large, minimal, network, statements } from './opensearch.ts';

const domainOf = (template: Template) => template.one('aws_opensearch_domain');
const clusterOf = (template: Template) => domainOf(template).cluster_config;
const unprotected = { deletionProtection: false };

describe('minimal', () => {
  const template = define();
  const domain = domainOf(template);

  test('has three data nodes in three zones, each of them a subnet', () => {
    expect(domain).toMatchObject({ domain_name: 'test-search', engine_version: 'OpenSearch_2.19' });
    expect(domain.cluster_config).toEqual({
      instance_type: 't3.small.search',
      instance_count: 3,
      zone_awareness_enabled: true,
      zone_awareness_config: { availability_zone_count: 3 },
      multi_az_with_standby_enabled: false,
      dedicated_master_enabled: false,
      warm_enabled: false,
    });
    expect((domain.vpc_options as { subnet_ids: string[] }).subnet_ids).toEqual(network.privateSubnetIds);
  });

  test('is encrypted on its disks, between its nodes and to its clients, without alternative', () => {
    expect(domain).toMatchObject({
      encrypt_at_rest: { enabled: true, kms_key_id: 'arn:aws:kms:key' },
      node_to_node_encryption: { enabled: true },
      domain_endpoint_options: { enforce_https: true, tls_security_policy: 'Policy-Min-TLS-1-2-PFS-2023-10' },
    });
    expect(domain.domain_endpoint_options).not.toHaveProperty('custom_endpoint');
  });

  test('has a role for its master user, and neither users nor passwords of its own', () => {
    expect(domain.advanced_security_options).toEqual({
      enabled: true,
      internal_user_database_enabled: false,
      master_user_options: { master_user_arn: expect.stringMatching(/^\$\{aws_iam_role\.search_MasterRole_.*\.arn\}$/) },
    });
    expect(template.text).not.toMatch(/password/i);
  });

  test('its disks have the speed that their price includes, written as AWS gives it back', () => {
    expect(domain.ebs_options).toEqual({ ebs_enabled: true, volume_type: 'gp3', volume_size: 20, iops: 3_000, throughput: 125 });
  });

  test('delivers all four logs, each into an encrypted group of its own', () => {
    const published = domain.log_publishing_options as { log_type: string; cloudwatch_log_group_arn: string; enabled: boolean }[];
    expect(published.map(({ log_type }) => log_type)).toEqual(['INDEX_SLOW_LOGS', 'SEARCH_SLOW_LOGS', 'ES_APPLICATION_LOGS', 'AUDIT_LOGS']);
    expect(published.every(({ enabled }) => enabled)).toBe(true);
    expect(new Set(published.map((row) => row.cloudwatch_log_group_arn)).size).toBe(4);
    expect(template.all('aws_cloudwatch_log_group').map(({ name }) => name)).toEqual(
      ['application', 'audit', 'index-slow', 'search-slow'].map((log) => `/aws/vendedlogs/millrace/test/search/${log}-logs`),
    );
    expect(template.all('aws_cloudwatch_log_group')).toEqual(Array(4).fill(expect.objectContaining({ kms_key_id: 'arn:aws:kms:key' })));
  });

  test('is updated by itself, at night; not tuned, which its nodes cannot be', () => {
    expect(domain).toMatchObject({
      software_update_options: { auto_software_update_enabled: true },
      off_peak_window_options: { enabled: true, off_peak_window: { window_start_time: { hours: 20, minutes: 0 } } },
    });
    expect(domain).not.toHaveProperty('auto_tune_options');
  });

  test('has time for blue and green, and cannot be destroyed', () => {
    expect(domain).toMatchObject({
      timeouts: { create: '120m', update: '180m', delete: '90m' },
      lifecycle: { prevent_destroy: true },
    });
    expect(domainOf(define({}, unprotected))).not.toHaveProperty('lifecycle');
  });

  test('leaves to AWS what it leaves alone: how addresses look, and the hour of snapshots, which has no effect', () => {
    expect(domain).not.toHaveProperty('ip_address_type');
    expect(domain).not.toHaveProperty('snapshot_options');
    expect(domain.advanced_options).toEqual({ 'rest.action.multi.allow_explicit_index': 'true' });
  });

  test('is reached by the clients of the network alone, over HTTPS', () => {
    expect(template.one('aws_vpc_security_group_ingress_rule')).toMatchObject({
      referenced_security_group_id: 'sg-clients',
      from_port: 443,
      to_port: 443,
    });
    expect(template.one('aws_vpc_security_group_egress_rule')).toMatchObject({ security_group_id: 'sg-clients', from_port: 443 });
  });

  test('is open to principals of its account, to the requests that IAM allows them', () => {
    const policy = template.one('aws_opensearch_domain_policy');
    expect(policy.domain_name).toMatch(/^\$\{aws_opensearch_domain\./);
    expect(statements(policy.access_policies)).toEqual([
      {
        Sid: 'EveryRequestToTheDomain',
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::111111111111:root' },
        Action: 'es:ESHttp*',
        Resource: `${domainArn}/*`,
      },
    ]);
    expect(domain).not.toHaveProperty('access_policies');
  });
});

describe('the master user', () => {
  const role = (template: Template) => template.one('aws_iam_role', { name: 'test-search-master' });

  test('is whoever IAM lets assume its role', () => {
    expect(statements(role(define()).assume_role_policy)).toEqual([
      {
        Sid: 'Principal1',
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::111111111111:root' },
        Action: 'sts:AssumeRole',
      },
    ]);
  });

  test('is one of those that are named', () => {
    const masterRolePrincipals = ['arn:aws:iam::111111111111:role/operators', 'arn:aws:iam::111111111111:role/apply'];
    expect(statements(role(define({ masterRolePrincipals })).assume_role_policy).map(({ Principal }) => Principal)).toEqual(
      masterRolePrincipals.map((AWS) => ({ AWS })),
    );
  });

  test('may do everything within the domain, hand over the role of snapshots, and nothing else', () => {
    const policy = statements(define().one('aws_iam_role_policy', { name: 'administer' }).policy);
    expect(policy.map(({ Action, Resource }) => [Action, Resource])).toEqual([
      ['es:ESHttp*', `${domainArn}/*`],
      ['iam:PassRole', expect.stringMatching(/^\$\{aws_iam_role\.search_Snapshots_Role_.*\.arn\}$/)],
    ]);
    expect(statements(define({ snapshotBucket: false }, unprotected).one('aws_iam_role_policy').policy)).toHaveLength(1);
  });
});

describe("snapshots of one's own", () => {
  const template = define({}, { backupDays: 30 });

  test('lie in a private bucket that keeps what was deleted as long as the environment keeps backups', () => {
    expect(template.one('aws_s3_bucket')).toMatchObject({
      bucket: 'millrace-test-search-backup-111111111111-eu-central-1',
      force_destroy: false,
      lifecycle: { prevent_destroy: true },
    });
    expect(template.one('aws_s3_bucket_versioning').versioning_configuration).toEqual({ status: 'Enabled' });
    expect(template.one('aws_s3_bucket_lifecycle_configuration').rule).toEqual([
      expect.objectContaining({ id: 'replaced-snapshots', noncurrent_version_expiration: [{ noncurrent_days: 30 }] }),
    ]);
    expect(JSON.stringify(template.one('aws_s3_bucket_lifecycle_configuration').rule)).not.toMatch(/transition|"expiration"/);
    expect(template.one('aws_s3_bucket_public_access_block')).toMatchObject({ block_public_acls: true, restrict_public_buckets: true });
    expect(statements(template.one('aws_s3_bucket_policy').policy)[0]).toMatchObject({
      Effect: 'Deny',
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    });
  });

  test('are written through a role that this domain alone may use, for that bucket alone', () => {
    expect(statements(template.one('aws_iam_role', { name: 'test-search-snapshots' }).assume_role_policy)).toEqual([
      {
        Sid: 'ThisDomain',
        Effect: 'Allow',
        Principal: { Service: 'es.amazonaws.com' },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'aws:SourceAccount': '111111111111' }, ArnLike: { 'aws:SourceArn': domainArn } },
      },
    ]);
    const bucketArn = 'arn:aws:s3:::millrace-test-search-backup-111111111111-eu-central-1';
    expect(
      statements(template.one('aws_iam_role_policy', { name: 'reach-bucket' }).policy).map(({ Action, Resource }) => [Action, Resource]),
    ).toEqual([
      ['s3:ListBucket', bucketArn],
      [['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], `${bucketArn}/*`],
      [['kms:Decrypt', 'kms:GenerateDataKey'], 'arn:aws:kms:key'],
    ]);
  });

  test('are left out where nobody wants them, with their role', () => {
    const without = define({ snapshotBucket: false }, unprotected);
    expect(without.all('aws_s3_bucket')).toEqual([]);
    expect(without.all('aws_iam_role')).toHaveLength(1);
  });
});

test('everything set', () => {
  const template = define({
    service: 'logs',
    overrides: {
      dataNodeType: 'r7g.2xlarge.search',
      dataNodes: 6,
      dedicatedMasters: 3,
      masterNodeType: 'm7g.xlarge.search',
      warmNodes: 3,
      warmNodeType: 'ultrawarm1.large.search',
      coldStorage: true,
      diskGiB: 2_000,
      version: '3.3',
    },
    upgradeFrom: '3.1',
    zones: 3,
    standby: true,
    iops: 10_000,
    throughputMiBps: 1_000,
    autoTune: true,
    offPeakStart: '01:30',
    advancedOptions: { 'indices.query.bool.max_clause_count': '2048' },
    customEndpoint: { hostName: 'logs.example.com', certificateArn: 'arn:aws:acm:eu-central-1:111111111111:certificate/1' },
    masterRolePrincipals: ['arn:aws:iam::111111111111:role/operators'],
    snapshotBucket: true,
  });
  expect(domainOf(template)).toMatchObject({
    domain_name: 'test-logs',
    engine_version: 'OpenSearch_3.3',
    cluster_config: {
      instance_type: 'r7g.2xlarge.search',
      instance_count: 6,
      zone_awareness_config: { availability_zone_count: 3 },
      multi_az_with_standby_enabled: true,
      dedicated_master_enabled: true,
      dedicated_master_count: 3,
      dedicated_master_type: 'm7g.xlarge.search',
      warm_enabled: true,
      warm_count: 3,
      warm_type: 'ultrawarm1.large.search',
      cold_storage_options: { enabled: true },
    },
    ebs_options: { volume_size: 2_000, iops: 10_000, throughput: 1_000 },
    auto_tune_options: { desired_state: 'ENABLED', rollback_on_disable: 'NO_ROLLBACK', use_off_peak_window: true },
    off_peak_window_options: { off_peak_window: { window_start_time: { hours: 1, minutes: 30 } } },
    advanced_options: { 'rest.action.multi.allow_explicit_index': 'true', 'indices.query.bool.max_clause_count': '2048' },
    domain_endpoint_options: {
      custom_endpoint_enabled: true,
      custom_endpoint: 'logs.example.com',
      custom_endpoint_certificate_arn: 'arn:aws:acm:eu-central-1:111111111111:certificate/1',
    },
  });
});

describe('zones', () => {
  const twoSubnets = { ...network, privateSubnetIds: ['subnet-a', 'subnet-b'] };

  test('are two where the network has two', () => {
    const template = define({ network: twoSubnets, overrides: { dataNodes: 4 } });
    expect(clusterOf(template)).toMatchObject({ instance_count: 4, zone_awareness_config: { availability_zone_count: 2 } });
    expect(domainOf(template).vpc_options).toMatchObject({ subnet_ids: ['subnet-a', 'subnet-b'] });
  });

  test('are two where that is wanted, with as many subnets', () => {
    const template = define({ zones: 2, overrides: { dataNodes: 4 } });
    expect(domainOf(template).vpc_options).toMatchObject({ subnet_ids: ['subnet-a', 'subnet-b'] });
  });

  test('are not spoken of with one node', () => {
    const template = define({ overrides: { dataNodes: 1 } }, unprotected);
    expect(clusterOf(template)).toMatchObject({ zone_awareness_enabled: false });
    expect(clusterOf(template)).not.toHaveProperty('zone_awareness_config');
    expect(domainOf(template).vpc_options).toMatchObject({ subnet_ids: ['subnet-a'] });
  });
});

describe('sizes', () => {
  test.each([
    ['medium', { dedicated_master_enabled: true, dedicated_master_count: 3, warm_enabled: false }],
    ['large', { dedicated_master_enabled: true, warm_enabled: true, warm_count: 2, cold_storage_options: { enabled: true } }],
  ] as const)('%s keeps every rule, and is tuned', (size, cluster) => {
    const template = define({}, { size });
    expect(clusterOf(template)).toMatchObject(cluster);
    expect(domainOf(template).auto_tune_options).toMatchObject({ desired_state: 'ENABLED', use_off_peak_window: true });
  });

  test('nodes that could be tuned are told so when they are not to be, as before they shrink to some that cannot', () => {
    for (const given of [{ autoTune: false }, { autoTune: true, overrides: { autoTune: false } }]) {
      expect(domainOf(define(given, { size: 'medium' })).auto_tune_options).toEqual({
        desired_state: 'DISABLED',
        rollback_on_disable: 'NO_ROLLBACK',
      });
    }
    expect(domainOf(define({ autoTune: false })).auto_tune_options).toBeUndefined();
  });

  test('a larger environment gets larger servers', () => {
    expect(resolveOpenSearch(minimal, { ...testIdentity, size: 'large' })).toMatchObject({
      dataNodeType: 'r7g.2xlarge.search',
      iops: 3_000,
      throughputMiBps: 250,
    });
  });
});

test.each([
  [20, 3_000, 125],
  [170, 3_000, 125],
  [171, 3_000, 250],
  [2_000, 6_000, 250],
  [3_001, 9_003, 500],
  [20_000, 16_000, 1_000],
])('a disk of %i GiB has %i IOPS and %i MiB/s', (diskGiB, iops, throughput) => {
  const template = define({ overrides: { ...large, diskGiB } });
  expect(domainOf(template).ebs_options).toEqual({ ebs_enabled: true, volume_type: 'gp3', volume_size: diskGiB, iops, throughput });
});

test('nodes with disks of their own get no volume', () => {
  const { diskGiB: _none, ...others } = large;
  const template = define({ overrides: { ...others, dataNodeType: 'i4g.large.search' } });
  expect(domainOf(template).ebs_options).toEqual({ ebs_enabled: false });
});

test.each(knownVersions)('version %s is written as AWS gives it back', (version) => {
  expect(engineVersionOf(version)).toMatch(/^OpenSearch_\d\.\d{1,2}$/);
  expect(domainOf(define({ overrides: { version } })).engine_version).toBe(`OpenSearch_${version}`);
});

test('an upgrade to the next major version begins at the last of the one before', () => {
  expect(domainOf(define({ upgradeFrom: '2.19', overrides: { version: '3.3' } })).engine_version).toBe('OpenSearch_3.3');
});

test('an override reaches what the construct does not offer', () => {
  const template = define({}, {}, (domain) => domain.override('ip_address_type', 'dualstack'));
  expect(domainOf(template)).toMatchObject({ ip_address_type: 'dualstack' });
});
