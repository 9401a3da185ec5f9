import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import type { Bindable } from '../../core/binding.ts';
import { Construct } from '../../core/framework.ts';
import type { MetricReference } from '../../core/metric.ts';
import type { Grantee, PolicyStatement } from '../../core/policy.ts';
import { grantToRole } from '../foundation/grant.ts';
import type { SecurityGroupReference } from '../foundation/security-group.ts';
import type { CacheUserReference, ElastiCacheAttributes } from './props.ts';

/** A replication group, ours or another's: how to bind it, to let someone in, and to watch it. */
export abstract class ElastiCacheReference extends Construct implements Bindable, SecurityGroupReference {
  abstract readonly attributes: ElastiCacheAttributes;

  get securityGroupId(): string {
    return this.attributes.securityGroupId;
  }

  binding(): BindingFragment {
    const { service, role, region, replicationGroupId, arn, primaryHost, readerHost, port, users, memoryMiB } = this.attributes;
    const primary = { purpose: 'primary', host: primaryHost, port, authMode: 'iam' } as const;
    const reader = readerHost === undefined ? [] : [{ ...primary, purpose: 'reader', host: readerHost } as const];
    return {
      [service]: {
        kind: 'redis',
        role,
        endpoints: [primary, ...reader],
        clusterMode: false,
        tls: {},
        auth: { mode: 'iam', username: users[0].userId },
        iam: { region, service: 'elasticache', resourceName: replicationGroupId },
        resourceArns: [arn, ...users.map((user) => user.arn)],
        ...(memoryMiB === undefined ? {} : { limits: { maxMemoryMiB: memoryMiB } }),
      },
    };
  }

  /**
   * What an IAM identity needs in order to connect as one user, and nothing more.
   *
   * @param userName @default the user in the binding
   * @throws {RangeError} when the group has no such user.
   */
  connectStatements(userName?: string): PolicyStatement[] {
    const user = this.user(userName);
    return [{ Sid: 'ConnectToCache', Effect: 'Allow', Action: 'elasticache:Connect', Resource: [this.attributes.arn, user.arn] }];
  }

  /** Lets a role connect as one user: `connectStatements` as a policy of the role. */
  grantConnect(id: string, grantee: Grantee, userName?: string): readonly PolicyStatement[] {
    const name = `connect-${this.attributes.replicationGroupId}`;
    return grantToRole(this, id, { grantee, name, statements: this.connectStatements(userName) });
  }

  /** A metric of every node: the group's own figures hide one hot node among idle ones. */
  metric(metricName: string): MetricReference[] {
    const { replicationGroupId, nodes } = this.attributes;
    return Array.from({ length: nodes }, (_, index) => ({
      namespace: 'AWS/ElastiCache',
      metricName,
      dimensions: { CacheClusterId: `${replicationGroupId}-${String(index + 1).padStart(3, '0')}` },
    }));
  }

  private user(name: string | undefined): CacheUserReference {
    const { users, service } = this.attributes;
    const user = name === undefined ? users[0] : users.find((candidate) => candidate.name === name);
    if (user === undefined) {
      throw new RangeError(`users of ${service} are ${users.map((known) => known.name).join(', ')}, got ${JSON.stringify(name)}`);
    }
    return user;
  }
}

/** A replication group that someone else keeps. */
export class ImportedElastiCache extends ElastiCacheReference {
  readonly attributes: ElastiCacheAttributes;

  constructor(scope: Construct, id: string, attributes: ElastiCacheAttributes) {
    super(scope, id);
    this.attributes = attributes;
  }
}
