import { type ArgumentRule, argumentRule, atLeast, isFalse, isGiven, isTrue, oneOf } from './arguments.ts';
import { type Block, ofTypes, type StackContent, valuesAt } from './content.ts';
import { type Rule, resource } from './rule.ts';

const key = 'a key of ours';
const inProduction: NonNullable<ArgumentRule['only']> = (_block, { deletionProtection }) => deletionProtection;
const cache = 'aws_elasticache_replication_group';
const serverless = 'aws_elasticache_serverless_cache';
const kafka = 'aws_msk_cluster';
const broker = 'aws_mq_broker';
const domain = 'aws_opensearch_domain';
const instance = 'aws_instance';
/** The newest that checkov knows are these; older ones allow TLS 1.0. */
const tlsPolicies = ['Policy-Min-TLS-1-2-PFS-2023-10', 'Policy-Min-TLS-1-2-RFC9151-FIPS-2024-08', 'Policy-Min-TLS-1-2-2019-07'];
const isExpress = ({ arguments: args }: Block): boolean =>
  valuesAt(args, 'broker_node_group_info.instance_type').some((type) => String(type).startsWith('express.'));
const onBrokersOfOurs: NonNullable<ArgumentRule['only']> = (block) => !isExpress(block);

const rows: readonly ArgumentRule[] = [
  { type: cache, argument: 'transit_encryption_enabled', must: 'true', holds: isTrue, wrong: false },
  { type: cache, argument: 'transit_encryption_mode', must: 'required, not preferred', holds: oneOf('required'), wrong: 'preferred' },
  { type: cache, argument: 'at_rest_encryption_enabled', must: 'true', holds: isTrue, wrong: 'false' },
  { type: cache, argument: 'kms_key_id', must: key, holds: isGiven, wrong: '' },
  {
    type: cache,
    argument: 'user_group_ids',
    must: 'one group of users',
    holds: (value) => Array.isArray(value) && value.length === 1,
    wrong: [],
  },
  { type: cache, argument: 'subnet_group_name', must: 'a group of our own', holds: isGiven, wrong: 'default' },
  { type: cache, argument: 'parameter_group_name', must: 'a group of our own', holds: isGiven, wrong: 'default.valkey8' },
  { type: cache, argument: 'auto_minor_version_upgrade', must: 'true', holds: isTrue, wrong: 'false' },
  { type: cache, argument: 'snapshot_retention_limit', must: 'at least a day', holds: atLeast(1), wrong: 0 },
  { type: cache, argument: 'multi_az_enabled', must: 'true in production', holds: isTrue, wrong: false, only: inProduction },
  { type: cache, argument: 'automatic_failover_enabled', must: 'true in production', holds: isTrue, wrong: false, only: inProduction },
  { type: cache, argument: 'final_snapshot_identifier', must: 'given in production', holds: isGiven, wrong: '', only: inProduction },
  { type: serverless, argument: 'kms_key_id', must: key, holds: isGiven, wrong: '' },
  { type: serverless, argument: 'user_group_id', must: 'a group of users', holds: isGiven, wrong: '' },
  {
    type: serverless,
    argument: 'subnet_ids',
    must: 'subnets of ours',
    holds: (value) => Array.isArray(value) && value.length >= 2,
    wrong: [],
  },
  { type: serverless, argument: 'snapshot_retention_limit', must: 'at least a day', holds: atLeast(1), wrong: 0 },

  { type: kafka, argument: 'client_authentication.unauthenticated', must: 'false', holds: isFalse, wrong: true },
  {
    type: kafka,
    argument: 'encryption_info.encryption_in_transit.client_broker',
    must: 'TLS',
    holds: oneOf('TLS'),
    wrong: 'TLS_PLAINTEXT',
  },
  { type: kafka, argument: 'encryption_info.encryption_in_transit.in_cluster', must: 'true', holds: isTrue, wrong: false },
  { type: kafka, argument: 'encryption_info.encryption_at_rest_kms_key_arn', must: key, holds: isGiven, wrong: '' },
  {
    type: kafka,
    argument: 'enhanced_monitoring',
    must: 'at least per broker',
    holds: oneOf('PER_BROKER', 'PER_TOPIC_PER_BROKER', 'PER_TOPIC_PER_PARTITION'),
    wrong: 'DEFAULT',
  },
  { type: kafka, argument: 'configuration_info.arn', must: 'a configuration of our own', holds: isGiven, wrong: '' },
  {
    type: kafka,
    argument: 'logging_info.broker_logs.cloudwatch_logs.enabled',
    must: 'true',
    holds: isTrue,
    wrong: false,
    only: onBrokersOfOurs,
  },

  ...[broker, 'aws_mq_configuration'].map((type) => ({
    type,
    argument: 'engine_version',
    must: 'one of RabbitMQ that Amazon MQ supports',
    holds: oneOf('3.13', '4.2'),
    wrong: '3.11',
  })),
  { type: broker, argument: 'engine_type', must: 'RabbitMQ', holds: oneOf('RabbitMQ'), wrong: 'ActiveMQ' },
  { type: broker, argument: 'encryption_options.kms_key_id', must: key, holds: isGiven, wrong: '' },
  { type: broker, argument: 'encryption_options.use_aws_owned_key', must: 'false', holds: isFalse, wrong: true },
  { type: broker, argument: 'auto_minor_version_upgrade', must: 'true', holds: isTrue, wrong: false },
  { type: broker, argument: 'logs.general', must: 'true', holds: isTrue, wrong: false },
  { type: broker, argument: 'logs.audit', must: 'left out: RabbitMQ has none', holds: () => false, wrong: true, optional: true },
  { type: broker, argument: 'configuration.id', must: 'a configuration of our own', holds: isGiven, wrong: '' },
  {
    type: broker,
    argument: 'deployment_mode',
    must: 'CLUSTER_MULTI_AZ in production',
    holds: oneOf('CLUSTER_MULTI_AZ'),
    wrong: 'SINGLE_INSTANCE',
    only: inProduction,
  },

  { type: domain, argument: 'encrypt_at_rest.enabled', must: 'true', holds: isTrue, wrong: false },
  { type: domain, argument: 'encrypt_at_rest.kms_key_id', must: key, holds: isGiven, wrong: '' },
  { type: domain, argument: 'node_to_node_encryption.enabled', must: 'true', holds: isTrue, wrong: false },
  { type: domain, argument: 'domain_endpoint_options.enforce_https', must: 'true', holds: isTrue, wrong: false },
  {
    type: domain,
    argument: 'domain_endpoint_options.tls_security_policy',
    must: 'TLS 1.2 or newer',
    holds: oneOf(...tlsPolicies),
    wrong: 'Policy-Min-TLS-1-0-2019-07',
  },
  {
    type: domain,
    argument: 'vpc_options.subnet_ids',
    must: 'subnets of ours',
    holds: (value) => Array.isArray(value) && value.length > 0,
    wrong: [],
  },
  { type: domain, argument: 'advanced_security_options.enabled', must: 'true', holds: isTrue, wrong: false },
  {
    type: domain,
    argument: 'advanced_security_options.anonymous_auth_enabled',
    must: 'false',
    holds: isFalse,
    wrong: true,
    optional: true,
  },
  { type: domain, argument: 'off_peak_window_options.enabled', must: 'true', holds: isTrue, wrong: false },
  { type: domain, argument: 'software_update_options.auto_software_update_enabled', must: 'true', holds: isTrue, wrong: false },
  {
    type: domain,
    argument: 'cluster_config.zone_awareness_enabled',
    must: 'true in production',
    holds: isTrue,
    wrong: false,
    only: inProduction,
  },
  { type: domain, argument: 'cluster_config.instance_count', must: 'at least three', holds: atLeast(3), wrong: 2 },
  {
    type: domain,
    argument: 'cluster_config.dedicated_master_count',
    must: 'three in production',
    holds: atLeast(3),
    wrong: 0,
    only: inProduction,
  },

  { type: instance, argument: 'metadata_options.http_tokens', must: 'required', holds: oneOf('required'), wrong: 'optional' },
  { type: instance, argument: 'metadata_options.http_put_response_hop_limit', must: '1', holds: oneOf(1), wrong: 2 },
  { type: instance, argument: 'root_block_device.encrypted', must: 'true', holds: isTrue, wrong: false },
  { type: instance, argument: 'root_block_device.kms_key_id', must: key, holds: isGiven, wrong: '' },
  { type: instance, argument: 'monitoring', must: 'true', holds: isTrue, wrong: false },
  {
    type: instance,
    argument: 'key_name',
    must: 'left out: sessions come through Session Manager',
    holds: () => false,
    wrong: 'ssh',
    optional: true,
  },
  { type: 'aws_launch_template', argument: 'metadata_options.http_tokens', must: 'required', holds: oneOf('required'), wrong: 'optional' },
  { type: 'aws_ebs_volume', argument: 'encrypted', must: 'true', holds: isTrue, wrong: false },
  { type: 'aws_ebs_volume', argument: 'kms_key_id', must: key, holds: isGiven, wrong: '' },
];

/** Kafka's copies: all that acknowledged writes stand on. */
const copies: readonly { readonly property: string; readonly must: string; readonly holds: (value: string) => boolean }[] = [
  { property: 'default.replication.factor', must: 'at least 3', holds: atLeast(3) },
  {
    property: 'min.insync.replicas',
    must: '2: fewer lose writes, as many as there are copies stop at every patch',
    holds: (value) => value === '2',
  },
  { property: 'unclean.leader.election.enable', must: 'false', holds: (value) => value === 'false' },
  { property: 'auto.create.topics.enable', must: 'false', holds: (value) => value === 'false' },
];

const brokerProperties = (stack: StackContent): readonly string[] =>
  // Express brokers keep three copies whatever one says, and take no word on them.
  ofTypes(stack, kafka).every(isExpress) && ofTypes(stack, kafka).length > 0
    ? []
    : ofTypes(stack, 'aws_msk_configuration').flatMap(({ path, arguments: { server_properties } }) =>
        copies.flatMap(({ property, must, holds }) => {
          const value = new RegExp(`^\\s*${property.replaceAll('.', '\\.')}\\s*=\\s*(.*?)\\s*$`, 'm').exec(String(server_properties))?.[1];
          return value !== undefined && holds(value) ? [] : [`${path}: ${property} must be ${must}, got ${value ?? 'nothing'}`];
        }),
      );

const auditLog = (stack: StackContent): readonly string[] =>
  ofTypes(stack, domain)
    .filter(
      ({ arguments: { log_publishing_options } }) =>
        !(
          Array.isArray(log_publishing_options) &&
          log_publishing_options.some((log) => log.log_type === 'AUDIT_LOGS' && log.enabled !== false)
        ),
    )
    .map(({ path }) => `${path} must publish AUDIT_LOGS`);

/** Kafka takes a user's secret only under this name. */
const scramNames = (stack: StackContent): readonly string[] => {
  const associated = new Set(
    ofTypes(stack, 'aws_msk_scram_secret_association', 'aws_msk_single_scram_secret_association').flatMap(({ arguments: args }) =>
      [...JSON.stringify(args).matchAll(/aws_secretsmanager_secret\.([\w-]+)\./g)].map(([, name]) => name),
    ),
  );
  return ofTypes(stack, 'aws_secretsmanager_secret')
    .filter(({ name, arguments: args }) => associated.has(name) && !String(args.name).startsWith('AmazonMSK_'))
    .map(({ path }) => `${path}: the name must begin with AmazonMSK_`);
};

const goodProperties =
  'default.replication.factor=3\nmin.insync.replicas=2\nunclean.leader.election.enable=false\nauto.create.topics.enable=false';
const without = (line: string) => resource('aws_msk_configuration', { server_properties: goodProperties.replace(line, '') });

export const serviceRules: readonly Rule[] = [
  ...rows.map(argumentRule),
  {
    id: 'kafka-keeps-its-copies',
    what: 'three copies of which two acknowledge, and no leader that lacks writes',
    violations: brokerProperties,
    planted: [
      ...goodProperties.split('\n').map(without),
      resource('aws_msk_configuration', { server_properties: goodProperties.replace('replicas=2', 'replicas=3') }),
    ],
  },
  {
    id: 'opensearch-publishes-its-audit-log',
    what: 'who read what is known',
    violations: auditLog,
    planted: [resource(domain, {}), resource(domain, { log_publishing_options: [{ log_type: 'AUDIT_LOGS', enabled: false }] })],
  },
  {
    id: 'users-of-kafka-have-names-that-msk-takes',
    what: 'MSK finds no secret under another name',
    violations: scramNames,
    planted: [
      {
        resource: {
          aws_secretsmanager_secret: { user: { name: 'staging-log-user' } },
          aws_msk_scram_secret_association: { x: { secret_arn_list: [`\${aws_secretsmanager_secret.user.arn}`] } },
        },
      },
    ],
  },
];
