import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import { type MetricReference, metricSeries } from '../../core/metric.ts';
import { KafkaAccess } from '../msk/access.ts';
import { kafkaSource } from '../msk/metrics.ts';
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
    const sources = topics.map((topic) => kafkaSource(this.attributes.clusterName, { Topic: topic }));
    return metricSeries(name, serverlessMetrics[name], { topic: sources });
  }
}
