import { ElasticacheParameterGroup } from '@cdktf/provider-aws/lib/elasticache-parameter-group';
import {
  ElasticacheReplicationGroup,
  type ElasticacheReplicationGroupLogDeliveryConfiguration,
} from '@cdktf/provider-aws/lib/elasticache-replication-group';
import { ElasticacheSubnetGroup } from '@cdktf/provider-aws/lib/elasticache-subnet-group';
import type { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { protectedLifecycle } from '../../core/protection.ts';
import { validate } from '../../core/validate.ts';
import { defineLogGroup } from '../foundation/log-group.ts';
import { SecurityGroup } from '../foundation/security-group.ts';
import type { ElastiCacheAttributes, ElastiCacheProps } from './props.ts';
import { ElastiCacheReference, ImportedElastiCache } from './reference.ts';
import { type ResolvedElastiCache, resolveElastiCache } from './resolve.ts';
import { CacheUsers } from './users.ts';
import { elastiCacheRules } from './validate.ts';

/**
 * One replication group of Valkey or Redis: a primary with replicas in other zones, TLS and IAM authentication without alternative, encrypted at rest, logged,
 * snapshotted.
 *
 * Fail-over is asynchronous: what the primary acknowledged in its last moments can be lost, whatever the role.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all problems.
 * @example
 * const cache = new ElastiCache(this, 'cache', { service: 'cache', role: 'cache', network, encryptionKeyArn });
 * cache.grantConnect('Orders', { roleName: 'orders' });
 */
export class ElastiCache extends ElastiCacheReference {
  readonly attributes: ElastiCacheAttributes;
  readonly securityGroup: SecurityGroup;
  private readonly replicationGroup: ElasticacheReplicationGroup;

  constructor(scope: Construct, id: string, props: ElastiCacheProps) {
    super(scope, id);
    const cache = resolveElastiCache(props, identityOf(this));
    validate(`elasticache ${props.service}`, elastiCacheRules, cache);
    this.securityGroup = this.defineSecurityGroup(cache);
    const { users, userGroupId } = new CacheUsers(this, 'Users', cache);
    this.replicationGroup = this.defineReplicationGroup(cache, userGroupId);
    this.attributes = { ...this.attributesOf(cache), users };
  }

  /** A replication group that someone else keeps, with the same public face. */
  static fromAttributes(scope: Construct, id: string, attributes: ElastiCacheAttributes): ElastiCacheReference {
    return new ImportedElastiCache(scope, id, attributes);
  }

  /** The way around this construct: sets any argument of the replication group, by its Terraform name. */
  override(path: string, value: unknown): void {
    this.replicationGroup.addOverride(path, value);
  }

  private attributesOf({
    service,
    role,
    replicationGroupId,
    port,
    replicas,
    memoryMiB,
  }: ResolvedElastiCache): Omit<ElastiCacheAttributes, 'users'> {
    const { arn, primaryEndpointAddress, readerEndpointAddress } = this.replicationGroup;
    return {
      service,
      role,
      region: identityOf(this).region,
      replicationGroupId,
      arn,
      primaryHost: primaryEndpointAddress,
      ...(replicas > 0 ? { readerHost: readerEndpointAddress } : {}),
      port,
      nodes: replicas + 1,
      securityGroupId: this.securityGroup.securityGroupId,
      ...(memoryMiB === undefined ? {} : { memoryMiB }),
    };
  }

  private defineSecurityGroup({ service, port, network }: ResolvedElastiCache): SecurityGroup {
    const group = new SecurityGroup(this, 'SecurityGroup', { vpcId: network.vpcId, name: service, description: `servers of ${service}` });
    group.allowFrom('Clients', network.clients, { port, description: `clients to ${service}` });
    return group;
  }

  private defineReplicationGroup(cache: ResolvedElastiCache, userGroupId: string): ElasticacheReplicationGroup {
    const identity = identityOf(this);
    return new ElasticacheReplicationGroup(this, 'Resource', {
      replicationGroupId: cache.replicationGroupId,
      description: `${cache.service} of ${identity.name}, role ${cache.role}`,
      engine: cache.engine,
      engineVersion: cache.engineVersion,
      nodeType: cache.nodeType,
      port: cache.port,
      clusterMode: 'disabled',
      numCacheClusters: cache.replicas + 1,
      automaticFailoverEnabled: cache.multiAz,
      multiAzEnabled: cache.multiAz,
      parameterGroupName: this.defineParameterGroup(cache).name,
      subnetGroupName: this.defineSubnetGroup(cache).name,
      securityGroupIds: [this.securityGroup.securityGroupId],
      ...this.upkeep(cache),
      // The provider wants these two booleans as text.
      atRestEncryptionEnabled: 'true',
      autoMinorVersionUpgrade: 'true',
      kmsKeyId: cache.encryptionKeyArn,
      transitEncryptionEnabled: true,
      transitEncryptionMode: 'required',
      userGroupIds: [userGroupId],
      logDeliveryConfiguration: this.defineLogs(cache),
      ...protectedLifecycle(identity),
    });
  }

  private upkeep(cache: ResolvedElastiCache) {
    return {
      snapshotRetentionLimit: cache.snapshotRetentionDays,
      snapshotWindow: cache.snapshotWindow,
      maintenanceWindow: cache.maintenanceWindow,
      applyImmediately: cache.applyImmediately,
      ...(cache.notificationTopicArn === undefined ? {} : { notificationTopicArn: cache.notificationTopicArn }),
      ...(cache.deletionProtection ? { finalSnapshotIdentifier: `${cache.replicationGroupId}-final` } : {}),
    };
  }

  private defineParameterGroup({ parameterGroupName, family, service, parameters }: ResolvedElastiCache): ElasticacheParameterGroup {
    return new ElasticacheParameterGroup(this, 'Parameters', {
      name: parameterGroupName,
      family,
      description: `parameters of ${service}`,
      parameter: Object.entries(parameters).map(([name, value]) => ({ name, value })),
      lifecycle: { createBeforeDestroy: true },
    });
  }

  private defineSubnetGroup({ replicationGroupId, service, subnetIds }: ResolvedElastiCache): ElasticacheSubnetGroup {
    return new ElasticacheSubnetGroup(this, 'Subnets', {
      name: replicationGroupId,
      description: `private subnets of ${service}`,
      subnetIds: [...subnetIds],
    });
  }

  /** ElastiCache refuses two deliveries into one group. */
  private defineLogs({ service, encryptionKeyArn }: ResolvedElastiCache): ElasticacheReplicationGroupLogDeliveryConfiguration[] {
    return ['slow-log', 'engine-log'].map((logType) => ({
      destination: defineLogGroup(this, logType, [service, logType], encryptionKeyArn).name,
      destinationType: 'cloudwatch-logs',
      logFormat: 'json',
      logType,
    }));
  }
}
