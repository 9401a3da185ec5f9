import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import type { Bindable } from '../../core/binding.ts';
import type { Construct } from '../../core/framework.ts';
import type { MetricReference } from '../../core/metric.ts';
import { Connections, type SecurityGroupReference } from '../foundation/connections.ts';
import { KafkaAccess } from '../msk/access.ts';
import { type GroupMetricName, groupMetric, topicMetric } from '../msk/metrics.ts';
import { clientPorts } from '../msk/ports.ts';
import type { ServerlessMetricName } from './metrics.ts';
import type { MskServerlessAttributes } from './props.ts';

/** A serverless cluster, ours or another's: how to bind it, to let someone in, and to watch it. */
export abstract class MskServerlessReference extends KafkaAccess implements Bindable, SecurityGroupReference {
  abstract override readonly attributes: MskServerlessAttributes;
  /** The port that clients use. */
  abstract readonly connections: Connections;
  protected readonly hasClusterSettings = false;

  get securityGroupId(): string {
    return this.attributes.securityGroupId;
  }

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
    return topics.map((topic) => topicMetric(this.attributes.clusterName, name, topic));
  }

  /** How far one group is behind in one topic. */
  lagMetric(name: GroupMetricName, group: string, topic: string): MetricReference {
    return groupMetric(this.attributes.clusterName, name, group, topic);
  }
}

/** A serverless cluster that someone else keeps. */
export class ImportedMskServerless extends MskServerlessReference {
  readonly attributes: MskServerlessAttributes;
  readonly connections: Connections;

  constructor(scope: Construct, id: string, attributes: MskServerlessAttributes) {
    super(scope, id);
    this.attributes = attributes;
    this.connections = new Connections(this, 'Connections', { securityGroupId: attributes.securityGroupId, ports: [clientPorts.iam] });
  }
}
