import { betweenRule } from '../../core/rules.ts';
import { isWholeNumber, type Rule } from '../../core/validate.ts';
import { burstableBroker } from './brokers.ts';
import type { ResolvedMsk } from './resolve.ts';

/** @see https://docs.aws.amazon.com/msk/latest/developerguide/limits.html */
const largestDiskGiB = 16_384;
/** The least that MSK adds at once, every six hours at most. @see https://docs.aws.amazon.com/msk/latest/developerguide/msk-autoexpand.html */
const leastGrowthGiB = 10;
const targetPercent = { least: 10, most: 80 };
/** @see https://docs.aws.amazon.com/msk/latest/developerguide/msk-provision-throughput-management.html */
const throughput = { leastMiBs: 250, leastDiskGiB: 10 };

const diskOverrides = ({ overrides }: ResolvedMsk): string[] =>
  (['diskGiB', 'maxDiskGiB'] as const).filter((name) => overrides?.[name] !== undefined);

/** What may be said of disks; Express brokers have none of their own. */
export const storageRules: readonly Rule<ResolvedMsk>[] = [
  {
    condition: (msk) => msk.express && diskOverrides(msk).length > 0,
    message: (msk) =>
      `${diskOverrides(msk).join(', ')} must not be set for Express brokers, got it for ${msk.brokerType}: MSK keeps their data`,
  },
  {
    condition: ({ diskGiB, express }) => !express && !isWholeNumber(diskGiB, 1, largestDiskGiB),
    message: ({ diskGiB }) => `diskGiB must be between 1 and ${largestDiskGiB}, got ${diskGiB}`,
  },
  {
    condition: ({ diskGiB, maxDiskGiB, express }) => !express && !isWholeNumber(maxDiskGiB, diskGiB, largestDiskGiB),
    message: ({ diskGiB, maxDiskGiB }) => `maxDiskGiB must be between the diskGiB ${diskGiB} and ${largestDiskGiB}, got ${maxDiskGiB}`,
  },
  {
    condition: ({ growing, diskGiB, maxDiskGiB }) => growing && maxDiskGiB < diskGiB + leastGrowthGiB,
    message: ({ diskGiB, maxDiskGiB }) =>
      `maxDiskGiB must equal the diskGiB ${diskGiB} or be at least ${leastGrowthGiB} more, which is one step, got ${maxDiskGiB}`,
  },
  betweenRule('storageTargetPercent', targetPercent.least, targetPercent.most),
  {
    condition: ({ storageThroughputMiBs: rate, knownType }) => rate !== undefined && knownType?.maxThroughputMiBs === undefined,
    message: ({ brokerType }) =>
      `storageThroughputMiBs must be left out for brokers smaller than m5.4xlarge or m7g.2xlarge, got it for ${brokerType}`,
  },
  {
    condition: ({ storageThroughputMiBs: rate, knownType }) =>
      rate !== undefined &&
      knownType?.maxThroughputMiBs !== undefined &&
      !isWholeNumber(rate, throughput.leastMiBs, knownType.maxThroughputMiBs),
    message: ({ storageThroughputMiBs: rate, knownType, brokerType }) =>
      `storageThroughputMiBs must be between ${throughput.leastMiBs} and ${knownType?.maxThroughputMiBs} for ${brokerType}, got ${rate}`,
  },
  {
    condition: ({ storageThroughputMiBs: rate, diskGiB }) => rate !== undefined && diskGiB < throughput.leastDiskGiB,
    message: ({ diskGiB }) => `diskGiB must be at least ${throughput.leastDiskGiB} for storageThroughputMiBs, got ${diskGiB}`,
  },
  {
    condition: ({ tieredStorage, express, brokerType }) => tieredStorage && (express || brokerType === burstableBroker),
    message: ({ brokerType }) => `tieredStorage must be false for ${brokerType}, got true`,
  },
];
