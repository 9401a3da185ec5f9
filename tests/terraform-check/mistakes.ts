import { firstOf, type StackConfig, type Step } from './workspace.ts';

/** A mistake that someone could make, in a stack that has none, and what terraform must say of it. */
export interface Mistake {
  readonly what: string;
  readonly stack: string;
  /** @default validate */
  readonly step?: Step;
  readonly plant: (config: StackConfig) => void;
  readonly said: RegExp;
}

const network = 'staging-network';
const cache = 'staging-cache';
const messaging = 'staging-messaging';
const search = 'staging-search';
const workers = 'staging-workers';
const observability = 'staging-observability';
const bootstrap = 'bootstrap-111111111111-eu-central-1';
/** A stack with nothing but a generated secret. */
export const secret = 'test-secret';

const first = (config: StackConfig, type: string) => firstOf(config.resource, type)[1];
const password = ({ ephemeral }: StackConfig): string =>
  `\${ephemeral.aws_secretsmanager_random_password.${firstOf(ephemeral, 'aws_secretsmanager_random_password')[0]}.random_password}`;

/** What the check is there to find. */
export const mistakes: readonly Mistake[] = [
  {
    what: 'two resources that need each other',
    stack: network,
    plant: (config) => {
      first(config, 'aws_vpc').tags = { Name: `\${aws_subnet.${firstOf(config.resource, 'aws_subnet')[0]}.id}` };
    },
    said: /Cycle: .*aws_(vpc|subnet)\./,
  },
  {
    what: 'a misspelt argument',
    stack: cache,
    plant: (config) => {
      first(config, 'aws_elasticache_replication_group').node_typ = 'cache.t4g.micro';
    },
    said: /"node_typ"/,
  },
  {
    what: 'a misspelt block',
    stack: cache,
    plant: (config) => {
      first(config, 'aws_elasticache_replication_group').log_delivery = [{ log_type: 'slow-log' }];
    },
    said: /"log_delivery"/,
  },
  {
    what: 'a value of the wrong type',
    stack: cache,
    plant: (config) => {
      first(config, 'aws_elasticache_replication_group').num_cache_clusters = 'many';
    },
    said: /Inappropriate value for attribute "num_cache_clusters": a number is required/,
  },
  {
    what: 'a missing argument',
    stack: network,
    plant: (config) => {
      delete first(config, 'aws_subnet').vpc_id;
    },
    said: /The argument "vpc_id" is required/,
  },
  {
    what: 'a reference to a resource that does not exist',
    stack: network,
    plant: (config) => {
      first(config, 'aws_subnet').vpc_id = `\${aws_vpc.missing.id}`;
    },
    said: /A managed resource "aws_vpc" "missing" has not been declared/,
  },
  {
    what: 'a reference to an attribute that does not exist',
    stack: network,
    plant: (config) => {
      first(config, 'aws_subnet').vpc_id = `\${aws_vpc.${firstOf(config.resource, 'aws_vpc')[0]}.vpc}`;
    },
    said: /Unsupported attribute .* attribute named "vpc"/,
  },
  {
    what: 'an argument that only AWS can give a value',
    stack: network,
    plant: (config) => {
      first(config, 'aws_vpc').arn = 'arn:aws:ec2:eu-central-1:111111111111:vpc/vpc-0a';
    },
    said: /aws_vpc\.arn.* computed and cannot be set/,
  },
  {
    what: 'a policy that is no JSON',
    stack: cache,
    plant: (config) => {
      first(config, 'aws_iam_policy').policy = '{"Statement": [}';
    },
    said: /Invalid value for aws_iam_policy\.policy .* must be a JSON document/,
  },
  {
    what: 'a key that is no ARN',
    stack: cache,
    plant: (config) => {
      first(config, 'aws_elasticache_replication_group').notification_topic_arn = 'alarms';
    },
    said: /aws_elasticache_replication_group\.notification_topic_arn .* must be an ARN/,
  },
  {
    what: 'a local that does not exist, within a policy',
    stack: messaging,
    plant: (config) => {
      const policy = Object.values(config.resource.aws_iam_policy ?? {}).find((one) => String(one.policy).includes('local.'));
      if (policy === undefined) throw new Error('no policy with a local to plant a mistake in');
      policy.policy = String(policy.policy).replaceAll(/local\.\w+/g, 'local.missing');
    },
    said: /A local value with the name "missing" has not been declared/,
  },
  {
    what: 'a misspelt argument of a block within a block',
    stack: messaging,
    plant: (config) => {
      first(config, 'aws_msk_cluster').encryption_info = [{ encryption_in_transit: [{ client_brokers: 'TLS' }] }];
    },
    said: /"client_brokers"/,
  },
  {
    what: 'a block that may stand once and stands twice',
    stack: search,
    plant: (config) => {
      first(config, 'aws_opensearch_domain').encrypt_at_rest = [{ enabled: true }, { enabled: true }];
    },
    said: /Too many encrypt_at_rest blocks/,
  },
  {
    what: 'a number that is text',
    stack: workers,
    plant: (config) => {
      first(config, 'aws_ecs_service').desired_count = 'two';
    },
    said: /Inappropriate value for attribute "desired_count": a number is required/,
  },
  {
    what: 'a resource that is missing where another needs it',
    stack: bootstrap,
    plant: ({ resource }) => {
      delete resource.aws_kms_key;
    },
    said: /A managed resource "aws_kms_key" "\w+" has not been declared/,
  },
  {
    what: 'a generated password in an argument that is stored',
    stack: secret,
    plant: (config) => {
      first(config, 'aws_secretsmanager_secret').description = password(config);
    },
    said: /Invalid use of ephemeral value .*"description"/,
  },
  {
    what: 'a generated password in an output',
    stack: secret,
    plant: (config) => {
      Object.assign(config, { output: { planted: { value: password(config) } } });
    },
    said: /output.*planted.* [Ee]phemeral value/,
  },
  {
    what: 'an alarm that asks its instances for a value that they do not have',
    stack: observability,
    step: 'plan',
    plant: (config) => {
      first(config, 'aws_cloudwatch_metric_alarm').dimensions = { Service: `\${each.value.nothing}` };
    },
    said: /Unsupported attribute .* each\.value/,
  },
  {
    what: 'a schedule that does not say how late it may be',
    stack: observability,
    plant: (config) => {
      delete first(config, 'aws_scheduler_schedule').flexible_time_window;
    },
    said: /flexible_time_window/,
  },
  {
    what: 'a misspelt argument of an ephemeral resource',
    stack: secret,
    plant: ({ ephemeral }) => {
      firstOf(ephemeral, 'aws_secretsmanager_random_password')[1].password_lenght = 40;
    },
    said: /"password_lenght"/,
  },
  {
    what: 'a secret whose content is no JSON',
    stack: secret,
    step: 'apply',
    plant: (config) => {
      first(config, 'aws_secretsmanager_secret_version').secret_string_wo = password(config);
    },
    said: /Invalid value for aws_secretsmanager_secret_version\.secret_string_wo .* must be a JSON document/,
  },
  {
    what: 'an output that another stack does not have',
    stack: cache,
    step: 'plan',
    plant: (config) => {
      first(config, 'aws_elasticache_subnet_group').subnet_ids = [
        `\${data.terraform_remote_state.cross-stack-reference-input-staging-network.outputs.missing}`,
      ];
    },
    said: /Unsupported attribute .* attribute named "missing"/,
  },
];
