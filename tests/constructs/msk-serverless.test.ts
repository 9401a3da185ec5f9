import { MskServerless } from '../../constructs/aws/msk-serverless/index.ts';
import { serverlessMetrics } from '../../constructs/aws/msk-serverless/metrics.ts';
import type { MskServerlessAttributes, MskServerlessProps } from '../../constructs/aws/msk-serverless/props.ts';
import { mergeFragments } from '../../constructs/core/binding.ts';
import { TerraformOutput } from '../../constructs/core/framework.ts';
import { wrap } from '../../runtime/src/binding/index.ts';
import { bootstrapBrokers } from '../../runtime/src/connections/kafka/settings.ts';
import { Template } from '../support/template.ts';
import { network } from './elasticache.ts';
import { defineServerless } from './msk.ts';

test('minimal', () => {
  const template = defineServerless();
  expect(template.one('aws_msk_serverless_cluster')).toMatchObject({
    cluster_name: 'test-log',
    client_authentication: { sasl: { iam: { enabled: true } } },
    vpc_config: [{ subnet_ids: ['subnet-a', 'subnet-b', 'subnet-c'] }],
    lifecycle: { prevent_destroy: true },
  });
  expect(template.one('aws_vpc_security_group_ingress_rule')).toMatchObject({
    referenced_security_group_id: 'sg-clients',
    from_port: 9098,
    to_port: 9098,
  });
});

test('a fourth zone of the network changes nothing: another subnet would be another cluster', () => {
  const further = { ...network, privateSubnetIds: [...network.privateSubnetIds, 'subnet-d'] };
  const [{ subnet_ids }] = defineServerless({ network: further }).one('aws_msk_serverless_cluster').vpc_config as [
    { subnet_ids: string[] },
  ];
  expect(subnet_ids).toEqual(network.privateSubnetIds);
});

test('everything set', () => {
  const template = defineServerless(
    { service: 'events', role: 'events', overrides: { serverless: true } },
    { deletionProtection: false },
    (msk) => msk.override('tags.team', 'orders'),
  );
  expect(template.one('aws_msk_serverless_cluster')).toMatchObject({ cluster_name: 'test-events', tags: { team: 'orders' } });
  expect(template.one('aws_msk_serverless_cluster')).not.toHaveProperty('lifecycle');
});

const refusals: readonly (readonly [what: string, props: Partial<MskServerlessProps>, problem: string])[] = [
  ['names are too long together', { service: 'a'.repeat(60) }, 'must be at most 64 lower-case letters, digits and hyphens, got "test-'],
  ['the role is none of Kafka', { role: 'jobs' }, 'role must be one of log, events, got "jobs"'],
  [
    'brokers and disks are spoken of',
    { overrides: { serverless: true, brokers: 3, diskGiB: 100, version: '3.9.x' } },
    'overrides must hold serverless alone, because Serverless decides the rest, got brokers, diskGiB, version',
  ],
  [
    'the network has one subnet',
    { network: { ...network, privateSubnetIds: ['subnet-a'] } },
    'the network must have private subnets in at least 2 zones, got 1',
  ],
];

test.each(refusals)('fails if %s', (_what, props, problem) => {
  expect(() => defineServerless(props)).toThrow(
    expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(problem) }),
  );
});

const clusterArn = 'arn:aws:kafka:eu-central-1:111111111111:cluster/theirs/0c5a2c4e-1111-2222-3333-444455556666-s2';
const imported: MskServerlessAttributes = {
  service: 'log',
  role: 'log',
  region: 'eu-central-1',
  clusterName: 'theirs',
  arn: clusterArn,
  bootstrapHost: 'boot-abc.c2.kafka-serverless.eu-central-1.amazonaws.com',
  securityGroupId: 'sg-theirs',
};

describe('what services get to know', () => {
  test('the one name of the cluster, without its port', () => {
    const template = defineServerless({}, {}, (msk) => {
      expect(msk.binding().log).toMatchObject({
        kind: 'kafka',
        endpoints: [{ purpose: 'bootstrap', port: 9098, authMode: 'iam' }],
        auth: { mode: 'iam' },
        iam: { region: 'eu-central-1', service: 'kafka-cluster', resourceName: 'test-log', serverless: true },
      });
      new TerraformOutput(msk, 'host', { value: msk.attributes.bootstrapHost });
    });
    expect(Object.values(template.outputs())).toEqual([
      expect.stringMatching(/^\$\{element\(split\(":", aws_msk_serverless_cluster\.[\w-]+\.bootstrap_brokers_sasl_iam\), 0\)\}$/),
    ]);
  });

  test('what the runtime takes', () => {
    Template.of((stack) => {
      const fragment = mergeFragments([MskServerless.fromAttributes(stack, 'log', imported).binding()]);
      expect(bootstrapBrokers(wrap(fragment).service('log', 'kafka'))).toEqual([`${imported.bootstrapHost}:9098`]);
    });
  });
});

test('a serverless cluster that someone else keeps is granted and watched alike, and adds no server', () => {
  const template = Template.of((stack) => {
    const msk = MskServerless.fromAttributes(stack, 'log', imported);
    expect(msk.securityGroupId).toBe('sg-theirs');
    msk.connections.allowFrom('Ours', { securityGroupId: 'sg-ours' });
    expect(msk.grantProduce('Orders', { roleName: 'orders' }, { topics: ['orders.created'] })[1]?.Resource).toEqual([
      `${clusterArn.replace(':cluster/', ':topic/')}/orders.created`,
    ]);
    expect(msk.metric('BytesInPerSec', ['orders.created'])).toEqual([
      { namespace: 'AWS/Kafka', metricName: 'BytesInPerSec', dimensions: { 'Cluster Name': 'theirs', Topic: 'orders.created' } },
    ]);
    expect(msk.lagMetric('MaxOffsetLag', 'emails', 'orders.created').dimensions).toMatchObject({ 'Consumer Group': 'emails' });
  });
  expect(template.counts()).toEqual({
    aws_iam_role_policy: 1,
    aws_vpc_security_group_egress_rule: 1,
    aws_vpc_security_group_ingress_rule: 1,
  });
});

test('every metric is one of topics', () => {
  Template.of((stack) => {
    const msk = MskServerless.fromAttributes(stack, 'log', imported);
    for (const name of Object.keys(serverlessMetrics) as (keyof typeof serverlessMetrics)[]) {
      expect(msk.metric(name, ['orders.created', 'orders.paid']).map(({ dimensions }) => dimensions.Topic)).toEqual([
        'orders.created',
        'orders.paid',
      ]);
    }
  });
});

test('an administrator is granted no settings of the cluster, for there are none', () => {
  Template.of((stack) => {
    const actions = MskServerless.fromAttributes(stack, 'log', imported)
      .adminStatements()
      .flatMap(({ Action }) => Action);
    expect(actions).toContain('kafka-cluster:CreateTopic');
    expect(actions.join()).not.toMatch(/AlterCluster|ClusterDynamicConfiguration/);
  });
});
