import { resolveSettings } from '../../../environments/size.ts';
import type { EnvironmentIdentity } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { defaultVersions, familyOf } from './families.ts';
import type { ClusterMode, ElastiCacheProps } from './props.ts';
import { defaultUsers, userId } from './users.ts';

/** The props that only pass through, and the defaults of those that are plain values. */
const defaults = {
  port: 6379,
  multiAz: true,
  parameters: {},
  users: defaultUsers,
  snapshotWindow: '02:00-03:00',
  maintenanceWindow: 'sun:04:00-sun:05:00',
} as const satisfies Partial<ElastiCacheProps>;

/** Everything about a replication group, decided. */
export type ResolvedElastiCache = ReturnType<typeof resolveElastiCache>;

/** The settings of a replication group with every default: the size's, the engine's, the environment's. */
export function resolveElastiCache(props: ElastiCacheProps, identity: EnvironmentIdentity) {
  const { service, role, overrides } = props;
  const declared = { kind: 'redis' as const, role, ...(overrides === undefined ? {} : { overrides }) };
  const settings = resolveSettings<'redis'>(declared, { size: identity.size, engine: { kind: 'aws' } });
  const engine = overrides?.engine ?? props.engine ?? 'valkey';
  const engineVersion = overrides?.engineVersion ?? props.engineVersion ?? defaultVersions[engine];
  const clusterMode: ClusterMode = overrides?.clusterMode ?? props.clusterMode ?? 'disabled';
  const replicationGroupId = resourceName(identity, service);
  const family = familyOf(engine, engineVersion) ?? '';
  const parameters = {
    ...defaults.parameters,
    ...props.parameters,
    ...(clusterMode === 'disabled' ? {} : { 'cluster-enabled': 'yes' }),
    'maxmemory-policy': settings.maxMemoryPolicy,
  };
  return {
    ...defaults,
    snapshotRetentionDays: identity.backupDays,
    deletionProtection: identity.deletionProtection,
    finalSnapshotPrefix: `${replicationGroupId}-final`,
    ...props,
    ...settings,
    // The table knows what its own node type leaves for data, not what another one does.
    memoryMiB: overrides?.nodeType === undefined || overrides.memoryMiB !== undefined ? settings.memoryMiB : undefined,
    applyImmediately: overrides?.applyImmediately ?? props.applyImmediately ?? true,
    engine,
    userEngine: overrides?.userEngine ?? props.userEngine ?? engine,
    engineVersion,
    clusterMode,
    dataTiering: /^cache\.[a-z]+\d+gd\./.test(settings.nodeType),
    serverless: overrides?.serverless !== undefined,
    replicationGroupId,
    family,
    parameters,
    // What a parameter group in use cannot change is in its name; the rest changes in place, so no group that servers still use has to go.
    parameterGroupName: `${replicationGroupId}-${family}${clusterMode === 'disabled' ? '' : '-cluster'}`,
    givenParameters: Object.keys(props.parameters ?? {}),
    userIds: (props.users ?? defaultUsers).map(({ name }) => userId(replicationGroupId, name)),
    subnetIds: props.network.privateSubnetIds,
  };
}
