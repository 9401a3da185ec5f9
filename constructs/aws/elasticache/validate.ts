import { quoted, type Rule, repeated } from '../../core/validate.ts';
import { parseDailyWindow, parseWeeklyWindow, windowMinutes, windowsOverlap } from '../../core/windows.ts';
import { versionsOf } from './families.ts';
import type { ResolvedElastiCache } from './resolve.ts';

const roles = ['cache', 'events', 'jobs'];
const longestId = 40;
const tooLong = ({ userIds }: ResolvedElastiCache): string[] => userIds.filter((id) => id.length > longestId);
const misnamedUsers = ({ users }: ResolvedElastiCache): string[] =>
  users.map(({ name }) => name).filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || name === 'default');
/** `>` and `<` set and remove passwords, `#` and `!` their hashes, `nopass` accepts any. The words are shown without what follows, which may be a secret. */
const passwordRules = ({ users }: ResolvedElastiCache): string[] =>
  users.flatMap(({ name, accessString }) =>
    accessString
      .split(/\s+/)
      .filter((word) => /^[<>#!]|^(nopass|resetpass|reset)$/.test(word))
      .map((word) => `${name}: ${/^[<>#!]/.test(word) ? `${word[0]}...` : word}`),
  );

/** What a replication group must be. */
export const elastiCacheRules: readonly Rule<ResolvedElastiCache>[] = [
  {
    condition: ({ replicationGroupId: id }) => id.length > longestId || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(id),
    message: ({ replicationGroupId: id }) =>
      `environment and service name together must be at most ${longestId} lower-case letters, digits and hyphens, got ${quoted(id)}`,
  },
  {
    condition: ({ role }) => !roles.includes(role),
    message: ({ role }) => `role must be one of ${roles.join(', ')}, got ${quoted(role)}`,
  },
  {
    condition: ({ role, maxMemoryPolicy }) => role !== 'cache' && maxMemoryPolicy !== 'noeviction',
    message: ({ role, maxMemoryPolicy }) =>
      `maxMemoryPolicy must be noeviction for the role ${role}, got ${quoted(maxMemoryPolicy)}: eviction deletes whole streams with their groups`,
  },
  {
    condition: ({ givenParameters }) => givenParameters.includes('maxmemory-policy'),
    message: () => 'parameters must not hold maxmemory-policy, got it: the role decides, or overrides.maxMemoryPolicy',
  },
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
    condition: ({ multiAz, replicas }) => multiAz && replicas < 1,
    message: ({ replicas }) => `replicas must be at least 1, so that one takes over when the primary fails, got ${replicas}`,
  },
  {
    condition: ({ replicas }) => !Number.isInteger(replicas) || replicas < 0 || replicas > 5,
    message: ({ replicas }) => `replicas must be a whole number of at most 5, got ${replicas}`,
  },
  {
    condition: ({ multiAz, deletionProtection }) => deletionProtection && !multiAz,
    message: () => 'multiAz must be true where the environment protects against deletion, got false',
  },
  {
    condition: ({ subnetIds }) => subnetIds.length < 2,
    message: ({ subnetIds }) => `the network must have private subnets in at least 2 zones, got ${subnetIds.length}`,
  },
  {
    condition: ({ port }) => !Number.isInteger(port) || port < 1150 || port > 65535,
    message: ({ port }) => `port must be between 1150 and 65535, got ${port}`,
  },
  {
    condition: ({ users }) => users.length === 0,
    message: () => 'users must hold at least one, the one in the binding, got none',
  },
  {
    condition: (cache) => misnamedUsers(cache).length > 0,
    message: (cache) =>
      `users must have names of lower-case letters, digits and hyphens other than default, got ${misnamedUsers(cache).map(quoted).join(', ')}`,
  },
  {
    condition: (cache) => repeated(cache.userIds).length > 0,
    message: (cache) => `users must have different names, got ${repeated(cache.userIds).join(', ')} twice`,
  },
  {
    condition: (cache) => tooLong(cache).length > 0,
    message: (cache) =>
      `user ids must have at most ${longestId} characters, got ${tooLong(cache).join(', ')}: shorten the name of the service or user`,
  },
  {
    condition: (cache) => passwordRules(cache).length > 0,
    message: (cache) => `accessString must not set passwords, got ${passwordRules(cache).join(', ')}: users prove who they are through IAM`,
  },
  {
    condition: ({ snapshotRetentionDays: days }) => !Number.isInteger(days) || days < 1 || days > 35,
    message: ({ snapshotRetentionDays: days }) => `snapshotRetentionDays must be between 1 and 35, got ${days}`,
  },
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
];
