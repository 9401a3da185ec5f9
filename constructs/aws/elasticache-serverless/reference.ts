import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import { type AlarmTarget, tableTarget } from '../../core/alarm-target.ts';
import { type MetricReference, metricSeries } from '../../core/metric.ts';
import { CacheAccess } from '../elasticache/access.ts';
import { boundUsers } from '../elasticache/users.ts';
import { clientPort, type ServicePort } from '../foundation/connections.ts';
import { type ElastiCacheServerlessMetric, elastiCacheServerlessMetrics, elastiCacheServerlessSources } from './metrics.ts';
import type { ElastiCacheServerlessAttributes } from './props.ts';

/** AWS chooses them, and no one else. @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/RedisConfiguration.html */
const ports = { primary: 6379, reader: 6380 } as const;

/** Both ports of a serverless cache, for rules of security groups. */
export function serverlessPorts(service: string): ServicePort[] {
  return [clientPort(ports.primary, service), clientPort(ports.reader, `the replicas of ${service}`)];
}

/** A serverless cache, ours or another's: how to bind it, to let someone in, and to watch it. */
export class ElastiCacheServerlessReference extends CacheAccess<ElastiCacheServerlessAttributes> {
  protected get cacheName(): string {
    return this.attributes.cacheName;
  }

  binding(): BindingFragment {
    const { service, role, region, cacheName, arn, host, readerHost, users, limits } = this.attributes;
    const primary = { purpose: 'primary', host, port: ports.primary, authMode: 'iam' } as const;
    const reader = readerHost === undefined ? [] : [{ ...primary, purpose: 'reader', host: readerHost, port: ports.reader } as const];
    return {
      [service]: {
        kind: 'redis',
        role,
        endpoints: [primary, ...reader],
        clusterMode: true,
        tls: {},
        ...boundUsers(users),
        iam: { region, service: 'elasticache', resourceName: cacheName, serverless: true },
        resourceArns: [arn, ...users.map((user) => user.arn)],
        ...(limits === undefined
          ? {}
          : { limits: { maxMemoryMiB: limits.maxStorageGiB * 1_024, maxEcpuPerSecond: limits.maxEcpuPerSecond } }),
      },
    };
  }

  /** A metric of the cache, which shows no nodes. */
  metric(metricName: ElastiCacheServerlessMetric): MetricReference[] {
    return metricSeries(metricName, elastiCacheServerlessMetrics[metricName], elastiCacheServerlessSources(this.attributes));
  }

  /** What alarms know of it: one series of each metric. */
  alarmTarget(): AlarmTarget {
    const { service, limits } = this.attributes;
    return tableTarget({
      ...{ service, offering: 'elasticache-serverless' },
      ...{ table: elastiCacheServerlessMetrics, sources: elastiCacheServerlessSources(this.attributes) },
      limits: {
        maxBytes: limits && limits.maxStorageGiB * 2 ** 30,
        maxEcpuPerMinute: limits && limits.maxEcpuPerSecond * 60,
      },
    });
  }
}
