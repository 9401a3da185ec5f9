import { ExistingDatabase } from '../../constructs/aws/existing-database/index.ts';
import type { ExistingDatabaseProps } from '../../constructs/aws/existing-database/props.ts';
import { mergeFragments } from '../../constructs/core/binding.ts';
import { wrap } from '../../runtime/src/binding/index.ts';
import { Template } from '../support/template.ts';

const secret = (name: string) => `arn:aws:secretsmanager:eu-central-1:111111111111:secret:${name}`;
const key = 'arn:aws:kms:eu-central-1:111111111111:key/1';
const existing: ExistingDatabaseProps['existing'] = {
  host: 'orders.cluster-abc.eu-central-1.rds.amazonaws.com',
  port: 5_432,
  database: 'orders',
  username: 'relay',
  passwordSecretArn: secret('orders-AbCdEf'),
  securityGroupId: 'sg-0db',
};
const complete = { ...existing, port: 6_543, encryptionKeyArn: key, caSecretArn: secret('rds-bundle-GhIjKl') };
const network = { vpcId: 'vpc-1', privateSubnetIds: ['subnet-a'], clients: { securityGroupId: 'sg-clients' } };
const minimal: ExistingDatabaseProps = { service: 'database', role: 'database', network, existing };
const define = (props: Partial<ExistingDatabaseProps> = {}, use: (database: ExistingDatabase) => void = () => undefined) =>
  Template.of((stack) => use(new ExistingDatabase(stack, 'database', { ...minimal, ...props })));

describe('minimal', () => {
  test('lets the clients of the environment in and out, over one port, and changes nothing else', () => {
    const template = define();
    const rule = { from_port: 5_432, to_port: 5_432, ip_protocol: 'tcp', description: 'clients to database' };
    expect(template.counts()).toEqual({ aws_vpc_security_group_egress_rule: 1, aws_vpc_security_group_ingress_rule: 1 });
    expect(template.one('aws_vpc_security_group_ingress_rule')).toMatchObject({
      ...rule,
      security_group_id: 'sg-0db',
      referenced_security_group_id: 'sg-clients',
    });
    expect(template.one('aws_vpc_security_group_egress_rule')).toMatchObject({
      ...rule,
      security_group_id: 'sg-clients',
      referenced_security_group_id: 'sg-0db',
    });
  });

  test('is bound over TLS with a password by reference, as the runtime takes it', () => {
    define({}, (database) => {
      const { document } = wrap(mergeFragments([database.binding()]));
      expect(document.services.database).toEqual({
        kind: 'postgres',
        role: 'database',
        endpoints: [{ purpose: 'primary', host: existing.host, port: 5_432, authMode: 'password' }],
        database: 'orders',
        tls: {},
        auth: {
          mode: 'password',
          username: 'relay',
          secretRef: { from: 'aws-secrets-manager', id: existing.passwordSecretArn, jsonKey: 'password' },
        },
      });
    });
  });

  test('to connect is to read one secret, which the default key of the account decrypts', () => {
    define({}, (database) => {
      expect(database.connectStatements()).toEqual([
        { Sid: 'ReadAccess', Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: [existing.passwordSecretArn] },
      ]);
    });
  });
});

test('everything set', () => {
  const template = define({ existing: complete }, (database) => {
    expect(database.binding().database).toMatchObject({
      endpoints: [{ port: 6_543 }],
      tls: { caRef: { from: 'aws-secrets-manager', id: complete.caSecretArn } },
    });
    database.grantConnect('Orders', { roleName: 'orders' });
  });
  const policy = template.one('aws_iam_role_policy');
  expect(policy).toMatchObject({ name: 'connect-database', role: 'orders' });
  expect(JSON.parse(policy.policy as string).Statement).toEqual([
    {
      Sid: 'ReadAccess',
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: [complete.passwordSecretArn, complete.caSecretArn],
    },
    { Sid: 'DecryptAccess', Effect: 'Allow', Action: 'kms:Decrypt', Resource: key },
  ]);
  expect(template.one('aws_vpc_security_group_ingress_rule')).toMatchObject({ from_port: 6_543 });
});

test('one whose group someone else opens is bound and granted alike, and adds no rule', () => {
  const template = Template.of((stack) => {
    const database = ExistingDatabase.fromAttributes(stack, 'database', { service: 'database', role: 'database', ...complete });
    expect(database.binding().database?.auth.username).toBe('relay');
    expect(database.securityGroupId).toBe('sg-0db');
    database.grantConnect('Orders', { roleName: 'orders' });
  });
  expect(template.counts()).toEqual({ aws_iam_role_policy: 1 });
});

const refusals: readonly (readonly [what: string, props: Partial<ExistingDatabaseProps>, problem: string])[] = [
  ['the role is none of a database', { role: 'cache' }, 'role must be database, got "cache"'],
  [
    'the host is a URL',
    { existing: { ...existing, host: 'postgres://orders:5432' } },
    'host must be a name or an IPv4 address without scheme, user or port, got "postgres://orders:5432"',
  ],
  [
    'the host is the reader of Aurora',
    { existing: { ...existing, host: 'orders.cluster-ro-abc.eu-central-1.rds.amazonaws.com' } },
    'host must be the endpoint that takes writes, got the reader endpoint "orders.cluster-ro-abc',
  ],
  [
    'the password lies in another region',
    { existing: { ...existing, passwordSecretArn: existing.passwordSecretArn.replace('eu-central-1', 'eu-west-1') } },
    'secrets and their key must be of eu-central-1, got arn:aws:secretsmanager:eu-west-1:',
  ],
  [
    'the key lies in another region',
    { existing: { ...existing, encryptionKeyArn: key.replace('eu-central-1', 'eu-west-1') } },
    'secrets and their key must be of eu-central-1, got arn:aws:kms:eu-west-1:',
  ],
  [
    'the ARN of a secret is cut short',
    { existing: { ...existing, caSecretArn: secret('authority') } },
    `ARNs of secrets must end with the six characters that Secrets Manager adds, got ${secret('authority')}: a policy`,
  ],
];

test.each(refusals)('fails if %s', (_what, props, problem) => {
  expect(() => define(props)).toThrow(expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(problem) }));
});

test('all problems are named at once', () => {
  expect(() => define({ role: 'cache', existing: { ...existing, host: 'a:1' } })).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^database database has 2 problems:\n/) }),
  );
});
