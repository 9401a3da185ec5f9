import { Msk } from '../../constructs/aws/msk/index.ts';
import { groupMetrics, mskMetrics } from '../../constructs/aws/msk/metrics.ts';
import type { MskAttributes } from '../../constructs/aws/msk/props.ts';
import type { MskReference } from '../../constructs/aws/msk/reference.ts';
import { mergeFragments } from '../../constructs/core/binding.ts';
import { wrap } from '../../runtime/src/binding/index.ts';
import { bootstrapBrokers } from '../../runtime/src/connections/kafka/settings.ts';
import { bindingFragment } from '../../runtime/src/contracts/binding.ts';
import { Template } from '../support/template.ts';
import { define } from './msk.ts';

const clusterArn = 'arn:aws:kafka:eu-central-1:111111111111:cluster/theirs/0c5a2c4e-1111-2222-3333-444455556666-2';
const part = (type: string, name: string) => `${clusterArn.replace(':cluster/', `:${type}/`)}/${name}`;
const imported: MskAttributes = {
  service: 'log',
  role: 'log',
  region: 'eu-central-1',
  clusterName: 'theirs',
  arn: clusterArn,
  brokerHosts: ['b-1.theirs.example', 'b-2.theirs.example'],
  brokers: 2,
  brokerType: 'kafka.m7g.large',
  partitionsPerBroker: 1_000,
  bindAs: 'iam',
  scramUsers: [{ name: 'legacy', secretArn: 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:AmazonMSK_theirs-AbCdEf' }],
  encryptionKeyArn: 'arn:aws:kms:key',
  securityGroupId: 'sg-theirs',
};

/** A stack with a cluster that someone else keeps. */
function withImported(use: (msk: MskReference) => void, attributes: Partial<MskAttributes> = {}): Template {
  return Template.of((stack) => use(Msk.fromAttributes(stack, 'log', { ...imported, ...attributes })));
}

/** What a service with the binding of `attributes` would do with it. */
function boundHandle(attributes: Partial<MskAttributes>) {
  let fragment: ReturnType<MskReference['binding']> = {};
  withImported((msk) => {
    fragment = mergeFragments([msk.binding()]);
  }, attributes);
  return wrap(fragment).service('log', 'kafka');
}

interface Data {
  readonly data: {
    readonly aws_msk_broker_nodes: Readonly<Record<string, { readonly cluster_arn: string; readonly depends_on: string[] }>>;
  };
}

describe('what services get to know', () => {
  test('every broker, by a name that does not change between plans', () => {
    const template = define({ overrides: { brokers: 9, brokerType: 'kafka.m7g.large' } }, {}, (msk) => {
      const { endpoints = [] } = msk.binding().log ?? {};
      expect(endpoints).toHaveLength(6);
      expect(endpoints.map(({ purpose, port, authMode }) => [purpose, port, authMode])).toEqual(Array(6).fill(['bootstrap', 9098, 'iam']));
      expect(new Set(endpoints.map(({ host }) => host)).size).toBe(6);
    });
    const [nodes] = Object.values((JSON.parse(template.text) as Data).data.aws_msk_broker_nodes);
    expect(nodes?.depends_on).toEqual([expect.stringMatching(/^aws_msk_cluster\./)]);
    expect(template.text).not.toContain('bootstrap_brokers');
  });

  test('as many brokers as there are', () => {
    define({}, {}, (msk) => expect(msk.binding().log?.endpoints).toHaveLength(3));
  });

  test('how to prove who they are, without any secret', () => {
    define({}, {}, (msk) => {
      const fragment = msk.binding();
      expect(bindingFragment.safeParse(fragment)).toMatchObject({ success: true });
      expect(fragment.log).toMatchObject({
        kind: 'kafka',
        role: 'log',
        tls: {},
        auth: { mode: 'iam' },
        iam: { region: 'eu-central-1', service: 'kafka-cluster', resourceName: 'test-log' },
      });
      expect(fragment.log?.auth).not.toHaveProperty('secretRef');
      expect(fragment.log?.iam).not.toHaveProperty('serverless');
    });
  });

  test('the password of the first user, by reference, where the binding names SCRAM', () => {
    define({ scramUsers: ['connect', 'legacy'], bindAs: 'scram' }, {}, (msk) => {
      expect(msk.binding().log?.auth).toEqual({
        mode: 'scram',
        username: 'connect',
        secretRef: { from: 'aws-secrets-manager', id: msk.attributes.scramUsers[0]?.secretArn, jsonKey: 'password' },
      });
      expect(msk.binding().log?.endpoints.map(({ authMode }) => authMode)).toEqual(['iam', 'iam', 'iam', 'scram', 'scram', 'scram']);
    });
  });

  test.each([
    ['iam', ['b-1.theirs.example:9098', 'b-2.theirs.example:9098']],
    ['scram', ['b-1.theirs.example:9096', 'b-2.theirs.example:9096']],
  ] as const)('the runtime begins with the brokers of %s', (bindAs, brokers) => {
    expect(bootstrapBrokers(boundHandle({ bindAs }))).toEqual(brokers);
  });
});

describe('who may do what', () => {
  test('connect: the cluster alone', () => {
    withImported((msk) => {
      expect(msk.grantConnect('Orders', { roleName: 'orders' })).toEqual([
        {
          Sid: 'ConnectToCluster',
          Effect: 'Allow',
          Action: ['kafka-cluster:Connect', 'kafka-cluster:DescribeCluster'],
          Resource: clusterArn,
        },
      ]);
    });
  });

  test('produce: named topics of this cluster, transactions where they are named', () => {
    withImported((msk) => {
      const statements = msk.produceStatements({ topics: ['orders.created', 'orders.*'], transactionalIds: ['orders-1'] });
      expect(statements).toEqual([
        {
          Sid: 'ConnectToCluster',
          Effect: 'Allow',
          Action: ['kafka-cluster:Connect', 'kafka-cluster:DescribeCluster', 'kafka-cluster:WriteDataIdempotently'],
          Resource: clusterArn,
        },
        {
          Sid: 'WriteTopics',
          Effect: 'Allow',
          Action: ['kafka-cluster:DescribeTopic', 'kafka-cluster:DescribeTopicDynamicConfiguration', 'kafka-cluster:WriteData'],
          Resource: [part('topic', 'orders.created'), part('topic', 'orders.*')],
        },
        {
          Sid: 'UseTransactions',
          Effect: 'Allow',
          Action: ['kafka-cluster:DescribeTransactionalId', 'kafka-cluster:AlterTransactionalId'],
          Resource: [part('transactional-id', 'orders-1')],
        },
      ]);
      expect(msk.produceStatements({ topics: ['orders.created'] })).toHaveLength(2);
    });
  });

  test('consume: named topics and groups', () => {
    withImported((msk) => {
      const [, topics, groups] = msk.consumeStatements({ topics: ['orders.created'], groups: ['emails'] });
      expect(topics).toMatchObject({
        Action: ['kafka-cluster:DescribeTopic', 'kafka-cluster:DescribeTopicDynamicConfiguration', 'kafka-cluster:ReadData'],
        Resource: [part('topic', 'orders.created')],
      });
      expect(groups).toMatchObject({
        Action: ['kafka-cluster:DescribeGroup', 'kafka-cluster:AlterGroup'],
        Resource: [part('group', 'emails')],
      });
    });
  });

  test('administer: everything but messages', () => {
    withImported((msk) => {
      const actions = msk.adminStatements().flatMap(({ Action }) => Action);
      expect(actions).toEqual(expect.arrayContaining(['kafka-cluster:CreateTopic', 'kafka-cluster:AlterCluster']));
      expect(actions.join()).not.toMatch(/ReadData|WriteData|\*/);
    });
  });

  test('read a password: one secret and its key', () => {
    withImported((msk) => {
      expect(msk.scramStatements()).toEqual([
        {
          Sid: 'ReadKafkaPassword',
          Effect: 'Allow',
          Action: 'secretsmanager:GetSecretValue',
          Resource: imported.scramUsers[0]?.secretArn,
        },
        { Sid: 'DecryptKafkaPassword', Effect: 'Allow', Action: 'kms:Decrypt', Resource: 'arn:aws:kms:key' },
      ]);
    });
  });

  test('fails if the password is that of a user that there is not', () => {
    withImported((msk) => expect(() => msk.scramStatements('admin')).toThrow('users of log with a password are legacy, got "admin"'));
    define({}, {}, (msk) => expect(() => msk.scramStatements()).toThrow('users of log with a password are none, got "the first"'));
  });

  test('one role may be granted two topics: its policies have different names', () => {
    const template = withImported((msk) => {
      for (const topic of ['orders.created', 'orders.paid'])
        msk.grantProduce(`Orders-${topic}`, { roleName: 'orders' }, { topics: [topic] });
      msk.grantConsume('Emails', { roleName: 'orders' }, { topics: ['orders.created'], groups: ['emails'] });
      msk.grantAdmin('Admin', { roleName: 'orders' });
      msk.grantScram('Scram', { roleName: 'orders' });
    });
    const names = template.all('aws_iam_role_policy').map(({ name }) => name);
    expect(new Set(names).size).toBe(5);
    expect(template.counts()).toEqual({ aws_iam_role_policy: 5 });
  });

  test('of a cluster to come Terraform derives the names once, beside policies that stay JSON', () => {
    const template = define({}, {}, (msk) => {
      msk.grantProduce('Orders', { roleName: 'orders' }, { topics: ['orders.created', 'orders.paid'] });
      msk.grantConsume('Emails', { roleName: 'emails' }, { topics: ['orders.created'], groups: ['emails'] });
    });
    const { locals } = JSON.parse(template.text) as { locals: Record<string, string> };
    const derivation = /^\$\{replace\(aws_msk_cluster\.[\w-]+\.arn, ":cluster\/", ":(topic|group)\/"\)\}$/;
    expect(Object.entries(locals).map(([name, value]) => [name.replace(/_[0-9A-F]{8}$/, ''), derivation.exec(value)?.[1]])).toEqual([
      ['log_group_arn', 'group'],
      ['log_topic_arn', 'topic'],
    ]);
    const [topicArn, groupArn] = ['log_topic_arn', 'log_group_arn'].map((start) =>
      Object.keys(locals).find((name) => name.startsWith(start)),
    );
    const resources = template.all('aws_iam_role_policy').map(({ policy }) =>
      JSON.parse(policy as string)
        .Statement.slice(1)
        .flatMap(({ Resource }: { Resource: string[] }) => Resource),
    );
    expect(resources).toEqual([
      [`\${local.${topicArn}}/orders.created`, `\${local.${groupArn}}/emails`],
      [`\${local.${topicArn}}/orders.created`, `\${local.${topicArn}}/orders.paid`],
    ]);
  });
});

describe('a cluster that someone else keeps', () => {
  test('is bound, granted and watched alike, and adds no server', () => {
    const template = withImported((msk) => {
      expect(msk.securityGroupId).toBe('sg-theirs');
      msk.connections.allowFrom('Ours', { securityGroupId: 'sg-ours' });
    });
    expect(template.counts()).toEqual({ aws_vpc_security_group_egress_rule: 2, aws_vpc_security_group_ingress_rule: 2 });
  });
});

describe('metrics', () => {
  const series = (name: Parameters<MskReference['metric']>[0], attributes: Partial<MskAttributes> = {}) => {
    let found: ReturnType<MskReference['metric']> = [];
    withImported((msk) => {
      found = msk.metric(name);
    }, attributes);
    return found;
  };

  test('of brokers are one of every broker', () => {
    expect(series('UnderReplicatedPartitions')).toEqual(
      ['1', '2'].map((broker) => ({
        namespace: 'AWS/Kafka',
        metricName: 'UnderReplicatedPartitions',
        dimensions: { 'Cluster Name': 'theirs', 'Broker ID': broker },
      })),
    );
  });

  test('of the cluster are one', () => {
    expect(series('ActiveControllerCount').map(({ dimensions }) => dimensions)).toEqual([{ 'Cluster Name': 'theirs' }]);
  });

  test('of connections are one of every way in', () => {
    expect(series('ClientConnectionCount').map(({ dimensions }) => dimensions['Client Authentication'])).toEqual([
      'IAM',
      'SASL_SCRAM',
      'IAM',
      'SASL_SCRAM',
    ]);
    expect(series('ClientConnectionCount', { scramUsers: [] })).toHaveLength(2);
  });

  test.each([
    ['kafka.m7g.large', 'CPUCreditBalance', 0],
    ['kafka.t3.small', 'CPUCreditBalance', 2],
    ['kafka.t3.small', 'KafkaDataLogsDiskUsed', 2],
    ['express.m7g.large', 'KafkaDataLogsDiskUsed', 0],
    ['express.m7g.large', 'StorageUsed', 1],
    ['kafka.m7g.large', 'StorageUsed', 0],
  ] as const)('%s has of %s %d series', (brokerType, name, count) => expect(series(name, { brokerType })).toHaveLength(count));

  test('are on some kind of broker each', () => {
    const found = (Object.keys(mskMetrics) as (keyof typeof mskMetrics)[]).filter((name) =>
      ['kafka.t3.small', 'express.m7g.large'].some((brokerType) => series(name, { brokerType }).length > 0),
    );
    expect(found).toEqual(Object.keys(mskMetrics));
    expect(Object.keys(groupMetrics)).toEqual(['MaxOffsetLag', 'SumOffsetLag', 'EstimatedMaxTimeLag']);
  });

  test('of groups are one of a group and topic', () => {
    withImported((msk) =>
      expect(msk.lagMetric('MaxOffsetLag', 'emails', 'orders.created')).toEqual({
        namespace: 'AWS/Kafka',
        metricName: 'MaxOffsetLag',
        dimensions: { 'Cluster Name': 'theirs', 'Consumer Group': 'emails', Topic: 'orders.created' },
      }),
    );
  });
});
