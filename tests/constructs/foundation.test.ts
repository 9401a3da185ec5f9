import { DocumentBucket } from '../../constructs/aws/foundation/document-bucket.ts';
import { EncryptionKey } from '../../constructs/aws/foundation/encryption-key.ts';
import { defineLogGroup, logRetentionDays } from '../../constructs/aws/foundation/log-group.ts';
import { SecurityGroup } from '../../constructs/aws/foundation/security-group.ts';
import { App, TerraformStack } from '../../constructs/core/framework.ts';
import { identityOf } from '../../constructs/core/identity.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';

const statements = (policy: unknown) => JSON.parse(policy as string).Statement;

describe('the key of an environment', () => {
  const template = Template.of((stack) => void new EncryptionKey(stack, 'Key'));
  const key = template.one('aws_kms_key');

  test('rotates, waits longest before it is deleted, and cannot be destroyed where deletion is protected', () => {
    expect(key).toMatchObject({ enable_key_rotation: true, deletion_window_in_days: 30, lifecycle: { prevent_destroy: true } });
    const unprotected = Template.of((stack) => void new EncryptionKey(stack, 'Key'), { deletionProtection: false });
    expect(unprotected.one('aws_kms_key')).not.toHaveProperty('lifecycle');
  });

  test('is open to the account and to the log groups of its environment alone', () => {
    const [account, logs] = statements(key.policy);
    expect(account.Principal).toEqual({ AWS: 'arn:aws:iam::111111111111:root' });
    expect(logs).toMatchObject({
      Principal: { Service: 'logs.eu-central-1.amazonaws.com' },
      Condition: {
        ArnLike: {
          'kms:EncryptionContext:aws:logs:arn': 'arn:aws:logs:eu-central-1:111111111111:log-group:/aws/vendedlogs/millrace/test/*',
        },
      },
    });
  });

  test('is open to alarms of the account where they publish to topics that it encrypts, and nowhere else', () => {
    const alarms = (policy: unknown) => statements(policy).filter(({ Sid }: { Sid: string }) => Sid === 'AlarmsOfTheAccount');
    expect(alarms(key.policy)).toEqual([]);
    const ringing = Template.of((stack) => void new EncryptionKey(stack, 'Key', { alarms: true }));
    expect(alarms(ringing.one('aws_kms_key').policy)).toMatchObject([
      { Principal: { Service: 'cloudwatch.amazonaws.com' }, Condition: { StringEquals: { 'aws:SourceAccount': '111111111111' } } },
    ]);
  });

  test('is named in the partition of its region', () => {
    const china = Template.of((stack) => void new EncryptionKey(stack, 'Key'), { region: 'cn-north-1' });
    expect(statements(china.one('aws_kms_key').policy)[0].Principal).toEqual({ AWS: 'arn:aws-cn:iam::111111111111:root' });
  });
});

describe('a document bucket', () => {
  const define = (json: string) =>
    Template.of((stack) => {
      new DocumentBucket(stack, 'Bucket', { purpose: 'documents', encryptionKeyArn: 'arn:aws:kms:key' }).addJson(
        'Topology',
        'a.json',
        json,
      );
    });
  const template = define('{}\n');

  test('is private, versioned, encrypted and reached over TLS alone', () => {
    expect(template.one('aws_s3_bucket')).toMatchObject({
      bucket: 'millrace-test-documents-111111111111-eu-central-1',
      force_destroy: false,
      lifecycle: { prevent_destroy: true },
    });
    expect(template.one('aws_s3_bucket_versioning').versioning_configuration).toEqual({ status: 'Enabled' });
    expect(template.one('aws_s3_bucket_public_access_block')).toMatchObject({ block_public_acls: true, restrict_public_buckets: true });
    expect(statements(template.one('aws_s3_bucket_policy').policy)).toEqual([
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    ]);
  });

  test('stores a document as it is', () => {
    expect(template.one('aws_s3_object')).toMatchObject({ key: 'a.json', content: '{}\n', server_side_encryption: 'aws:kms' });
  });

  test('escapes what Terraform would take for its own', () => {
    const template = (sign: string) => `{"a":"${sign}{b}"}`;
    expect(define(template('$')).one('aws_s3_object').content).toBe(template('$$'));
    expect(define(template('%')).one('aws_s3_object').content).toBe(template('%%'));
  });
});

test('a security group is closed until a rule with a description opens it, on both sides', () => {
  const template = Template.of((stack) => {
    const group = new SecurityGroup(stack, 'Servers', { vpcId: 'vpc-1', name: 'cache', description: 'servers' });
    group.allowFrom('Clients', { securityGroupId: 'sg-clients' }, { port: 6379, description: 'clients to cache' });
  });
  expect(template.counts()).toEqual({
    aws_security_group: 1,
    aws_vpc_security_group_ingress_rule: 1,
    aws_vpc_security_group_egress_rule: 1,
  });
  const rule = { description: 'clients to cache', from_port: 6379, to_port: 6379, ip_protocol: 'tcp' };
  expect(template.one('aws_vpc_security_group_ingress_rule')).toMatchObject({ ...rule, referenced_security_group_id: 'sg-clients' });
  expect(template.one('aws_vpc_security_group_egress_rule')).toMatchObject({ ...rule, security_group_id: 'sg-clients' });
});

describe('a log group', () => {
  test.each([
    [1, 1],
    [8, 14],
    [366, 400],
    [9_999, 3_653],
  ])('asked to keep %d days keeps %d, which CloudWatch allows', (wanted, kept) => expect(logRetentionDays(wanted)).toBe(kept));

  test('is encrypted and lies under the prefix that AWS services may write to', () => {
    const template = Template.of((stack) => void defineLogGroup(stack, 'Logs', ['cache', 'slow-log'], 'arn:aws:kms:key'));
    expect(template.one('aws_cloudwatch_log_group')).toMatchObject({
      name: '/aws/vendedlogs/millrace/test/cache/slow-log',
      retention_in_days: 365,
      kms_key_id: 'arn:aws:kms:key',
    });
  });
});

test('fails if a construct stands in a stack that belongs to no environment', () => {
  inTemporaryFolder((outdir) => {
    const stack = new TerraformStack(new App({ outdir }), 'other');
    expect(() => identityOf(stack)).toThrow('must stand in an EnvironmentStack, got the stack other');
  });
});
