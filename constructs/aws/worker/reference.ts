import { type AlarmTarget, tableTarget } from '../../core/alarm-target.ts';
import { type MetricReference, metricSeries } from '../../core/metric.ts';
import type { Grantee } from '../../core/policy.ts';
import type { ServicePort } from '../foundation/connections.ts';
import { ConnectedReference } from '../foundation/reference.ts';
import { type WorkerMetric, workerMetrics, workerSources } from './metrics.ts';
import type { WorkerAttributes } from './props.ts';
import { healthPort } from './resolve.ts';

/** The one port of a worker; open to nobody, to begin with. */
export const workerPorts: readonly ServicePort[] = [{ port: healthPort, description: 'health and metrics' }];

/**
 * A worker, ours or another's: how to grant it something, to read its metrics, and to watch it.
 *
 * It can be granted to like a role: `cache.grantConnect('Relay', worker)`, in the stack of either.
 */
export class WorkerReference extends ConnectedReference<WorkerAttributes> implements Grantee {
  get roleName(): string {
    return this.attributes.taskRoleName;
  }

  /** A metric of all tasks together; its statistic in `workerMetrics` tells one from the others. */
  metric(metricName: WorkerMetric): MetricReference[] {
    return metricSeries(metricName, workerMetrics[metricName], workerSources(this.attributes));
  }

  /** What alarms know of it: one series of each metric. */
  alarmTarget(): AlarmTarget {
    const { name: service } = this.attributes;
    return tableTarget({ service, offering: 'worker', table: workerMetrics, sources: workerSources(this.attributes) });
  }
}
