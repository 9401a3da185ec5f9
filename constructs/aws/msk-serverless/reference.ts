import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import { type AlarmTarget, tableTarget } from '../../core/alarm-target.ts';
import { type MetricReference, metricSeries } from '../../core/metric.ts';
import type { Reader } from '../../core/readers.ts';
import { KafkaAccess } from '../msk/access.ts';
import { groupMetrics, groupSources, kafkaSource } from '../msk/metrics.ts';
import { clientPorts } from '../msk/ports.ts';
import { type ServerlessMetricName, serverlessMetrics } from './metrics.ts';
import type { MskServerlessAttributes } from './props.ts';

/** A serverless cluster, ours or another's: how to bind it, to let someone in, and to watch it. */
export class MskServerlessReference extends KafkaAccess<MskServerlessAttributes> {
  protected readonly hasClusterSettings = false;

  binding(): BindingFragment {
    const { service, role, region, clusterName, arn, bootstrapHost } = this.attributes;
    return {
      [service]: {
        kind: 'kafka',
        role,
        endpoints: [{ purpose: 'bootstrap', host: bootstrapHost, port: clientPorts.iam.port, authMode: 'iam' }],
        tls: {},
        auth: { mode: 'iam' },
        iam: { region, service: 'kafka-cluster', resourceName: clusterName, serverless: true },
        resourceArns: [arn],
      },
    };
  }

  /** A metric of some topics: there are no others. */
  metric(name: ServerlessMetricName, topics: readonly string[]): MetricReference[] {
    return metricSeries(name, serverlessMetrics[name], this.sources(topics));
  }

  /**
   * What alarms know of it: a series of each topic, and of each group in each of the topics that it reads here.
   *
   * @param partitions how many each topic has: MSK carries so much for each of them
   */
  alarmTarget(partitions: Readonly<Record<string, number>>, read: readonly Reader[]): AlarmTarget {
    const { service, clusterName } = this.attributes;
    return tableTarget({
      ...{ service, offering: 'msk-serverless', table: { ...serverlessMetrics, ...groupMetrics } },
      sources: { ...this.sources(Object.keys(partitions)), ...groupSources(clusterName, read) },
      limits: {
        topicBytesInPerSecond: forEach(partitions, 5 * 2 ** 20),
        topicBytesOutPerSecond: forEach(partitions, 10 * 2 ** 20),
      },
    });
  }

  private sources(topics: readonly string[]) {
    return { topic: topics.map((topic) => ({ ...kafkaSource(this.attributes.clusterName, { Topic: topic }), detail: topic })) };
  }
}

/** @see https://docs.aws.amazon.com/msk/latest/developerguide/limits.html#serverless-quota */
function forEach(partitions: Readonly<Record<string, number>>, bytesPerSecond: number): Record<string, number> {
  return Object.fromEntries(Object.entries(partitions).map(([topic, count]) => [topic, count * bytesPerSecond]));
}
