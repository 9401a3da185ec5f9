import type { AmazonMqProps } from '../../constructs/aws/amazon-mq/props.ts';
import { resolveAmazonMq } from '../../constructs/aws/amazon-mq/resolve.ts';
import { type Template, testIdentity } from '../support/template.ts';
import { define, minimal, network, restOf } from './amazon-mq.ts';

const brokerOf = (template: Template) => template.one('aws_mq_broker');
const configurationOf = (template: Template) => template.one('aws_mq_configuration');

describe('minimal', () => {
  const template = define();
  const broker = brokerOf(template);

  test('is the newest RabbitMQ, written without the patch that AWS manages, on one node of the size', () => {
    expect(broker).toMatchObject({
      broker_name: 'test-tasks',
      engine_type: 'RabbitMQ',
      engine_version: '4.2',
      auto_minor_version_upgrade: true,
      host_instance_type: 'mq.m7g.medium',
      deployment_mode: 'SINGLE_INSTANCE',
      storage_type: 'ebs',
      subnet_ids: ['subnet-a'],
    });
  });

  test('is private and encrypted with the key of the environment', () => {
    expect(broker).toMatchObject({
      publicly_accessible: false,
      encryption_options: { kms_key_id: 'arn:aws:kms:key', use_aws_owned_key: false },
    });
  });

  test('logs, and does not mention the audit log, which the provider refuses whatever it says', () => {
    expect(broker.logs).toEqual({ general: true });
  });

  test('is kept: no destruction, reboots in the maintenance window alone', () => {
    expect(broker).toMatchObject({
      maintenance_window_start_time: { day_of_week: 'SUNDAY', time_of_day: '04:00', time_zone: 'UTC' },
      apply_immediately: false,
    });
    expect(broker.lifecycle).toEqual({ prevent_destroy: true, ignore_changes: ['user'] });
  });

  test('is reached by the clients of the network alone, at the two ports that Amazon MQ has', () => {
    const rules = template.all('aws_vpc_security_group_ingress_rule');
    expect(rules.map(({ from_port, to_port }) => [from_port, to_port]).sort()).toEqual([
      [443, 443],
      [5671, 5671],
    ]);
    for (const rule of rules) {
      expect(rule).toMatchObject({ referenced_security_group_id: 'sg-clients', description: expect.stringMatching(/ of tasks$/) });
    }
    expect(template.all('aws_vpc_security_group_egress_rule')).toHaveLength(2);
    expect(broker.security_groups).toEqual([rules[0]?.security_group_id]);
  });

  test('reads the newest revision of its own configuration', () => {
    expect(configurationOf(template)).toMatchObject({
      name: expect.stringMatching(/^test-tasks-4-2-\$\{substr\(terraform_data\.\w+\.id, 0, 8\)\}$/),
      engine_type: 'RabbitMQ',
      engine_version: '4.2',
      lifecycle: { create_before_destroy: true },
    });
    expect(broker.configuration).toEqual({
      id: expect.stringMatching(/^\$\{aws_mq_configuration\.\w+\.id\}$/),
      revision: expect.stringMatching(/^\$\{aws_mq_configuration\.\w+\.latest_revision\}$/),
    });
  });

  test('takes over no log group, since none has a name yet', () => {
    expect(template.all('aws_cloudwatch_log_group')).toEqual([]);
    expect(restOf(template)).not.toHaveProperty('import');
  });
});

describe('the administrator', () => {
  const template = define();
  const { data, ephemeral } = restOf(template);

  test('is the one user, with a password that Secrets Manager draws', () => {
    expect(brokerOf(template).user).toEqual([
      {
        username: 'millrace',
        password: expect.stringMatching(/^\$\{jsondecode\(data\.aws_secretsmanager_secret_version\.\w+\.secret_string\)\.password\}$/),
      },
    ]);
    expect(Object.values(ephemeral.aws_secretsmanager_random_password ?? {})).toEqual([
      expect.objectContaining({ password_length: 40, exclude_punctuation: true, require_each_included_type: true }),
    ]);
  });

  test('is read back only after the password has been written', () => {
    const [name] = Object.keys(JSON.parse(template.text).resource.aws_secretsmanager_secret_version);
    expect(Object.values(data.aws_secretsmanager_secret_version ?? {})).toEqual([
      expect.objectContaining({ depends_on: [`aws_secretsmanager_secret_version.${name}`] }),
    ]);
  });

  test('is in a secret of the environment, beside its name', () => {
    expect(template.one('aws_secretsmanager_secret')).toMatchObject({
      name: '/millrace/test/tasks/admin',
      kms_key_id: 'arn:aws:kms:key',
      recovery_window_in_days: 30,
    });
    const [drawn] = Object.keys(ephemeral.aws_secretsmanager_random_password ?? {});
    // Without quotes: quoted it would be a text, and the text the password.
    expect(template.one('aws_secretsmanager_secret_version').secret_string_wo).toBe(
      `\${jsonencode({"username" = "millrace", "password" = ephemeral.aws_secretsmanager_random_password.${drawn}.random_password})}`,
    );
  });
});

test('everything set', () => {
  const template = define({
    service: 'jobs',
    role: 'jobs',
    overrides: { instanceType: 'mq.m5.large', nodes: 3, version: '3.13' },
    username: 'ops',
    configuration: { heartbeat: 120, consumer_timeout: 0, 'management.restrictions.operator_policy_changes.disabled': false },
    configurationName: 'jobs-again',
    subnetIds: ['subnet-b', 'subnet-c'],
    maintenanceStart: 'tue:22:30',
    applyImmediately: true,
    adoptedLogs: ['general', 'connection'],
  });
  expect(brokerOf(template)).toMatchObject({
    broker_name: 'test-jobs',
    engine_version: '3.13',
    host_instance_type: 'mq.m5.large',
    deployment_mode: 'CLUSTER_MULTI_AZ',
    subnet_ids: ['subnet-b', 'subnet-c'],
    maintenance_window_start_time: { day_of_week: 'TUESDAY', time_of_day: '22:30' },
    apply_immediately: true,
    user: [{ username: 'ops' }],
  });
  expect(configurationOf(template)).toMatchObject({
    name: 'jobs-again',
    engine_version: '3.13',
    data: [
      '# RabbitMQ, by Millrace',
      'consumer_timeout = 0',
      'heartbeat = 120',
      'management.restrictions.operator_policy_changes.disabled = false',
      '',
    ].join('\n'),
  });
});

test('a cluster is reached in three zones, and a fourth of the network does not replace it', () => {
  for (const further of [[], ['subnet-d']]) {
    const larger = { ...network, privateSubnetIds: [...network.privateSubnetIds, ...further] };
    expect(brokerOf(define({ network: larger, overrides: { nodes: 3 } }))).toMatchObject({
      deployment_mode: 'CLUSTER_MULTI_AZ',
      subnet_ids: ['subnet-a', 'subnet-b', 'subnet-c'],
    });
  }
});

test('the name of a configuration is never the same twice, because AWS keeps those of destroyed ones', () => {
  const template = define();
  const [data] = Object.keys(JSON.parse(template.text).resource.terraform_data as object);
  expect(configurationOf(template).name).toBe(`test-tasks-4-2-\${substr(terraform_data.${data}.id, 0, 8)}`);
  expect(define({ configurationName: 'mine' }).counts()).not.toHaveProperty('terraform_data');
});

test('a password is drawn anew where the declaration says so, and the broker left as it is', () => {
  const versionOf = (props: Partial<AmazonMqProps>) => define(props).one('aws_secretsmanager_secret_version').secret_string_wo_version;
  expect(versionOf({})).toBe(1);
  expect(versionOf({ overrides: { passwordGeneration: 2 }, passwordGeneration: 5 })).toBe(2);
  expect(versionOf({ passwordGeneration: 5 })).toBe(5);
  expect(brokerOf(define({ overrides: { passwordGeneration: 2 } }))).toEqual(brokerOf(define()));
});

test('what needs a reboot happens when the declaration says', () => {
  expect(brokerOf(define({ overrides: { applyImmediately: true } }))).toMatchObject({ apply_immediately: true });
  expect(brokerOf(define({ overrides: { applyImmediately: false } }, { deletionProtection: false }))).toMatchObject({
    apply_immediately: false,
  });
});

test('where deletion is not protected it can be destroyed, its secret at once, and changes happen at once', () => {
  const template = define({}, { deletionProtection: false });
  expect(brokerOf(template)).toMatchObject({ apply_immediately: true, lifecycle: { ignore_changes: ['user'] } });
  expect(brokerOf(template).lifecycle).not.toHaveProperty('prevent_destroy');
  expect(template.one('aws_secretsmanager_secret')).toMatchObject({ recovery_window_in_days: 0 });
});

test('a configuration of another version has another name, so that both can stand while the broker moves', () => {
  expect(configurationOf(define({ overrides: { version: '3.13' } })).name).toMatch(/^test-tasks-3-13-\$\{/);
});

test('other settings are a new revision of the same configuration', () => {
  const [before, after] = [{}, { heartbeat: 90 }].map((configuration) => configurationOf(define({ configuration })));
  expect(after?.name).toBe(before?.name);
  expect(after?.data).not.toBe(before?.data);
});

test('log groups that AWS has made are imported by the id of the broker, kept and encrypted as those of the environment', () => {
  const template = define({ adoptedLogs: ['general'] }, { serverLogDays: 370 });
  const name = expect.stringMatching(/^\/aws\/amazonmq\/broker\/\$\{aws_mq_broker\.\w+\.id\}\/general$/);
  expect(template.one('aws_cloudwatch_log_group')).toMatchObject({
    name,
    retention_in_days: 400,
    kms_key_id: 'arn:aws:kms:key',
    skip_destroy: true,
  });
  expect(restOf(template).import).toEqual([{ to: expect.stringMatching(/^aws_cloudwatch_log_group\./), id: name }]);
});

test('a larger environment gets a larger cluster', () => {
  expect(resolveAmazonMq(minimal, { ...testIdentity, size: 'large' })).toMatchObject({ instanceType: 'mq.m7g.xlarge', nodes: 3 });
});

test('an override reaches what the construct does not offer', () => {
  const template = define({}, {}, (broker) => broker.override('authentication_strategy', 'config_managed'));
  expect(brokerOf(template)).toMatchObject({ authentication_strategy: 'config_managed' });
});
