import { isName, roleRule } from '../../core/rules.ts';
import { isWholeNumber, quoted, type Rule } from '../../core/validate.ts';
import { isInstanceType, knownFamilies } from './instance-types.ts';
import type { ResolvedRedisSentinel } from './resolve.ts';
import { takenUsers } from './secrets.ts';

const longestName = 32;
/** What a fork for a snapshot or a rewrite copies, and the system, live on the rest. */
const largestShareOfMemory = 0.75;
/** Snapshot, append-only file, the file being rewritten, and room to restore. */
const diskPerMemory = 4;
const longestFailoverMs = 60_000;
const mebibytesAGibibyte = 1_024;

const mostMemoryMiB = ({ machineMemoryMiB }: ResolvedRedisSentinel): number =>
  machineMemoryMiB === undefined ? Number.MAX_SAFE_INTEGER : Math.floor(machineMemoryMiB * largestShareOfMemory);
const leastDiskGiB = ({ memoryMiB }: ResolvedRedisSentinel): number => Math.ceil((memoryMiB * diskPerMemory) / mebibytesAGibibyte);

const misnamedUsers = ({ users }: ResolvedRedisSentinel): string[] =>
  users.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || takenUsers.includes(name));

/** What a set must be. */
export const redisSentinelRules: readonly Rule<ResolvedRedisSentinel>[] = [
  {
    condition: ({ service }) => !isName(service, longestName),
    message: ({ service }) =>
      `service must be at most ${longestName} lower-case letters, digits and hyphens, because it is part of DNS names, got ${quoted(service)}`,
  },
  roleRule(['events', 'jobs'], 'what may be evicted belongs on a service of kind redis'),
  {
    condition: (set) => misnamedUsers(set).length > 0,
    message: (set) =>
      `users must have names of lower-case letters, digits and hyphens other than ${takenUsers.join(', ')}, got ${misnamedUsers(set).map(quoted).join(', ')}`,
  },
  {
    condition: ({ maxMemoryPolicy }) => maxMemoryPolicy !== 'noeviction',
    message: ({ maxMemoryPolicy }) =>
      `maxMemoryPolicy must be noeviction, got ${quoted(maxMemoryPolicy)}: eviction deletes whole streams with their groups`,
  },
  {
    condition: ({ places }) => places.length !== 3,
    message: ({ places }) =>
      `the environment must have three zones with a private subnet each, so that two sentinels still agree when one fails, got ${places.length}`,
  },
  {
    condition: ({ instanceType }) => !isInstanceType(instanceType),
    message: ({ instanceType }) => `instanceType must be of the form m7g.large, got ${quoted(instanceType)}`,
  },
  {
    condition: ({ instanceType, machineMemoryMiB }) => isInstanceType(instanceType) && machineMemoryMiB === undefined,
    message: ({ instanceType }) =>
      `instanceType must be one whose memory is known, of ${knownFamilies}, got ${quoted(instanceType)}: what Redis may hold follows from it`,
  },
  {
    condition: ({ imageId }) => imageId !== undefined && !/^ami-[0-9a-f]+$/.test(imageId),
    message: ({ imageId }) => `imageId must be of the form ami-0123456789abcdef0, got ${quoted(imageId)}`,
  },
  {
    condition: (set) => !isWholeNumber(set.memoryMiB, 1, mostMemoryMiB(set)),
    message: (set) =>
      `memoryMiB must be a whole number of at most ${mostMemoryMiB(set)}, three quarters of a ${set.instanceType}, got ${set.memoryMiB}: ` +
      'a snapshot copies the pages that are written meanwhile',
  },
  {
    condition: (set) => !isWholeNumber(set.diskGiB, leastDiskGiB(set)),
    message: (set) =>
      `diskGiB must be at least ${leastDiskGiB(set)}, four times memoryMiB, got ${set.diskGiB}: it holds the snapshot, the append-only file and its rewrite`,
  },
  {
    condition: ({ downAfterMs, failoverTimeoutMs }) => downAfterMs + failoverTimeoutMs > longestFailoverMs,
    message: ({ downAfterMs, failoverTimeoutMs }) =>
      `downAfterMs and failoverTimeoutMs together must be at most ${longestFailoverMs}, so that a fail-over ends within a minute, ` +
      `got ${downAfterMs} and ${failoverTimeoutMs}`,
  },
  {
    condition: ({ downAfterMs }) => !isWholeNumber(downAfterMs, 1_000),
    message: ({ downAfterMs }) =>
      `downAfterMs must be at least 1000, got ${downAfterMs}: between zones a shorter silence is no sign of a failure`,
  },
  {
    condition: ({ failoverTimeoutMs, downAfterMs }) => failoverTimeoutMs < downAfterMs,
    message: ({ failoverTimeoutMs, downAfterMs }) =>
      `failoverTimeoutMs must be at least downAfterMs, which is ${downAfterMs}, got ${failoverTimeoutMs}: an attempt would be given up before its end is seen`,
  },
  {
    condition: ({ ports }) => !Object.values(ports).every((port) => isWholeNumber(port, 1_024, 65_535)) || ports.redis === ports.sentinel,
    message: ({ ports }) => `ports must be two different ones between 1024 and 65535, got ${ports.redis} and ${ports.sentinel}`,
  },
  {
    condition: ({ backup }) => !Object.values(backup).every((value) => isWholeNumber(value, 1)),
    message: ({ backup }) => `backup must be of whole numbers of at least 1, got ${Object.values(backup).join(', ')}`,
  },
  {
    condition: ({ backup }) => backup.snapshotEveryHours > backup.keepDays * 24,
    message: ({ backup }) =>
      `backup.snapshotEveryHours must be at most the ${backup.keepDays * 24} hours of backup.keepDays, got ${backup.snapshotEveryHours}`,
  },
  {
    condition: ({ backup, deletionProtection }) => deletionProtection && backup.snapshotEveryHours > 24,
    message: ({ backup }) =>
      `backup.snapshotEveryHours must be at most 24 where the environment protects against deletion, got ${backup.snapshotEveryHours}`,
  },
  {
    condition: ({ backup, deletionProtection }) => deletionProtection && backup.appendLogEveryHours > 1,
    message: ({ backup }) =>
      `backup.appendLogEveryHours must be 1 where the environment protects against deletion, got ${backup.appendLogEveryHours}: ` +
      'it is what the loss of all machines at once may cost',
  },
  {
    condition: ({ backup, deletionProtection }) => deletionProtection && backup.keepDays < 7,
    message: ({ backup }) => `backup.keepDays must be at least 7 where the environment protects against deletion, got ${backup.keepDays}`,
  },
];
