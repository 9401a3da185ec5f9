import { AmazonMq } from '../../constructs/aws/amazon-mq/index.ts';
import { amazonMqMetrics, amazonMqNodeMetrics } from '../../constructs/aws/amazon-mq/metrics.ts';
import type { AmazonMqAttributes } from '../../constructs/aws/amazon-mq/props.ts';
import { mergeFragments } from '../../constructs/core/binding.ts';
import { TerraformOutput } from '../../constructs/core/framework.ts';
import { Template } from '../support/template.ts';
import { define } from './amazon-mq.ts';

describe('what services get to know', () => {
  test('where and as whom to connect, and where the password lies', () => {
    define({}, {}, (broker) => {
      const { tasks } = mergeFragments([broker.binding()]);
      expect(tasks).toMatchObject({
        kind: 'rabbitmq',
        role: 'tasks',
        endpoints: [
          { purpose: 'primary', port: 5671, authMode: 'password' },
          { purpose: 'management', port: 443, authMode: 'password' },
        ],
        vhost: '/',
        tls: {},
        auth: { mode: 'password', username: 'millrace', secretRef: { from: 'aws-secrets-manager', jsonKey: 'password' } },
      });
    });
  });

  test('the host is what stands between scheme and port of the one endpoint', () => {
    const template = define({}, {}, (broker) => {
      new TerraformOutput(broker, 'host', { value: broker.binding().tasks?.endpoints[0]?.host });
    });
    expect(Object.values(template.outputs())).toEqual([
      expect.stringMatching(
        /^\$\{trimsuffix\(trimprefix\(element\(aws_mq_broker\.\w+\.instances\[0\]\.endpoints, 0\), "amqps:\/\/"\), ":5671"\)\}$/,
      ),
    ]);
  });
});

const imported: AmazonMqAttributes = {
  service: 'tasks',
  role: 'tasks',
  brokerName: 'theirs',
  arn: 'arn:aws:mq:eu-central-1:111111111111:broker:theirs:b-1',
  host: 'b-1.mq.eu-central-1.amazonaws.com',
  version: '3.13',
  username: 'ops',
  secretArn: 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:theirs',
  encryptionKeyArn: 'arn:aws:kms:eu-central-1:111111111111:key/1',
  securityGroupId: 'sg-theirs',
};
const inStack = (use: (broker: ReturnType<typeof AmazonMq.fromAttributes>) => void, attributes: Partial<AmazonMqAttributes> = {}) =>
  Template.of((stack) => use(AmazonMq.fromAttributes(stack, 'tasks', { ...imported, ...attributes })));

describe('a broker that someone else keeps', () => {
  test('is bound and granted alike, and adds no server', () => {
    const template = inStack((broker) => {
      expect(broker.securityGroupId).toBe('sg-theirs');
      expect(mergeFragments([broker.binding()]).tasks).toEqual({
        kind: 'rabbitmq',
        role: 'tasks',
        endpoints: [
          { purpose: 'primary', host: 'b-1.mq.eu-central-1.amazonaws.com', port: 5671, authMode: 'password' },
          { purpose: 'management', host: 'b-1.mq.eu-central-1.amazonaws.com', port: 443, authMode: 'password' },
        ],
        vhost: '/',
        tls: {},
        auth: {
          mode: 'password',
          username: 'ops',
          secretRef: { from: 'aws-secrets-manager', id: imported.secretArn, jsonKey: 'password' },
        },
        resourceArns: [imported.arn],
      });
      broker.grantConnect('Orders', { roleName: 'orders' });
    });
    expect(template.counts()).toEqual({ aws_iam_role_policy: 1 });
  });

  test('a grant allows to read one secret and to decrypt it, nothing else', () => {
    const template = inStack((broker) => {
      expect(broker.grantConnect('Orders', { roleName: 'orders' })).toEqual(broker.connectStatements());
    });
    const policy = template.one('aws_iam_role_policy', { role: 'orders', name: 'connect-theirs' }).policy as string;
    expect(JSON.parse(policy).Statement).toEqual([
      { Sid: 'ReadBrokerPassword', Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: imported.secretArn },
      { Sid: 'DecryptBrokerPassword', Effect: 'Allow', Action: 'kms:Decrypt', Resource: imported.encryptionKeyArn },
    ]);
  });

  test('lets others in at its two ports', () => {
    const template = inStack((broker) => broker.connections.allowFrom('Worker', { securityGroupId: 'sg-worker' }));
    expect(template.all('aws_vpc_security_group_ingress_rule').map(({ from_port }) => from_port)).toEqual(
      expect.arrayContaining([5671, 443]),
    );
  });
});

describe('what is watched', () => {
  test('a metric is one of the whole broker', () => {
    inStack((broker) =>
      expect(broker.metric('RabbitMQMemUsed')).toEqual([
        { namespace: 'AWS/AmazonMQ', metricName: 'RabbitMQMemUsed', dimensions: { Broker: 'theirs' } },
      ]),
    );
  });

  test('the worst node is found by a query, in the direction in which the figure is bad', () => {
    inStack((broker) => {
      expect(broker.worstNodeQuery('RabbitMQDiskFree')).toBe(
        `SELECT MIN(RabbitMQDiskFree) FROM SCHEMA("AWS/AmazonMQ", Broker, Node) WHERE Broker = 'theirs'`,
      );
      expect(broker.worstNodeQuery('RabbitMQMemUsed')).toMatch(/^SELECT MAX\(RabbitMQMemUsed\)/);
    });
    for (const metric of amazonMqNodeMetrics) expect(amazonMqMetrics).toHaveProperty(metric);
  });

  test('a queue is watched on 3.13', () => {
    inStack((broker) =>
      expect(broker.queueMetric('MessageReadyCount', { queue: 'emails' })).toEqual([
        { namespace: 'AWS/AmazonMQ', metricName: 'MessageReadyCount', dimensions: { Broker: 'theirs', VirtualHost: '/', Queue: 'emails' } },
      ]),
    );
  });

  test('fails if a queue is to be watched on version 4, which tells CloudWatch nothing of queues', () => {
    inStack(
      (broker) =>
        expect(() => broker.queueMetric('MessageCount', { queue: 'emails' })).toThrow('tasks runs 4.2: ask its management interface'),
      { version: '4.2' },
    );
  });
});
