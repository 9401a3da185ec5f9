import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import { type MetricReference, metricSeries } from '../../core/metric.ts';
import { CacheAccess } from './access.ts';
import { type ElastiCacheMetric, elastiCacheMetrics, elastiCacheSources } from './metrics.ts';
import type { ElastiCacheAttributes } from './props.ts';
import { boundUsers } from './users.ts';

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
    const kinds = this.attributes.dataTiering === true ? (['tiering'] as const) : [];
    return metricSeries(metricName, elastiCacheMetrics[metricName], elastiCacheSources(this.attributes), kinds);
  }
}
