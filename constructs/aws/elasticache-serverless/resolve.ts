import type { EnvironmentIdentity } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { lastingSubnets } from '../../core/subnets.ts';
import { defaultVersions, majorOf } from '../elasticache/families.ts';
import { defaultUsers, userId } from '../elasticache/users.ts';
import type { ElastiCacheServerlessProps } from './props.ts';

/** Overrides that are about nodes, of which there are none, and how they change. */
const ofNodes = [
  'nodeType',
  'replicas',
  'memoryMiB',
  'shards',
  'clusterMode',
  'maxMemoryPolicy',
  'userEngine',
  'applyImmediately',
] as const;

/** Everything about a serverless cache, decided. */
export type ResolvedElastiCacheServerless = ReturnType<typeof resolveElastiCacheServerless>;

/** The settings of a serverless cache with every default. */
export function resolveElastiCacheServerless(props: ElastiCacheServerlessProps, identity: EnvironmentIdentity) {
  const { service, overrides = {} } = props;
  const engine = overrides.engine ?? props.engine ?? 'valkey';
  const cacheName = resourceName(identity, service);
  const users = props.users ?? defaultUsers;
  const version = overrides.engineVersion ?? props.majorVersion ?? defaultVersions[engine];
  return {
    snapshotTime: '02:00',
    snapshotRetentionDays: identity.backupDays,
    snapshotArns: [],
    ...props,
    engine,
    majorVersion: majorOf(version),
    cacheName,
    users,
    userIds: users.map(({ name }) => userId(cacheName, name)),
    limits: overrides.serverless ?? props.limits,
    subnetIds: lastingSubnets(props.network.privateSubnetIds),
    overridesOfNodes: ofNodes.filter((name) => overrides[name] !== undefined),
  };
}
