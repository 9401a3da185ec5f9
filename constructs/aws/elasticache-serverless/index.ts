import {
  ElasticacheServerlessCache,
  type ElasticacheServerlessCacheCacheUsageLimits,
} from '@cdktf/provider-aws/lib/elasticache-serverless-cache';
import type { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { protectedLifecycle } from '../../core/protection.ts';
import { validate } from '../../core/validate.ts';
import { CacheUsers } from '../elasticache/users.ts';
import { openToClients } from '../foundation/security-group.ts';
import type { ElastiCacheServerlessAttributes, ElastiCacheServerlessProps } from './props.ts';
import { ElastiCacheServerlessReference, serverlessPorts } from './reference.ts';
import { type ResolvedElastiCacheServerless, resolveElastiCacheServerless } from './resolve.ts';
import { elastiCacheServerlessRules } from './validate.ts';

/**
 * A cache without nodes, paid by use up to its limits: TLS in several zones without alternative, IAM authentication, encrypted at rest, snapshotted.
 *
 * It is a cluster, so `connectRedis` asks for `cluster: true`. It evicts keys that have an end and its parameters are AWS's, so it is for caches alone. It
 * delivers no logs, and Terraform makes no last snapshot of it: the daily ones outlive it by as long as they are kept.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all problems.
 * @example
 * const limits = { maxStorageGiB: 5, maxEcpuPerSecond: 10_000 };
 * const cache = new ElastiCacheServerless(this, 'cache', { service: 'cache', role: 'cache', network, encryptionKeyArn, limits });
 * cache.grantConnect('Orders', { roleName: 'orders' });
 */
export class ElastiCacheServerless extends ElastiCacheServerlessReference {
  private readonly cache: ElasticacheServerlessCache;

  constructor(scope: Construct, id: string, props: ElastiCacheServerlessProps) {
    super(scope, id);
    const cache = resolveElastiCacheServerless(props, identityOf(this));
    const { service, engine, cacheName, users, network } = cache;
    validate(`elasticache serverless ${service}`, elastiCacheServerlessRules, cache);
    const ports = serverlessPorts(service);
    this.connections = openToClients(this, { service, network, description: `servers of ${service}`, ports });
    const group = new CacheUsers(this, 'Users', { engine, cacheName, users });
    this.cache = this.defineCache(cache, group.userGroupId);
    this.attributes = { ...this.attributesOf(cache), users: group.users };
  }

  /** A serverless cache that someone else keeps, with the same public face. */
  static fromAttributes(scope: Construct, id: string, attributes: ElastiCacheServerlessAttributes): ElastiCacheServerlessReference {
    return new ElastiCacheServerlessReference(scope, id, { attributes, ports: serverlessPorts(attributes.service) });
  }

  /** The way around this construct, past its rules: sets any argument of the cache, by its Terraform name. */
  override(path: string, value: unknown): void {
    this.cache.addOverride(path, value);
  }

  private attributesOf({
    service,
    role,
    cacheName,
    limits,
  }: ResolvedElastiCacheServerless): Omit<ElastiCacheServerlessAttributes, 'users'> {
    const { arn, endpoint, readerEndpoint } = this.cache;
    return {
      service,
      role,
      region: identityOf(this).region,
      cacheName,
      arn,
      host: endpoint.get(0).address,
      readerHost: readerEndpoint.get(0).address,
      securityGroupId: this.connections.securityGroupId,
      ...(limits === undefined ? {} : { limits }),
    };
  }

  private defineCache(cache: ResolvedElastiCacheServerless, userGroupId: string): ElasticacheServerlessCache {
    const identity = identityOf(this);
    return new ElasticacheServerlessCache(this, 'Resource', {
      name: cache.cacheName,
      description: `${cache.service} of ${identity.name}, role ${cache.role}`,
      engine: cache.engine,
      majorEngineVersion: cache.majorVersion,
      kmsKeyId: cache.encryptionKeyArn,
      subnetIds: [...cache.subnetIds],
      securityGroupIds: [this.connections.securityGroupId],
      userGroupId,
      cacheUsageLimits: usageLimits(cache),
      snapshotRetentionLimit: cache.snapshotRetentionDays,
      dailySnapshotTime: cache.snapshotTime,
      ...(cache.snapshotArns.length === 0 ? {} : { snapshotArnsToRestore: [...cache.snapshotArns] }),
      // A restore happens once: to take its snapshots away again must not replace what they brought back.
      lifecycle: { ...protectedLifecycle(identity).lifecycle, ignoreChanges: ['snapshot_arns_to_restore'] },
    });
  }
}

function usageLimits(cache: ResolvedElastiCacheServerless): ElasticacheServerlessCacheCacheUsageLimits[] {
  const { limits, minStorageGiB, minEcpuPerSecond } = cache;
  if (limits === undefined) return [];
  const storage = { unit: 'GB', maximum: limits.maxStorageGiB, ...(minStorageGiB === undefined ? {} : { minimum: minStorageGiB }) };
  const units = { maximum: limits.maxEcpuPerSecond, ...(minEcpuPerSecond === undefined ? {} : { minimum: minEcpuPerSecond }) };
  return [{ dataStorage: [storage], ecpuPerSecond: [units] }];
}
