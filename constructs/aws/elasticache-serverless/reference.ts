import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import type { Bindable } from '../../core/binding.ts';
import { Construct } from '../../core/framework.ts';
import type { MetricReference } from '../../core/metric.ts';
import type { Grantee, PolicyStatement } from '../../core/policy.ts';
import { connectStatementsOf } from '../elasticache/connect.ts';
import { Connections, type SecurityGroupReference, type ServicePort } from '../foundation/connections.ts';
import { grantToRole } from '../foundation/grant.ts';
import type { ElastiCacheServerlessMetric } from './metrics.ts';
import type { ElastiCacheServerlessAttributes } from './props.ts';

/** AWS chooses them, and no one else. @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/RedisConfiguration.html */
const ports = { primary: 6379, reader: 6380 } as const;

/** Both ports of a serverless cache, for rules of security groups. */
export function serverlessPorts(service: string): ServicePort[] {
  return [
    { port: ports.primary, description: `clients to ${service}` },
    { port: ports.reader, description: `clients to the replicas of ${service}` },
  ];
}

/** A serverless cache, ours or another's: how to bind it, to let someone in, and to watch it. */
export abstract class ElastiCacheServerlessReference extends Construct implements Bindable, SecurityGroupReference {
  abstract readonly attributes: ElastiCacheServerlessAttributes;
  /** Who may reach the cache, besides the clients of the network. */
  abstract readonly connections: Connections;

  get securityGroupId(): string {
    return this.attributes.securityGroupId;
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
        auth: { mode: 'iam', username: users[0].userId },
        iam: { region, service: 'elasticache', resourceName: cacheName, serverless: true },
        resourceArns: [arn, ...users.map((user) => user.arn)],
        ...(limits === undefined
          ? {}
          : { limits: { maxMemoryMiB: limits.maxStorageGiB * 1_024, maxEcpuPerSecond: limits.maxEcpuPerSecond } }),
      },
    };
  }

  /**
   * What an IAM identity needs in order to connect as one user, and nothing more: `elasticache:Connect` on the cache and on that user.
   *
   * @param userName @default the user in the binding
   * @throws {RangeError} when the cache has no such user.
   */
  connectStatements(userName?: string): PolicyStatement[] {
    return connectStatementsOf(this.attributes, userName);
  }

  /** Lets a role connect as one user: `elasticache:Connect`, see `connectStatements`, as a policy of the role. */
  grantConnect(id: string, grantee: Grantee, userName?: string): readonly PolicyStatement[] {
    const name = `connect-${this.attributes.cacheName}`;
    return grantToRole(this, id, { grantee, name, statements: this.connectStatements(userName) });
  }

  /** A metric of the cache, which shows no nodes. */
  metric(metricName: ElastiCacheServerlessMetric): MetricReference[] {
    return [{ namespace: 'AWS/ElastiCache', metricName, dimensions: { ServerlessCacheName: this.attributes.cacheName } }];
  }
}

/** A serverless cache that someone else keeps. */
export class ImportedElastiCacheServerless extends ElastiCacheServerlessReference {
  readonly attributes: ElastiCacheServerlessAttributes;
  readonly connections: Connections;

  constructor(scope: Construct, id: string, attributes: ElastiCacheServerlessAttributes) {
    super(scope, id);
    this.attributes = attributes;
    const { service, securityGroupId } = attributes;
    this.connections = new Connections(this, 'Connections', { securityGroupId, ports: serverlessPorts(service) });
  }
}
