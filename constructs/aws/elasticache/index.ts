import { ElasticacheParameterGroup } from '@cdktf/provider-aws/lib/elasticache-parameter-group';
import {
  ElasticacheReplicationGroup,
  type ElasticacheReplicationGroupConfig,
  type ElasticacheReplicationGroupLogDeliveryConfiguration,
} from '@cdktf/provider-aws/lib/elasticache-replication-group';
import { ElasticacheSubnetGroup } from '@cdktf/provider-aws/lib/elasticache-subnet-group';
import { type Construct, Fn } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { protectedLifecycle } from '../../core/protection.ts';
import { validate } from '../../core/validate.ts';
import { Connections, clientPort } from '../foundation/connections.ts';
import { defineLogGroup } from '../foundation/log-group.ts';
import { SecurityGroup } from '../foundation/security-group.ts';
import type { ElastiCacheAttributes, ElastiCacheProps } from './props.ts';
import { ElastiCacheReference } from './reference.ts';
import { type ResolvedElastiCache, resolveElastiCache } from './resolve.ts';
import { CacheUsers } from './users.ts';
import { elastiCacheRules } from './validate.ts';

/**
 * One replication group of Valkey or Redis: a primary with replicas in other zones, TLS and IAM authentication without alternative, encrypted at rest, logged,
 * snapshotted. With several shards it is a cluster, and so is its binding: `connectRedis` then asks for `cluster: true`, and there is database 0 alone.
 *
 * Fail-over is asynchronous: what the primary acknowledged in its last moments can be lost, whatever the role.
 *
 * Not here: replication between regions, whose secondary groups have neither engine nor parameters of their own; names of your own for the servers, which
 * their certificate does not know, while the binding carries AWS's; connections without TLS, which signing in through IAM asks for. A group that has none yet
 * comes under this construct in two deployments, the first with `override('transit_encryption_mode', 'preferred')`.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all problems.
 * @example
 * const cache = new ElastiCache(this, 'cache', { service: 'cache', role: 'cache', network, encryptionKeyArn });
 * cache.grantConnect('Orders', { roleName: 'orders' });
 */
export class ElastiCache extends ElastiCacheReference {
  private readonly replicationGroup: ElasticacheReplicationGroup;

  constructor(scope: Construct, id: string, props: ElastiCacheProps) {
    super(scope, id);
    const cache = resolveElastiCache(props, identityOf(this));
    validate(`elasticache ${props.service}`, elastiCacheRules, cache);
    this.connections = this.defineConnections(cache);
    const { users, userGroupId } = this.defineUsers(cache);
    this.replicationGroup = this.defineReplicationGroup(cache, userGroupId);
    this.attributes = { ...this.attributesOf(cache), users };
  }

  /** A replication group that someone else keeps, with the same public face. */
  static fromAttributes(scope: Construct, id: string, attributes: ElastiCacheAttributes): ElastiCacheReference {
    return new ElastiCacheReference(scope, id, { attributes, ports: [clientPort(attributes.port, attributes.service)] });
  }

  /** The way around this construct, past its rules: sets any argument of the replication group, by its Terraform name. */
  override(path: string, value: unknown): void {
    this.replicationGroup.addOverride(path, value);
  }

  private attributesOf(cache: ResolvedElastiCache): Omit<ElastiCacheAttributes, 'users'> {
    const { service, role, replicationGroupId, port, shards, replicas, nodeType, dataTiering, memoryMiB } = cache;
    return {
      service,
      role,
      region: identityOf(this).region,
      replicationGroupId,
      arn: this.replicationGroup.arn,
      ...this.hosts(cache),
      port,
      nodes: replicas + 1,
      nodeType,
      dataTiering,
      securityGroupId: this.connections.securityGroupId,
      ...(memoryMiB === undefined ? {} : { memoryMiB: memoryMiB * shards }),
    };
  }

  private hosts({
    clusterMode,
    shards,
    replicas,
  }: ResolvedElastiCache): Pick<ElastiCacheAttributes, 'primaryHost' | 'readerHost' | 'shards'> {
    const { configurationEndpointAddress, primaryEndpointAddress, readerEndpointAddress } = this.replicationGroup;
    // The provider tells no primary where there is a configuration endpoint.
    if (clusterMode !== 'disabled') return { primaryHost: configurationEndpointAddress, shards };
    return { primaryHost: primaryEndpointAddress, ...(replicas > 0 ? { readerHost: readerEndpointAddress } : {}) };
  }

  private defineUsers({ userEngine, replicationGroupId, users }: ResolvedElastiCache): CacheUsers {
    return new CacheUsers(this, 'Users', { engine: userEngine, cacheName: replicationGroupId, users });
  }

  /** Not `openToClients`: here the rules of the clients are children of the group, and ids of constructs stay. */
  private defineConnections({ service, network, port }: ResolvedElastiCache): Connections {
    const group = new SecurityGroup(this, 'SecurityGroup', { vpcId: network.vpcId, name: service, description: `servers of ${service}` });
    const opened = clientPort(port, service);
    group.allowFrom('Clients', network.clients, opened);
    return new Connections(this, 'Connections', { securityGroupId: group.securityGroupId, ports: [opened] });
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
      ...shape(cache),
      multiAzEnabled: cache.multiAz,
      parameterGroupName: this.defineParameterGroup(cache).name,
      subnetGroupName: this.defineSubnetGroup(cache).name,
      securityGroupIds: [this.connections.securityGroupId],
      ...this.upkeep(cache),
      // The provider wants these two booleans as text.
      atRestEncryptionEnabled: 'true',
      autoMinorVersionUpgrade: 'true',
      kmsKeyId: cache.encryptionKeyArn,
      transitEncryptionEnabled: true,
      transitEncryptionMode: 'required',
      userGroupIds: [userGroupId],
      logDeliveryConfiguration: this.defineLogs(cache),
      // A restore happens once: to take its name away again must not replace what it brought back. The other name keeps the moment it began with.
      lifecycle: { ...protectedLifecycle(identity).lifecycle, ignoreChanges: ['snapshot_name', ...ownFinalName(cache)] },
    });
  }

  private upkeep(cache: ResolvedElastiCache): Partial<ElasticacheReplicationGroupConfig> {
    return {
      snapshotRetentionLimit: cache.snapshotRetentionDays,
      snapshotWindow: cache.snapshotWindow,
      maintenanceWindow: cache.maintenanceWindow,
      applyImmediately: cache.applyImmediately,
      ...given(cache),
      finalSnapshotIdentifier: finalNameOf(cache),
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

/** Arguments that are left to AWS unless somebody says something else: written all the same, they would be a difference with every plan. */
const leftToAws = ['notificationTopicArn', 'snapshotName', 'networkType', 'ipDiscovery'] as const;

function given(cache: ResolvedElastiCache): Pick<ElasticacheReplicationGroupConfig, (typeof leftToAws)[number]> {
  return Object.fromEntries(leftToAws.filter((name) => cache[name] !== undefined).map((name) => [name, cache[name]]));
}

/** How many nodes, and what they are to each other. Of a cluster AWS asks for fail-over by itself; node types with a disk for data, for its use. */
function shape({ clusterMode, shards, replicas, multiAz, dataTiering }: ResolvedElastiCache): Partial<ElasticacheReplicationGroupConfig> {
  const nodes =
    clusterMode === 'disabled'
      ? { numCacheClusters: replicas + 1, automaticFailoverEnabled: multiAz }
      : { numNodeGroups: shards, replicasPerNodeGroup: replicas, automaticFailoverEnabled: true };
  return { clusterMode, ...nodes, ...(dataTiering ? { dataTieringEnabled: true } : {}) };
}

/** A name that no snapshot has: that of an earlier group of the same service would make AWS refuse to delete this one. */
function finalNameOf({ finalSnapshotName, finalSnapshotPrefix }: ResolvedElastiCache): string {
  return finalSnapshotName ?? Fn.join('-', [finalSnapshotPrefix, Fn.formatdate('YYYYMMDDhhmmss', Fn.plantimestamp())]);
}

function ownFinalName({ finalSnapshotName }: ResolvedElastiCache): string[] {
  return finalSnapshotName === undefined ? ['final_snapshot_identifier'] : [];
}
