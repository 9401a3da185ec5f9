import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import { type AlarmTarget, tableTarget } from '../../core/alarm-target.ts';
import { type MetricReference, metricSeries } from '../../core/metric.ts';
import type { Grantee, PolicyStatement } from '../../core/policy.ts';
import type { ServicePort } from '../foundation/connections.ts';
import { grantToRole } from '../foundation/grant.ts';
import { ServerReference } from '../foundation/reference.ts';
import { readSecretStatements } from '../foundation/secret-access.ts';
import {
  type AmazonMqMetric,
  type AmazonMqNodeMetric,
  type AmazonMqQueueMetric,
  amazonMqMetrics,
  amazonMqQueueMetrics,
  amazonMqSource,
  isNodeMetric,
  worstNodeQuery,
} from './metrics.ts';
import type { AmazonMqAttributes } from './props.ts';

/** Amazon MQ has these and no others; what it also offers at 15671 is the management page again. */
const amqpPort = 5_671;
const managementPort = 443;

/** What speaks where: AMQP, and the management page with its interface for programs; both over TLS. */
export const amazonMqPorts: readonly ServicePort[] = [
  { port: amqpPort, description: 'AMQP' },
  { port: managementPort, description: 'RabbitMQ management' },
];

/** A queue, as CloudWatch names it. */
export interface QueueName {
  readonly queue: string;
  /** @default '/' */
  readonly vhost?: string;
}

/** A broker, ours or another's: how to bind it, to let someone in, and to watch it. */
export class AmazonMqReference extends ServerReference<AmazonMqAttributes> {
  binding(): BindingFragment {
    const { service, role, arn, host, username, secretArn } = this.attributes;
    return {
      [service]: {
        kind: 'rabbitmq',
        role,
        endpoints: [
          { purpose: 'primary', host, port: amqpPort, authMode: 'password' },
          { purpose: 'management', host, port: managementPort, authMode: 'password' },
        ],
        vhost: '/',
        tls: {},
        auth: { mode: 'password', username, secretRef: { from: 'aws-secrets-manager', id: secretArn, jsonKey: 'password' } },
        resourceArns: [arn],
      },
    };
  }

  /**
   * What an IAM identity needs in order to connect: `secretsmanager:GetSecretValue` on the password's secret and `kms:Decrypt` on its key. RabbitMQ itself
   * asks for the password alone.
   */
  connectStatements(): PolicyStatement[] {
    const { secretArn, encryptionKeyArn } = this.attributes;
    return readSecretStatements('BrokerPassword', secretArn, encryptionKeyArn);
  }

  /**
   * Lets a role connect as the administrator: `secretsmanager:GetSecretValue` and `kms:Decrypt`, see `connectStatements`, as a policy of the role.
   *
   * Users with fewer rights are made in RabbitMQ, not in AWS.
   */
  grantConnect(id: string, grantee: Grantee): readonly PolicyStatement[] {
    return grantToRole(this, id, { grantee, name: `connect-${this.attributes.brokerName}`, statements: this.connectStatements() });
  }

  /** A metric of the whole broker; for the worst of its nodes see `worstNodeQuery`. */
  metric(metricName: AmazonMqMetric): MetricReference[] {
    return metricSeries(metricName, amazonMqMetrics[metricName], { broker: [amazonMqSource(this.attributes.brokerName)] });
  }

  /** What alarms know of it: one series of each metric; of what nodes tell, that of the worst one. */
  alarmTarget(): AlarmTarget {
    const { service, brokerName, quotas } = this.attributes;
    const whole = tableTarget({
      ...{ service, offering: 'amazon-mq', table: amazonMqMetrics, sources: { broker: [amazonMqSource(brokerName)] } },
      // At which memory and disk the broker stops publishers AWS tells as a metric alone, and an alarm on the worst node has no room for it: the probe asks.
      limits: { connections: quotas?.connections, channels: quotas?.channels, memoryLimitBytes: undefined, diskFreeLimitBytes: undefined },
    });
    return {
      ...whole,
      series: (metricName, statistic) =>
        whole
          .series(metricName, statistic)
          ?.map((one) => (isNodeMetric(metricName) ? { ...one, query: worstNodeQuery(brokerName, metricName, one.statistic) } : one)),
    };
  }

  /** A query of Metrics Insights for the worst node, since nodes' names are known only once they stand. */
  worstNodeQuery(metricName: AmazonMqNodeMetric): string {
    return worstNodeQuery(this.attributes.brokerName, metricName);
  }

  /**
   * A metric of one queue. CloudWatch has those of at most 500 queues, and of RabbitMQ 4 none.
   *
   * @throws {RangeError} when the broker runs RabbitMQ 4.
   * @see https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-4.html
   */
  queueMetric(metricName: AmazonMqQueueMetric, { queue, vhost = '/' }: QueueName): MetricReference[] {
    const { brokerName, service, version } = this.attributes;
    if (version !== '3.13')
      throw new RangeError(`metrics of single queues are of RabbitMQ 3.13, ${service} runs ${version}: ask its management interface`);
    const source = amazonMqSource(brokerName, { VirtualHost: vhost, Queue: queue });
    return metricSeries(metricName, amazonMqQueueMetrics[metricName], { queue: [source] });
  }
}
