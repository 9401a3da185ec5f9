import { RedisSentinel } from '../../constructs/aws/redis-sentinel/index.ts';
import { architectureOf, instanceMemoryMiB } from '../../constructs/aws/redis-sentinel/instance-types.ts';
import { resolveRedisSentinel } from '../../constructs/aws/redis-sentinel/resolve.ts';
import { Template, testIdentity } from '../support/template.ts';
import { define, minimal, network } from './redis-sentinel.ts';

type Statement = { Sid: string; Action: string | string[]; Resource: string | string[]; Condition?: object };

const statementsOf = (template: Template, role: string): Statement[] => {
  const policy = template.all('aws_iam_role_policy').find((candidate) => (candidate.role as string).includes(role))?.policy as string;
  return JSON.parse(policy).Statement;
};
const statement = (template: Template, sid: string, role = 'Node-1') => statementsOf(template, role).find(({ Sid }) => Sid === sid);
const instances = (template: Template) => template.all('aws_instance');

describe('minimal', () => {
  const template = define();

  test('is three machines, each with a volume of data in a zone of its own', () => {
    expect(instances(template).map(({ tags }) => (tags as { Name: string }).Name)).toEqual([
      'test-events-1',
      'test-events-2',
      'test-events-3',
    ]);
    expect(template.all('aws_ebs_volume').map(({ availability_zone }) => availability_zone)).toEqual(testIdentity.zones);
    expect(template.all('aws_network_interface').map(({ subnet_id }) => subnet_id)).toEqual(network.privateSubnetIds);
    expect(template.all('aws_volume_attachment')).toHaveLength(3);
  });

  test('has names that outlive the machines', () => {
    expect(template.one('aws_route53_zone')).toMatchObject({ name: 'events.test.millrace.internal', vpc: [{ vpc_id: 'vpc-1' }] });
    const records = template.all('aws_route53_record');
    expect(records.map(({ name }) => name)).toEqual([1, 2, 3].map((number) => `node-${number}.events.test.millrace.internal`));
    for (const [index, record] of records.entries()) {
      const address = new RegExp(`aws_network_interface\\.\\S+Interface-${index + 1}_\\S+\\.private_ip`);
      expect(record).toMatchObject({ type: 'A', records: [expect.stringMatching(address)] });
    }
    for (const { primary_network_interface, depends_on } of instances(template)) {
      expect(primary_network_interface).toEqual({ network_interface_id: expect.stringContaining('aws_network_interface') });
      expect((depends_on as string[]).filter((address) => address.startsWith('aws_route53_record'))).toHaveLength(3);
    }
  });

  test('runs the newest Amazon Linux for its processor', () => {
    expect(template.text).toContain('/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64');
    expect(instances(template)[0]).toMatchObject({ instance_type: 't4g.small', ami: expect.stringContaining('insecure_value') });
  });

  test('is hardened: metadata by token, encrypted disks, no key for SSH, no public address', () => {
    for (const instance of instances(template)) {
      expect(instance).toMatchObject({
        metadata_options: { http_tokens: 'required', http_put_response_hop_limit: 1 },
        root_block_device: { encrypted: true, kms_key_id: 'arn:aws:kms:key', volume_type: 'gp3' },
        monitoring: true,
        ebs_optimized: true,
        disable_api_termination: true,
      });
      expect(instance).not.toHaveProperty('key_name');
      expect(instance).not.toHaveProperty('associate_public_ip_address');
    }
  });

  test('keeps its data: encrypted, not to be destroyed, and taken off in order', () => {
    for (const volume of template.all('aws_ebs_volume')) {
      expect(volume).toMatchObject({
        encrypted: true,
        kms_key_id: 'arn:aws:kms:key',
        type: 'gp3',
        size: 20,
        lifecycle: { prevent_destroy: true },
      });
    }
    for (const attachment of template.all('aws_volume_attachment'))
      expect(attachment).toMatchObject({ stop_instance_before_detaching: true });
  });

  test('is repaired by EC2, moved before it is restarted', () => {
    const alarms = template
      .all('aws_cloudwatch_metric_alarm')
      .map(({ metric_name, evaluation_periods, alarm_actions }) =>
        [metric_name, evaluation_periods, ...(alarm_actions as string[])].join(' '),
      );
    expect(alarms.sort()).toEqual([
      ...Array(3).fill('StatusCheckFailed_Instance 3 arn:aws:automate:eu-central-1:ec2:reboot'),
      ...Array(3).fill('StatusCheckFailed_System 2 arn:aws:automate:eu-central-1:ec2:recover'),
    ]);
    for (const instance of instances(template)) expect(instance.maintenance_options).toEqual({ auto_recovery: 'default' });
  });

  test('no role of a machine holds a managed policy', () => {
    for (const type of ['aws_iam_role_policy_attachment', 'aws_iam_role_policy_attachments_exclusive'])
      expect(template.all(type)).toEqual([]);
    for (const role of template.all('aws_iam_role')) expect(role).not.toHaveProperty('managed_policy_arns');
  });
});

describe('ways in and out', () => {
  const rules = (template: Template, direction: 'ingress' | 'egress') => template.all(`aws_vpc_security_group_${direction}_rule`);
  const own = (group: unknown) => (String(group).includes('aws_security_group') ? 'own' : group);

  test('clients and members reach both ports, nobody else anything', () => {
    const ways = rules(define(), 'ingress')
      .filter(({ security_group_id }) => own(security_group_id) === 'own')
      .map(({ referenced_security_group_id, from_port, to_port }) => [own(referenced_security_group_id), from_port, to_port].join(' '));
    expect(ways.sort()).toEqual(['own 26379 26379', 'own 6379 6379', 'sg-clients 26379 26379', 'sg-clients 6379 6379']);
  });

  test('machines reach each other, S3 and the endpoints of AWS services, never the world', () => {
    const template = define();
    const ways = rules(template, 'egress')
      .filter(({ security_group_id }) => own(security_group_id) === 'own')
      .map(({ referenced_security_group_id, prefix_list_id, from_port }) =>
        [own(referenced_security_group_id) ?? prefix_list_id, from_port].join(' '),
      );
    expect(ways.sort()).toEqual(['own 26379', 'own 6379', 'pl-s3 443', 'sg-endpoints 443']);
    expect(template.text).not.toContain('0.0.0.0/0');
  });

  test('the endpoints let the machines in', () => {
    expect(define().one('aws_vpc_security_group_ingress_rule', { security_group_id: 'sg-endpoints' })).toMatchObject({ from_port: 443 });
  });

  test('in a network that someone else keeps machines reach AWS services at its own addresses', () => {
    const { endpoints: _unknown, ...theirs } = network;
    const template = define({ network: theirs });
    expect(template.text).toContain('"name": "com.amazonaws.eu-central-1.s3"');
    const outward = rules(template, 'egress').find((rule) => rule.cidr_ipv4 !== undefined);
    expect(outward).toMatchObject({ cidr_ipv4: expect.stringMatching(/data\.aws_vpc\.\S+\.cidr_block/), from_port: 443, to_port: 443 });
    expect(template.text).not.toContain('0.0.0.0/0');
  });

  test('a network without interface endpoints leaves S3', () => {
    const template = define({ network: { ...network, endpoints: { s3PrefixListId: 'pl-s3' } } });
    expect(template.all('aws_vpc_security_group_ingress_rule')).toHaveLength(4);
  });
});

describe('what a machine may do', () => {
  const template = define();

  test('reads six secrets and those of users, whoever they are; the first one alone stores the authority', () => {
    for (const node of ['Node-1', 'Node-2', 'Node-3']) {
      const read = statement(template, 'ReadSecrets', node)?.Resource as string[];
      expect(read).toHaveLength(7);
      expect(read.at(-1)).toBe('arn:aws:secretsmanager:eu-central-1:111111111111:secret:/millrace/test/events/user/*');
    }
    expect(statement(template, 'StoreAuthority')).toMatchObject({
      Action: 'secretsmanager:PutSecretValue',
      Resource: [expect.stringContaining('Secrets_authority_'), expect.stringContaining('Secrets_authority-key_')],
    });
    for (const node of ['Node-2', 'Node-3']) expect(statement(template, 'StoreAuthority', node)).toBeUndefined();
  });

  test('reads what users may do from one document, of a bucket that comes after it', () => {
    const bucket = 'arn:aws:s3:::millrace-test-documents-111111111111-eu-central-1';
    expect(statement(template, 'ReadRulesOfUsers')).toMatchObject({
      Action: 's3:GetObject',
      Resource: `${bucket}/redis-users/events.json`,
    });
    expect(statement(template, 'FindRulesOfUsers')).toMatchObject({ Action: 's3:ListBucket', Resource: bucket });
  });

  test('writes backups into its own folder, and deletes none', () => {
    expect(statement(template, 'WriteAndReadBackups')).toMatchObject({
      Action: ['s3:PutObject', 's3:GetObject', 's3:AbortMultipartUpload'],
      Resource: 'arn:aws:s3:::millrace-test-redis-backups-111111111111-eu-central-1/events/*',
    });
    expect(statement(template, 'ListBackups')?.Condition).toEqual({ StringLike: { 's3:prefix': 'events/*' } });
    expect(template.text).not.toMatch(/s3:(Delete|\*"|PutBucket)[^}]*events/);
  });

  test('uses the key for secrets and backups alone', () => {
    expect(statement(template, 'UseKeyForSecretsAndBackups')).toMatchObject({
      Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
      Resource: 'arn:aws:kms:key',
      Condition: { StringEquals: { 'kms:ViaService': ['secretsmanager.eu-central-1.amazonaws.com', 's3.eu-central-1.amazonaws.com'] } },
    });
  });

  test('whatever it may do without naming a resource is to hold a session', () => {
    const everywhere = ['Node-1', 'Node-2', 'Node-3']
      .flatMap((node) => statementsOf(template, node))
      .filter(({ Resource }) => Resource === '*');
    expect(everywhere.map(({ Sid }) => Sid)).toEqual(['HoldSessions', 'HoldSessions', 'HoldSessions']);
    for (const { Action } of everywhere)
      for (const action of Action) expect(action).toMatch(/^ssmmessages:(Create|Open)(Control|Data)Channel$/);
  });
});

test('secrets have no value in the plan, and those of the authority none at all', () => {
  const template = define();
  const names = template.all('aws_secretsmanager_secret').map(({ name }) => name);
  expect(names.sort()).toEqual(
    ['app', 'apply', 'authority', 'authority-key', 'replication', 'sentinel'].map((name) => `/millrace/test/events/${name}`),
  );
  const versions = template.all('aws_secretsmanager_secret_version');
  expect(versions).toHaveLength(4);
  for (const version of versions) {
    expect(version).not.toHaveProperty('secret_string');
    expect(version.secret_string_wo).toContain('ephemeral.aws_secretsmanager_random_password');
  }
  // A client of the runtime gives a sentinel a password without a name.
  expect(versions.map(({ secret_string_wo }) => /"username" = "(\w+)"/.exec(String(secret_string_wo))?.[1]).sort()).toEqual([
    'app',
    'apply',
    'default',
    'replication',
  ]);
});

test('one more user is one more secret, and nothing that machines are made from', () => {
  const [without, withUsers] = [define(), define({ users: ['emails', 'audit'] })];
  expect(withUsers.all('aws_secretsmanager_secret').map(({ name }) => name)).toEqual(
    expect.arrayContaining(['/millrace/test/events/user/emails', '/millrace/test/events/user/audit']),
  );
  for (const type of ['aws_instance', 'aws_iam_role_policy', 'aws_ebs_volume']) expect(withUsers.all(type)).toEqual(without.all(type));
  const localsOf = ({ text }: Template) => (JSON.parse(text) as { locals: object }).locals;
  expect(localsOf(withUsers)).toEqual(localsOf(without));
});

test('backups expire after the days that the environment keeps them', () => {
  const rule = (template: Template) => (template.one('aws_s3_bucket_lifecycle_configuration').rule as object[])[0];
  expect(rule(define())).toMatchObject({ expiration: [{ days: 7 }], noncurrent_version_expiration: [{ noncurrent_days: 1 }] });
  expect(rule(define({}, { backupDays: 30 }))).toMatchObject({ expiration: [{ days: 30 }] });
});

describe('everything set', () => {
  const template = define({
    service: 'work',
    role: 'jobs',
    overrides: {
      instanceType: 'm7i.xlarge',
      imageId: 'ami-0123456789abcdef0',
      memoryMiB: 8_000,
      diskGiB: 64,
      downAfterMs: 10_000,
      failoverTimeoutMs: 30_000,
      maxMemoryPolicy: 'noeviction',
    },
    ports: { redis: 7_000, sentinel: 27_000 },
    backup: { snapshotEveryHours: 12, appendLogEveryHours: 1, keepDays: 14 },
  });

  test('stands in the plan', () => {
    expect(instances(template)[0]).toMatchObject({ instance_type: 'm7i.xlarge', ami: 'ami-0123456789abcdef0' });
    expect(template.text).not.toContain('aws_ssm_parameter');
    expect(template.all('aws_ebs_volume')[0]).toMatchObject({ size: 64 });
    expect(new Set(template.all('aws_vpc_security_group_ingress_rule').map(({ from_port }) => from_port))).toEqual(
      new Set([443, 7_000, 27_000]),
    );
    expect(template.one('aws_s3_bucket_lifecycle_configuration').rule).toMatchObject([{ expiration: [{ days: 14 }] }]);
  });
});

describe('nothing restarts three machines at once', () => {
  test('what would is ignored once a machine stands', () => {
    for (const { lifecycle } of instances(define())) {
      expect(lifecycle).toEqual({ ignore_changes: ['ami', 'instance_type', 'root_block_device', 'user_data_base64'] });
    }
  });

  /** Of each machine: when it is current, its address left out, and the command that the warning tells. */
  const warnings = (template: Template) => {
    const { check, locals } = JSON.parse(template.text) as {
      check: Record<string, { assert: { condition: string; error_message: string }[] }>;
      locals: Record<string, string>;
    };
    return check['events-machines']!.assert.map(({ condition, error_message }) => {
      const [command = '', address = ''] = /terraform .* -replace=(aws_instance\.\S+)$/.exec(error_message) ?? [];
      const name = /^\$\{local\.(\S+)\}$/.exec(condition)?.[1] ?? '';
      return { current: locals[name]?.replaceAll(`${address}.`, ''), command: command.replace(address, 'ADDRESS'), address };
    });
  };
  const declared = 'user_data_base64 == base64gzip\\(local\\.\\S+UserData\\S+\\) && instance_type == "t4g\\.small"';

  test('a plan warns of machines that were made from other settings, and tells the command', () => {
    const all = warnings(define());
    expect(new Set(all.map(({ address }) => address)).size).toBe(3);
    for (const { current, command } of all) {
      expect(current).toMatch(new RegExp(`^\\$\\{${declared}\\}$`));
      expect(command).toBe('terraform -chdir=cdktf.out/stacks/stack apply -replace=ADDRESS');
    }
  });

  test('and of those that were made from another image than the declared one', () => {
    const all = warnings(define({ overrides: { imageId: 'ami-0123456789abcdef0' } }));
    expect(all).toHaveLength(3);
    for (const { current } of all) expect(current).toMatch(new RegExp(`^\\$\\{${declared} && ami == "ami-0123456789abcdef0"\\}$`));
  });
});

test('where deletion is not protected everything can be destroyed', () => {
  const template = define({}, { deletionProtection: false });
  for (const volume of template.all('aws_ebs_volume')) expect(volume).not.toHaveProperty('lifecycle');
  for (const instance of instances(template)) expect(instance.disable_api_termination).toBe(false);
  for (const secret of template.all('aws_secretsmanager_secret')) expect(secret.recovery_window_in_days).toBe(0);
});

test('two sets of an environment share a bucket and nothing else', () => {
  const template = Template.of((stack) => {
    for (const service of ['events', 'work']) new RedisSentinel(stack, service, { ...minimal, service });
  });
  expect(template.counts()).toMatchObject({ aws_s3_bucket: 1, aws_route53_zone: 2, aws_instance: 6, aws_security_group: 2 });
});

test('fails if two sets want their backups kept for different times', () => {
  const backup = { snapshotEveryHours: 24, appendLogEveryHours: 1, keepDays: 30 };
  const both = () =>
    Template.of((stack) => {
      new RedisSentinel(stack, 'events', minimal);
      new RedisSentinel(stack, 'work', { ...minimal, service: 'work', backup });
    });
  expect(both).toThrow('backup.keepDays must be the same for all sets of an environment, which share a bucket, got 7 and 30');
});

test('a larger environment gets larger machines', () => {
  expect(resolveRedisSentinel(minimal, { ...testIdentity, size: 'large' })).toMatchObject({
    instanceType: 'r7g.xlarge',
    memoryMiB: 19_660,
  });
  for (const size of ['small', 'medium', 'large'] as const) expect(() => define({}, { size })).not.toThrow();
});

test.each([
  ['t4g.small', 2_048, 'arm64'],
  ['m7g.large', 8_192, 'arm64'],
  ['r7g.xlarge', 32_768, 'arm64'],
  ['c6gn.medium', 2_048, 'arm64'],
  ['c5.xlarge', 8_192, 'x86_64'],
  ['c5n.xlarge', undefined, 'x86_64'],
  ['x2gd.large', 32_768, 'arm64'],
  ['m4.large', undefined, 'x86_64'],
  ['m7i.2xlarge', 32_768, 'x86_64'],
  ['m7i-flex.large', 8_192, 'x86_64'],
  ['g4dn.xlarge', undefined, 'x86_64'],
  ['a1.large', undefined, 'arm64'],
  ['r8g.metal-24xl', undefined, 'arm64'],
])('%s has %s MiB and the processor %s', (type, memory, architecture) => {
  expect(instanceMemoryMiB(type)).toBe(memory);
  expect(architectureOf(type)).toBe(architecture);
});

describe('an override', () => {
  test('reaches all machines, or one', () => {
    const template = define({}, {}, (set) => {
      set.override('tenancy', 'dedicated');
      set.override('disable_api_stop', true, 2);
    });
    expect(instances(template).map(({ tenancy }) => tenancy)).toEqual(['dedicated', 'dedicated', 'dedicated']);
    expect(instances(template).map(({ disable_api_stop }) => disable_api_stop)).toEqual([undefined, true, undefined]);
  });

  test.each([0, 4])('fails if there is no machine %s', (node) => {
    define({}, {}, (set) => expect(() => set.override('tenancy', 'dedicated', node)).toThrow(`node must be one of 1 to 3, got ${node}`));
  });
});
