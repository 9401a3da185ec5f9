import { nameRule, twoZonesRule } from '../../core/rules.ts';
import { listed, quoted, type Rule } from '../../core/validate.ts';
import { ownFlags, type ResolvedWorker } from './resolve.ts';

/** Least and most memory by processor units, MiB; between them in steps of 1,024. @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html */
const memoryOf: Readonly<Record<ResolvedWorker['cpuUnits'], { readonly least: number; readonly most: number }>> = {
  256: { least: 512, most: 2_048 },
  512: { least: 1_024, most: 4_096 },
  1024: { least: 2_048, most: 8_192 },
  2048: { least: 4_096, most: 16_384 },
  4096: { least: 8_192, most: 30_720 },
};
/** Names of roles have at most 64 characters, and the longest of a worker's ends with `-start`. */
const longestName = 64 - '-start'.length;

const memoryFits = ({ cpuUnits, memoryMiB }: ResolvedWorker): boolean => {
  const { least, most } = memoryOf[cpuUnits];
  return memoryMiB === least || (memoryMiB > least && memoryMiB <= most && memoryMiB % 1_024 === 0);
};
const repeatedFlags = ({ given }: ResolvedWorker): string[] => given.filter((word) => ownFlags.some((flag) => word.split('=')[0] === flag));

/** What a worker must be. */
export const workerRules: readonly Rule<ResolvedWorker>[] = [
  nameRule('fullName', longestName, 'environment and name'),
  {
    condition: ({ repository, region }) => repository?.region !== region,
    message: ({ image, region }) =>
      `image must lie in ECR of the region, ACCOUNT.dkr.ecr.${region}.amazonaws.com/NAME:TAG, got ${quoted(image)}: the network reaches no other registry`,
  },
  {
    condition: ({ image }) => !/(@sha256:[0-9a-f]{64}|:(?!latest$)[A-Za-z0-9_][A-Za-z0-9_.-]*)$/.test(image),
    message: ({ image }) => `image must have a fixed tag or a digest, got ${quoted(image)}`,
  },
  {
    condition: (worker) => !memoryFits(worker),
    message: ({ cpuUnits, memoryMiB }) =>
      `memoryMiB must be ${memoryOf[cpuUnits].least}, or whole GiB up to ${memoryOf[cpuUnits].most}, with ${cpuUnits} cpuUnits, got ${memoryMiB}`,
  },
  {
    condition: ({ tasks, deletionProtection }) => deletionProtection && tasks < 2,
    message: ({ tasks }) =>
      `tasks must be at least 2 where the environment protects against deletion, got ${tasks}: nothing would stand by`,
  },
  twoZonesRule,
  {
    condition: (worker) => repeatedFlags(worker).length > 0,
    message: (worker) =>
      `arguments must not hold ${listed(ownFlags)}, got ${listed(repeatedFlags(worker))}: the construct says them itself`,
  },
  {
    condition: ({ problems }) => problems.length > 0,
    message: ({ problems }) => problems.map((problem) => `arguments: ${problem}`),
  },
];
