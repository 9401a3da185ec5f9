import { RedisSentinel } from '../../constructs/aws/redis-sentinel/index.ts';
import { redisSentinelMetrics } from '../../constructs/aws/redis-sentinel/metrics.ts';
import type { RedisSentinelAttributes } from '../../constructs/aws/redis-sentinel/props.ts';
import { mergeFragments } from '../../constructs/core/binding.ts';
import { wrap } from '../../runtime/src/binding/index.ts';
import { redisTarget } from '../../runtime/src/connections/redis/settings.ts';
import type { BoundService, SecretRef } from '../../runtime/src/contracts/binding.ts';
import { Template } from '../support/template.ts';
import { define } from './redis-sentinel.ts';

const secret = (name: string) => `arn:aws:secretsmanager:eu-central-1:111111111111:secret:${name}`;
const imported: RedisSentinelAttributes = {
  service: 'events',
  role: 'events',
  masterName: 'theirs',
  nodes: [1, 2, 3].map((number) => ({
    name: `events-${number}`,
    host: `redis-${number}.theirs.example`,
    instanceId: `i-${number}`,
    volumeId: `vol-${number}`,
  })),
  ports: { redis: 6_379, sentinel: 26_379 },
  username: 'app',
  secrets: { users: secret('users'), sentinel: secret('sentinel'), authority: secret('authority') },
  encryptionKeyArn: 'arn:aws:kms:eu-central-1:111111111111:key/1',
  securityGroupId: 'sg-theirs',
};

/** Runs `use` with the imported set in a stack. */
function withImported(use: (set: ReturnType<typeof RedisSentinel.fromAttributes>) => void): Template {
  return Template.of((stack) => use(RedisSentinel.fromAttributes(stack, 'events', imported)));
}

describe('what services get to know', () => {
  test('where the sentinels are, how to prove who they are, and nothing secret', () => {
    define({}, {}, (set) => {
      const { events } = mergeFragments([set.binding()]);
      expect(events).toMatchObject({
        kind: 'redis-sentinel',
        role: 'events',
        masterName: 'events',
        tls: { caRef: { from: 'aws-secrets-manager' } },
        auth: { mode: 'acl', username: 'app', secretRef: { jsonKey: 'password' }, sentinelSecretRef: { jsonKey: 'password' } },
        limits: { maxMemoryMiB: 1_228 },
      });
      expect(events?.tls?.caRef).not.toHaveProperty('jsonKey');
      expect(events?.endpoints.map(({ purpose, host, port }) => `${purpose} ${host}:${port}`)).toEqual([
        'sentinel node-1.events.test.millrace.internal:26379',
        'sentinel node-2.events.test.millrace.internal:26379',
        'sentinel node-3.events.test.millrace.internal:26379',
        'node node-1.events.test.millrace.internal:6379',
        'node node-2.events.test.millrace.internal:6379',
        'node node-3.events.test.millrace.internal:6379',
      ]);
    });
  });

  test('the runtime makes of it what ioredis needs for a set with TLS', async () => {
    let service: BoundService | undefined;
    withImported((set) => {
      service = mergeFragments([set.binding()]).events;
    });
    const values: Record<string, string> = {
      [secret('users')]: 'of-app',
      [secret('sentinel')]: 'of-sentinel',
      [secret('authority')]: 'PEM',
    };
    const stored = {
      'aws-secrets-manager': async ({ id, jsonKey }: SecretRef) =>
        jsonKey === undefined ? values[id]! : JSON.stringify({ [jsonKey]: values[id] }),
    };
    expect(await redisTarget(wrap({ events: service! }, { secrets: stored }).service('events'))).toMatchObject({
      access: {
        name: 'theirs',
        username: 'app',
        password: 'of-app',
        sentinelPassword: 'of-sentinel',
        tls: { ca: 'PEM' },
        sentinelTLS: { ca: 'PEM' },
        enableTLSForSentinelMode: true,
        sentinels: [1, 2, 3].map((number) => ({ host: `redis-${number}.theirs.example`, port: 26_379 })),
      },
    });
  });
});

describe('a set that someone else keeps', () => {
  test('is bound, granted and opened alike, and adds no server', () => {
    const template = withImported((set) => {
      expect(set.securityGroupId).toBe('sg-theirs');
      expect(set.binding().events).not.toHaveProperty('limits');
      set.grantConnect('Orders', { roleName: 'orders' });
      set.connections.allowFrom('Orders', { securityGroupId: 'sg-orders' });
    });
    expect(template.counts()).toEqual({
      aws_iam_role_policy: 1,
      aws_vpc_security_group_ingress_rule: 2,
      aws_vpc_security_group_egress_rule: 2,
    });
    const opened = template
      .all('aws_vpc_security_group_ingress_rule')
      .map((rule) => `${rule.referenced_security_group_id} ${rule.from_port}`);
    expect(opened.sort()).toEqual(['sg-orders 26379', 'sg-orders 6379']);
  });

  test('a user of the topology reads its own password in place of the one of all keys, and no other', () => {
    const users = ['emails', 'audit'].map((name) => ({ name, secretArn: secret(name) }));
    Template.of((stack) => {
      const set = RedisSentinel.fromAttributes(stack, 'events', { ...imported, users });
      expect(set.connectStatements('emails')[0]).toMatchObject({ Resource: [secret('emails'), secret('sentinel'), secret('authority')] });
      expect(() => set.connectStatements('admin')).toThrow('users of events are app, emails, audit, got "admin"');
      expect(set.binding().events?.users).toEqual({
        emails: { mode: 'acl', username: 'emails', secretRef: { from: 'aws-secrets-manager', id: secret('emails'), jsonKey: 'password' } },
        audit: { mode: 'acl', username: 'audit', secretRef: { from: 'aws-secrets-manager', id: secret('audit'), jsonKey: 'password' } },
      });
    });
  });

  test('apply reads the password of whoever sets users, which no other grant does', () => {
    define({ users: ['emails'] }, {}, (set) => {
      const { administrator, users } = set.attributes;
      expect(set.binding().events?.administration).toMatchObject({ auth: { mode: 'acl', username: 'apply' } });
      expect(JSON.stringify(set.adminStatements())).toContain(administrator?.secretArn);
      expect(JSON.stringify(set.adminStatements())).toContain(users?.[0]?.secretArn);
      for (const user of [undefined, 'emails']) expect(JSON.stringify(set.connectStatements(user))).not.toContain(administrator?.secretArn);
    });
    withImported((set) => expect(set.adminStatements()).toEqual(set.connectStatements()));
  });

  test('a grant reads two passwords and the certificate of the authority', () => {
    const template = withImported((set) => {
      expect(set.grantConnect('Orders', { roleName: 'orders' })).toEqual([
        {
          Sid: 'ReadAccess',
          Effect: 'Allow',
          Action: 'secretsmanager:GetSecretValue',
          Resource: [secret('users'), secret('sentinel'), secret('authority')],
        },
        { Sid: 'DecryptAccess', Effect: 'Allow', Action: 'kms:Decrypt', Resource: imported.encryptionKeyArn },
      ]);
    });
    expect(template.one('aws_iam_role_policy')).toMatchObject({ name: 'connect-events', role: 'orders' });
  });
});

test('a grant of a set of ours reads neither the key of the authority nor the password of replicas', () => {
  const template = define({}, {}, (set) => set.grantConnect('Orders', { roleName: 'orders' }));
  const policy = template.one('aws_iam_role_policy', { role: 'orders' }).policy as string;
  expect(policy).toMatch(/Secrets_app_.*Secrets_sentinel_.*Secrets_authority_/);
  expect(policy).not.toMatch(/authority-key|replication/);
});

test('a metric is one of every machine, of its volume, or of what it says of itself', () => {
  withImported((set) => {
    expect(set.metric('CPUUtilization')).toEqual(
      [1, 2, 3].map((n) => ({ namespace: 'AWS/EC2', metricName: 'CPUUtilization', dimensions: { InstanceId: `i-${n}` } })),
    );
    expect(set.metric('VolumeStalledIOCheck')[2]).toEqual({
      namespace: 'AWS/EBS',
      metricName: 'VolumeStalledIOCheck',
      dimensions: { VolumeId: 'vol-3' },
    });
    expect(set.metric('DiskUsedPercent')[0]).toEqual({
      namespace: 'Millrace/RedisSentinel',
      metricName: 'DiskUsedPercent',
      dimensions: { Environment: 'test', Service: 'events', Node: 'events-1' },
    });
  });
});

test('a machine writes the figures of nodes that the table names', () => {
  const written = define().text;
  const ofNodes = Object.entries(redisSentinelMetrics).flatMap(([name, { of }]) => (of === 'node' ? [name] : []));
  expect(ofNodes.length).toBeGreaterThan(0);
  for (const name of ofNodes) expect(written).toContain(name);
  expect(written).toContain('Namespace: \\"Millrace/RedisSentinel\\", Dimensions: [[\\"Environment\\", \\"Service\\", \\"Node\\"]]');
});
