import { betweenRule, isName, nameRule, roleRule, twoZonesRule } from '../../core/rules.ts';
import { isWholeNumber, quoted, type Rule } from '../../core/validate.ts';
import { parseDailyWindow, parseWeeklyWindow, windowMinutes, windowsOverlap } from '../../core/windows.ts';
import { longestId, snapshotRetentionRule, userRules } from './cache-rules.ts';
import { versionsOf } from './families.ts';
import { nodeTypeProblem } from './node-types.ts';
import type { ResolvedElastiCache } from './resolve.ts';

/** What one group may have, on request; the quota of a new account is 90. @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/quota-limits.html */
const mostNodes = 500;
const longestSnapshotName = 255;
const tieringPolicies = ['noeviction', 'allkeys-lru', 'allkeys-lfu', 'volatile-lru', 'volatile-lfu'];
/** Parameters that follow from the rest, and what says them. */
const ownParameters = [
  { name: 'maxmemory-policy', instead: 'the role decides, or overrides.maxMemoryPolicy' },
  { name: 'cluster-enabled', instead: 'clusterMode decides' },
];
const isCluster = ({ clusterMode }: ResolvedElastiCache): boolean => clusterMode !== 'disabled';
const badSnapshotNames = ({ snapshotName, finalSnapshotName }: ResolvedElastiCache): string[] =>
  [snapshotName, finalSnapshotName].filter((name) => name !== undefined).filter((name) => !isName(name, longestSnapshotName));
const discovers = { ipv4: ['ipv4'], ipv6: ['ipv6'], dual_stack: ['ipv4', 'ipv6'] } as const;
const discoverable = ({ networkType = 'ipv4' }: ResolvedElastiCache): readonly string[] => discovers[networkType];

const clusterRules: readonly Rule<ResolvedElastiCache>[] = [
  {
    condition: ({ serverless }) => serverless,
    message: () => 'overrides.serverless must be left out, got it: a cache without nodes is an ElastiCacheServerless',
  },
  {
    condition: ({ shards }) => !isWholeNumber(shards, 1, mostNodes),
    message: ({ shards }) => `shards must be a whole number of 1 to ${mostNodes}, got ${shards}`,
  },
  {
    condition: ({ shards, replicas }) => shards * (replicas + 1) > mostNodes,
    message: ({ shards, replicas }) =>
      `shards and their replicas must be at most ${mostNodes} nodes, got ${shards * (replicas + 1)}: ${shards} shards of ${replicas + 1} nodes`,
  },
  {
    condition: ({ clusterMode, shards }) => clusterMode !== 'enabled' && shards > 1,
    message: ({ clusterMode, shards }) =>
      `clusterMode must be enabled for ${shards} shards, got ${quoted(clusterMode)}: say so for a new cache, and lead one that stands there by way of compatible`,
  },
  {
    condition: ({ clusterMode, replicas }) => clusterMode === 'compatible' && replicas < 1,
    message: () => 'replicas must be at least 1 while clusterMode is compatible, got 0: AWS changes the mode through a fail-over',
  },
  {
    condition: (cache) => isCluster(cache) && cache.role !== 'cache',
    message: ({ role, clusterMode }) =>
      `clusterMode must be disabled for the role ${role}, got ${quoted(clusterMode)}: Redis Streams and job queues are used over one connection to one server`,
  },
];

const placementRules: readonly Rule<ResolvedElastiCache>[] = [
  {
    condition: ({ dataTiering, maxMemoryPolicy }) => dataTiering && !tieringPolicies.includes(maxMemoryPolicy),
    message: ({ nodeType, maxMemoryPolicy }) =>
      `maxMemoryPolicy must be one of ${tieringPolicies.join(', ')} for ${nodeType}, which moves data to its disk, got ${quoted(maxMemoryPolicy)}`,
  },
  {
    condition: (cache) => cache.ipDiscovery !== undefined && !discoverable(cache).includes(cache.ipDiscovery),
    message: (cache) =>
      `ipDiscovery must be ${discoverable(cache).join(' or ')} for the network type ${cache.networkType ?? 'ipv4'}, got ${quoted(cache.ipDiscovery)}`,
  },
  {
    condition: (cache) => badSnapshotNames(cache).length > 0,
    message: (cache) =>
      `names of snapshots must be at most ${longestSnapshotName} lower-case letters, digits and hyphens, got ${badSnapshotNames(cache).map(quoted).join(', ')}`,
  },
  {
    condition: ({ snapshotName, finalSnapshotName }) => snapshotName !== undefined && snapshotName === finalSnapshotName,
    message: ({ snapshotName }) =>
      `finalSnapshotName must differ from snapshotName, got ${quoted(snapshotName)} for both: a name is taken as long as its snapshot is kept`,
  },
  {
    condition: ({ engine, userEngine }) => engine === 'redis' && userEngine === 'valkey',
    message: () => 'userEngine must be redis for the engine redis, got "valkey": only servers of Valkey admit users of both',
  },
];

/** What a replication group must be. */
export const elastiCacheRules: readonly Rule<ResolvedElastiCache>[] = [
  nameRule('replicationGroupId', longestId),
  roleRule(['cache', 'events', 'jobs']),
  {
    condition: ({ role, maxMemoryPolicy }) => role !== 'cache' && maxMemoryPolicy !== 'noeviction',
    message: ({ role, maxMemoryPolicy }) =>
      `maxMemoryPolicy must be noeviction for the role ${role}, got ${quoted(maxMemoryPolicy)}: eviction deletes whole streams with their groups`,
  },
  ...ownParameters.map(({ name, instead }) => ({
    condition: ({ givenParameters }: ResolvedElastiCache) => givenParameters.includes(name),
    message: () => `parameters must not hold ${name}, got it: ${instead}`,
  })),
  {
    condition: ({ family }) => family === '',
    message: ({ engine, engineVersion }) =>
      `engineVersion must be one of ${versionsOf(engine).join(', ')} for ${engine}, got ${quoted(engineVersion)}`,
  },
  {
    condition: ({ nodeType }) => !/^cache\.[a-z0-9]+\.[a-z0-9]+$/.test(nodeType),
    message: ({ nodeType }) => `nodeType must be of the form cache.r7g.large, got ${quoted(nodeType)}`,
  },
  {
    condition: ({ nodeType }) => nodeTypeProblem(nodeType) !== undefined,
    message: ({ nodeType }) => `nodeType must be one that AWS makes nodes of, got ${quoted(nodeType)}: ${nodeTypeProblem(nodeType)}`,
  },
  {
    condition: ({ multiAz, replicas }) => multiAz && replicas < 1,
    message: ({ replicas }) => `replicas must be at least 1, so that one takes over when the primary fails, got ${replicas}`,
  },
  {
    condition: ({ replicas }) => !isWholeNumber(replicas, 0, 5),
    message: ({ replicas }) => `replicas must be a whole number of at most 5, got ${replicas}`,
  },
  {
    condition: ({ multiAz, deletionProtection }) => deletionProtection && !multiAz,
    message: () => 'multiAz must be true where the environment protects against deletion, got false',
  },
  twoZonesRule,
  betweenRule('port', 1_150, 65_535),
  ...userRules,
  snapshotRetentionRule,
  {
    condition: ({ snapshotWindow }) => windowMinutes(parseDailyWindow(snapshotWindow)) < 60,
    message: ({ snapshotWindow }) => `snapshotWindow must be at least an hour in the form 02:00-03:00, got ${quoted(snapshotWindow)}`,
  },
  {
    condition: ({ maintenanceWindow }) => windowMinutes(parseWeeklyWindow(maintenanceWindow)) < 60,
    message: ({ maintenanceWindow }) =>
      `maintenanceWindow must be at least an hour in the form sun:04:00-sun:05:00, got ${quoted(maintenanceWindow)}`,
  },
  {
    condition: ({ snapshotWindow, maintenanceWindow }) =>
      windowsOverlap(parseDailyWindow(snapshotWindow), parseWeeklyWindow(maintenanceWindow)),
    message: ({ snapshotWindow, maintenanceWindow }) =>
      `snapshotWindow and maintenanceWindow must not overlap, got ${snapshotWindow} and ${maintenanceWindow}`,
  },
  ...clusterRules,
  ...placementRules,
];
