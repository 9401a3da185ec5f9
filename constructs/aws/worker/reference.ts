import { Construct } from '../../core/framework.ts';
import type { MetricReference } from '../../core/metric.ts';
import type { Grantee } from '../../core/policy.ts';
import { Connections, type SecurityGroupReference } from '../foundation/connections.ts';
import { type WorkerMetric, workerMetrics } from './metrics.ts';
import type { WorkerAttributes } from './props.ts';
import { healthPort } from './resolve.ts';

/**
 * A worker, ours or another's: how to grant it something, to read its metrics, and to watch it.
 *
 * It can be granted to like a role: `cache.grantConnect('Relay', worker)`, in the stack of either.
 */
export abstract class WorkerReference extends Construct implements Grantee, SecurityGroupReference {
  abstract readonly attributes: WorkerAttributes;
  /** Who may ask for its health and its metrics; nobody, to begin with. */
  abstract readonly connections: Connections;

  get roleName(): string {
    return this.attributes.taskRoleName;
  }

  get securityGroupId(): string {
    return this.attributes.securityGroupId;
  }

  /** A metric of all tasks together; its statistic in `workerMetrics` tells one from the others. */
  metric(metricName: WorkerMetric): MetricReference[] {
    const { clusterName, serviceName } = this.attributes;
    const { namespace } = workerMetrics[metricName];
    return [{ namespace, metricName, dimensions: { ClusterName: clusterName, ServiceName: serviceName } }];
  }
}

/** The one port of a worker. */
export function workerConnections(worker: Construct, securityGroupId: string): Connections {
  return new Connections(worker, 'Connections', { securityGroupId, ports: [{ port: healthPort, description: 'health and metrics' }] });
}

/** A worker that someone else keeps. */
export class ImportedWorker extends WorkerReference {
  readonly attributes: WorkerAttributes;
  readonly connections: Connections;

  constructor(scope: Construct, id: string, attributes: WorkerAttributes) {
    super(scope, id);
    this.attributes = attributes;
    this.connections = workerConnections(this, attributes.securityGroupId);
  }
}
