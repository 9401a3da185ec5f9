import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import type { Bindable } from '../../core/binding.ts';
import { Construct } from '../../core/framework.ts';
import type { MetricReference } from '../../core/metric.ts';
import type { Grantee, PolicyStatement } from '../../core/policy.ts';
import { Connections, type SecurityGroupReference } from '../foundation/connections.ts';
import { grantToRole } from '../foundation/grant.ts';
import { connectStatementsOf } from './connect.ts';
import { type ElastiCacheMetric, isMeasured } from './metrics.ts';
import type { ElastiCacheAttributes } from './props.ts';

/** A replication group, ours or another's: how to bind it, to let someone in, and to watch it. */
export abstract class ElastiCacheReference extends Construct implements Bindable, SecurityGroupReference {
  abstract readonly attributes: ElastiCacheAttributes;
  /** Who may reach the servers, besides the clients of the network. */
  abstract readonly connections: Connections;

  get securityGroupId(): string {
    return this.attributes.securityGroupId;
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
        auth: { mode: 'iam', username: users[0].userId },
        iam: { region, service: 'elasticache', resourceName: replicationGroupId },
        resourceArns: [arn, ...users.map((user) => user.arn)],
        ...(memoryMiB === undefined ? {} : { limits: { maxMemoryMiB: memoryMiB } }),
      },
    };
  }

  /**
   * What an IAM identity needs in order to connect as one user, and nothing more: `elasticache:Connect` on the group and on that user.
   *
   * @param userName @default the user in the binding
   * @throws {RangeError} when the group has no such user.
   */
  connectStatements(userName?: string): PolicyStatement[] {
    return connectStatementsOf(this.attributes, userName);
  }

  /** Lets a role connect as one user: `elasticache:Connect`, see `connectStatements`, as a policy of the role. */
  grantConnect(id: string, grantee: Grantee, userName?: string): readonly PolicyStatement[] {
    const name = `connect-${this.attributes.replicationGroupId}`;
    return grantToRole(this, id, { grantee, name, statements: this.connectStatements(userName) });
  }

  /** A metric of every node: the group's own figures hide one hot node among idle ones. None where nodes of this type do not have it. */
  metric(metricName: ElastiCacheMetric): MetricReference[] {
    if (!isMeasured(metricName, this.attributes)) return [];
    return nodeIds(this.attributes).map((CacheClusterId) => ({ namespace: 'AWS/ElastiCache', metricName, dimensions: { CacheClusterId } }));
  }
}

/** `GROUP-001` and so on; of a cluster `GROUP-0001-001`. */
function nodeIds({ replicationGroupId, shards, nodes }: ElastiCacheAttributes): string[] {
  const prefixes = shards === undefined ? [''] : numbers(shards, 4).map((shard) => `${shard}-`);
  return prefixes.flatMap((prefix) => numbers(nodes, 3).map((node) => `${replicationGroupId}-${prefix}${node}`));
}

function numbers(count: number, digits: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index + 1).padStart(digits, '0'));
}

/** A replication group that someone else keeps. */
export class ImportedElastiCache extends ElastiCacheReference {
  readonly attributes: ElastiCacheAttributes;
  readonly connections: Connections;

  constructor(scope: Construct, id: string, attributes: ElastiCacheAttributes) {
    super(scope, id);
    this.attributes = attributes;
    const { service, port, securityGroupId } = attributes;
    this.connections = new Connections(this, 'Connections', { securityGroupId, ports: [{ port, description: `clients to ${service}` }] });
  }
}
