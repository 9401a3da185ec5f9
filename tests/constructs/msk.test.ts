import { resolveMsk } from '../../constructs/aws/msk/resolve.ts';
import type { Template } from '../support/template.ts';
import { testIdentity } from '../support/template.ts';
import { network } from './elasticache.ts';
import { define, minimal } from './msk.ts';

const clusterOf = (template: Template) => template.one('aws_msk_cluster');
const configurationOf = (template: Template) => template.one('aws_msk_configuration');
const propertiesOf = (template: Template) => (configurationOf(template).server_properties as string).trimEnd().split('\n');
const withoutMask = { deletionProtection: false };

describe('minimal', () => {
  const template = define();
  const cluster = clusterOf(template);

  test('is a broker in each zone, of the type of a small environment and with a version that type can run', () => {
    expect(cluster).toMatchObject({
      cluster_name: 'test-log',
      kafka_version: '3.9.x',
      number_of_broker_nodes: 3,
      broker_node_group_info: {
        instance_type: 'kafka.t3.small',
        client_subnets: ['subnet-a', 'subnet-b', 'subnet-c'],
        storage_info: { ebs_storage_info: { volume_size: 50 } },
        connectivity_info: { public_access: { type: 'DISABLED' } },
      },
    });
  });

  test('is encrypted at rest and both ways on the wire, and lets nobody in but through IAM', () => {
    expect(cluster).toMatchObject({
      encryption_info: {
        encryption_at_rest_kms_key_arn: 'arn:aws:kms:key',
        encryption_in_transit: { client_broker: 'TLS', in_cluster: true },
      },
      client_authentication: { unauthenticated: false, sasl: { iam: true, scram: false } },
    });
    expect(template.counts()).not.toHaveProperty('aws_secretsmanager_secret');
    expect(template.counts()).not.toHaveProperty('aws_msk_scram_secret_association');
  });

  test('keeps three copies, two of which acknowledge, of topics and of its own books', () => {
    expect(propertiesOf(template)).toEqual([
      'auto.create.topics.enable=false',
      'default.replication.factor=3',
      'log.retention.hours=168',
      'min.insync.replicas=2',
      'num.partitions=6',
      'offsets.topic.replication.factor=3',
      'replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector',
      'transaction.state.log.min.isr=2',
      'transaction.state.log.replication.factor=3',
      'unclean.leader.election.enable=false',
    ]);
    expect(configurationOf(template)).toMatchObject({ kafka_versions: ['3.9.x'], lifecycle: { create_before_destroy: true } });
  });

  test('delivers its logs into an encrypted group that is kept for a year', () => {
    const group = template.one('aws_cloudwatch_log_group');
    expect(group).toMatchObject({
      name: '/aws/vendedlogs/millrace/test/log/broker-log',
      kms_key_id: 'arn:aws:kms:key',
      retention_in_days: 365,
    });
    expect(cluster).toMatchObject({ logging_info: { broker_logs: { cloudwatch_logs: { enabled: true } } } });
    expect(cluster.logging_info).not.toHaveProperty('broker_logs.s3');
  });

  test('is watched broker by broker, and by Prometheus if it is let in', () => {
    expect(cluster).toMatchObject({
      enhanced_monitoring: 'PER_BROKER',
      open_monitoring: { prometheus: { jmx_exporter: { enabled_in_broker: true }, node_exporter: { enabled_in_broker: true } } },
    });
  });

  test('is reached by the clients of the network, on the port of IAM alone', () => {
    expect(template.one('aws_vpc_security_group_ingress_rule')).toMatchObject({
      referenced_security_group_id: 'sg-clients',
      from_port: 9098,
      to_port: 9098,
    });
    expect(template.one('aws_vpc_security_group_egress_rule')).toMatchObject({ security_group_id: 'sg-clients', from_port: 9098 });
  });

  test('has disks that grow, and does not take the growth back', () => {
    expect(template.one('aws_appautoscaling_target')).toMatchObject({
      service_namespace: 'kafka',
      scalable_dimension: 'kafka:broker-storage:VolumeSize',
      max_capacity: 250,
    });
    expect(template.one('aws_appautoscaling_policy')).toMatchObject({
      name: 'test-log-disks',
      target_tracking_scaling_policy_configuration: {
        predefined_metric_specification: { predefined_metric_type: 'KafkaBrokerStorageUtilization' },
        target_value: 60,
        disable_scale_in: true,
      },
    });
    expect(cluster.lifecycle).toEqual({
      prevent_destroy: true,
      ignore_changes: ['broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size'],
    });
  });
});

test('everything set', () => {
  const template = define({
    service: 'events',
    role: 'events',
    overrides: { brokerType: 'kafka.m7g.4xlarge', brokers: 6, diskGiB: 500, maxDiskGiB: 8_000, version: '4.0.x.kraft' },
    scramUsers: ['connect', 'legacy'],
    scramGeneration: 2,
    bindAs: 'scram',
    serverProperties: { 'num.partitions': 12, 'log.retention.ms': 86_400_000, 'allow.everyone.if.no.acl.found': false },
    storageTargetPercent: 50,
    storageThroughputMiBs: 500,
    tieredStorage: true,
    monitoringLevel: 'PER_TOPIC_PER_PARTITION',
    openMonitoring: false,
    logBucket: { bucketName: 'logs', prefix: 'kafka/' },
  });
  expect(clusterOf(template)).toMatchObject({
    cluster_name: 'test-events',
    kafka_version: '4.0.x.kraft',
    number_of_broker_nodes: 6,
    storage_mode: 'TIERED',
    enhanced_monitoring: 'PER_TOPIC_PER_PARTITION',
    broker_node_group_info: {
      instance_type: 'kafka.m7g.4xlarge',
      storage_info: { ebs_storage_info: { volume_size: 500, provisioned_throughput: { enabled: true, volume_throughput: 500 } } },
    },
    client_authentication: { sasl: { iam: true, scram: true } },
    open_monitoring: { prometheus: { jmx_exporter: { enabled_in_broker: false }, node_exporter: { enabled_in_broker: false } } },
    logging_info: { broker_logs: { s3: { enabled: true, bucket: 'logs', prefix: 'kafka/' } } },
    timeouts: { create: '120m', update: '180m', delete: '120m' },
  });
  const properties = propertiesOf(template);
  expect(properties).toEqual(
    expect.arrayContaining([
      'allow.everyone.if.no.acl.found=false',
      'log.retention.ms=86400000',
      'num.io.threads=16',
      'num.network.threads=8',
      'num.partitions=12',
    ]),
  );
  expect(properties.join()).not.toContain('log.retention.hours');
  expect(template.one('aws_appautoscaling_target')).toMatchObject({ max_capacity: 8_000 });
  expect(template.one('aws_appautoscaling_policy')).toMatchObject({ target_tracking_scaling_policy_configuration: { target_value: 50 } });
});

describe('users with a password', () => {
  const template = define({ scramUsers: ['connect', 'legacy'] });

  test('have a secret each, under the name and key that MSK asks for, which MSK may read', () => {
    expect(template.all('aws_secretsmanager_secret').map(({ name, kms_key_id }) => [name, kms_key_id])).toEqual([
      ['AmazonMSK_test_log_connect', 'arn:aws:kms:key'],
      ['AmazonMSK_test_log_legacy', 'arn:aws:kms:key'],
    ]);
    for (const policy of template.all('aws_secretsmanager_secret_policy')) {
      expect(policy.block_public_policy).toBe(true);
      expect(JSON.parse(policy.policy as string).Statement).toEqual([
        {
          Sid: 'AWSKafkaResourcePolicy',
          Effect: 'Allow',
          Principal: { Service: 'kafka.amazonaws.com' },
          Action: 'secretsmanager:getSecretValue',
          Resource: policy.secret_arn,
        },
      ]);
    }
  });

  test('have passwords that no plan and no state holds', () => {
    for (const value of template.all('aws_secretsmanager_secret_version')) {
      expect(value).not.toHaveProperty('secret_string');
      expect(value.secret_string_wo).toMatch(/"username" = "(connect|legacy)"/);
      expect(value.secret_string_wo).toContain('ephemeral.aws_secretsmanager_random_password');
    }
  });

  test('belong to one association, which comes after their values and policies', () => {
    const association = template.one('aws_msk_scram_secret_association');
    expect(association.secret_arn_list).toHaveLength(2);
    expect(association.depends_on).toHaveLength(4);
    expect(association.depends_on).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^aws_secretsmanager_secret_policy\./),
        expect.stringMatching(/^aws_secretsmanager_secret_version\./),
      ]),
    );
  });

  test('get a port of their own', () => {
    expect(template.all('aws_vpc_security_group_ingress_rule').map(({ from_port }) => from_port)).toEqual([9096, 9098]);
  });
});

describe('disks that do not grow', () => {
  test.each([
    ['where the most is what there is', { diskGiB: 100, maxDiskGiB: 100 }],
    ['where more than the size allows is there from the start', { diskGiB: 500 }],
  ])('%s', (_what, overrides) => {
    const template = define({ overrides });
    expect(template.counts()).not.toHaveProperty('aws_appautoscaling_policy');
    expect(clusterOf(template).lifecycle).toEqual({ prevent_destroy: true });
  });
});

describe('Express brokers', () => {
  const template = define({ overrides: { brokerType: 'express.m7g.large' } });
  const cluster = clusterOf(template);

  test('have no disks to speak of, and partitions that MSK spreads', () => {
    expect(cluster.broker_node_group_info).not.toHaveProperty('storage_info');
    expect(cluster.broker_node_group_info).not.toHaveProperty('connectivity_info');
    expect(cluster).toMatchObject({ kafka_version: '3.9.x.kraft', rebalancing: { status: 'ACTIVE' } });
    expect(template.counts()).not.toHaveProperty('aws_appautoscaling_policy');
    expect(clusterOf(define({ overrides: { brokerType: 'express.m7g.large' }, rebalancing: false }))).toMatchObject({
      rebalancing: { status: 'PAUSED' },
    });
  });

  test('are told only what they let one set', () => {
    expect(propertiesOf(template)).toEqual(['auto.create.topics.enable=false', 'log.retention.ms=604800000', 'num.partitions=6']);
  });

  test('are logged as the others are', () => {
    expect(cluster).toMatchObject({ logging_info: { broker_logs: { cloudwatch_logs: { enabled: true } } } });
  });
});

test('other brokers run the line of Kafka that the local environment runs, without ZooKeeper', () => {
  expect(resolveMsk(minimal, { ...testIdentity, size: 'medium' })).toMatchObject({
    brokerType: 'kafka.m7g.large',
    version: '4.1.x.kraft',
    monitoringLevel: 'PER_TOPIC_PER_BROKER',
  });
});

test('a configuration is named after its content, so that a new one stands before the old one goes', () => {
  const medium = { brokerType: 'kafka.m7g.large' } as const;
  const names = [
    define(),
    define(),
    define({ serverProperties: { 'num.partitions': 7 } }),
    define({ overrides: medium }),
    define({ overrides: { ...medium, version: '4.0.x.kraft' } }),
  ].map((template) => configurationOf(template).name);
  expect(names[0]).toMatch(/^test-log-[0-9a-f]{8}$/);
  expect(names[1]).toBe(names[0]);
  expect(new Set(names).size).toBe(4);
});

test('the order in which properties are given changes nothing', () => {
  const one = define({ serverProperties: { 'num.partitions': 7, 'message.max.bytes': 2_000_000 } });
  const other = define({ serverProperties: { 'message.max.bytes': 2_000_000, 'num.partitions': 7 } });
  expect(configurationOf(other)).toEqual(configurationOf(one));
});

test('of more zones MSK gets three', () => {
  const wide = { ...network, privateSubnetIds: ['subnet-a', 'subnet-b', 'subnet-c', 'subnet-d'] };
  expect(clusterOf(define({ network: wide }))).toMatchObject({
    broker_node_group_info: { client_subnets: ['subnet-a', 'subnet-b', 'subnet-c'] },
  });
});

test('where deletion is not protected it can be destroyed', () => {
  expect(clusterOf(define({}, withoutMask)).lifecycle).not.toHaveProperty('prevent_destroy');
  expect(clusterOf(define({ overrides: { maxDiskGiB: 50 } }, withoutMask))).not.toHaveProperty('lifecycle');
});

test('Prometheus is let in where someone names its group', () => {
  const template = define({}, {}, (msk) => msk.monitoring?.allowFrom('Prometheus', { securityGroupId: 'sg-prometheus' }));
  const ports = template.all('aws_vpc_security_group_ingress_rule').filter((rule) => rule.referenced_security_group_id === 'sg-prometheus');
  expect(ports.map(({ from_port }) => from_port)).toEqual([11002, 11001]);
  define({ openMonitoring: false }, {}, (msk) => expect(msk.monitoring).toBeUndefined());
});

test('another group is let in where someone names it', () => {
  const template = define({}, {}, (msk) => msk.connections.allowFrom('Connect', { securityGroupId: 'sg-connect' }));
  expect(template.one('aws_vpc_security_group_ingress_rule', { referenced_security_group_id: 'sg-connect' })).toMatchObject({
    from_port: 9098,
  });
});

test('an override reaches what the construct does not offer', () => {
  const template = define({}, {}, (msk) => msk.override('broker_node_group_info.az_distribution', 'DEFAULT'));
  expect(clusterOf(template)).toMatchObject({ broker_node_group_info: { az_distribution: 'DEFAULT' } });
});
