import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import { type AlarmTarget, tableTarget } from '../../core/alarm-target.ts';
import { type MetricReference, metricSeries } from '../../core/metric.ts';
import { CacheAccess } from './access.ts';
import { type ElastiCacheMetric, elastiCacheKinds, elastiCacheMetrics, elastiCacheSources } from './metrics.ts';
import { processorsOf } from './node-types.ts';
import type { ElastiCacheAttributes } from './props.ts';
import { boundUsers } from './users.ts';

/** Of a node of any type. @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/BestPractices.Clients.Redis.Connections.html */
const maxConnections = 65_000;

/** What the one thread of the engine can use of a machine with one or two processors; of larger ones `EngineCPUUtilization` shows it, and all counts. */
function hostCpuShare(nodeType: string): number {
  const processors = processorsOf(nodeType);
  return processors <= 2 ? 1 / processors : 1;
}

/** A replication group, ours or another's: how to bind it, to let someone in, and to watch it. */
export class ElastiCacheReference extends CacheAccess<ElastiCacheAttributes> {
  protected get cacheName(): string {
    return this.attributes.replicationGroupId;
  }

  binding(): BindingFragment {
    const { service, role, region, replicationGroupId, arn, primaryHost, readerHost, port, shards, users, memoryMiB } = this.attributes;
    const primary = { purpose: 'primary', host: primaryHost, port, authMode: 'iam' } as const;
    const reader = readerHost === undefined ? [] : [{ ...primary, purpose: 'reader', host: readerHost } as const];
    return {
      [service]: {
        kind: 'redis',
        role,
        endpoints: [primary, ...reader],
        clusterMode: shards !== undefined,
        tls: {},
        ...boundUsers(users),
        iam: { region, service: 'elasticache', resourceName: replicationGroupId },
        resourceArns: [arn, ...users.map((user) => user.arn)],
        ...(memoryMiB === undefined ? {} : { limits: { maxMemoryMiB: memoryMiB } }),
      },
    };
  }

  /** A metric of every node: the group's own figures hide one hot node among idle ones. None where nodes of this type do not have it. */
  metric(metricName: ElastiCacheMetric): MetricReference[] {
    return metricSeries(metricName, elastiCacheMetrics[metricName], elastiCacheSources(this.attributes), elastiCacheKinds(this.attributes));
  }

  /** What alarms know of it: a series a node. */
  alarmTarget(): AlarmTarget {
    const { service, nodeType } = this.attributes;
    const kinds = elastiCacheKinds(this.attributes);
    return tableTarget({
      ...{ service, offering: 'elasticache', table: elastiCacheMetrics, sources: elastiCacheSources(this.attributes), kinds },
      limits: { maxConnections, hostCpuShare: nodeType === undefined ? undefined : hostCpuShare(nodeType) },
    });
  }
}
