/** Speed of a volume. */
export interface DiskSpeed {
  readonly iops: number;
  readonly throughputMiBps: number;
}

/** Up to here a volume has half the throughput of larger ones. */
const smallDiskGiB = 170;
/** The price of a gp3 volume includes more speed with every step of its size, and more can be bought. */
const stepGiB = 3_000;
const perStep = { iops: 16_000, throughputMiBps: 1_000 };

/**
 * The speed that the price of a gp3 volume includes; less than that AWS refuses.
 *
 * It is always written down: AWS answers with it, whether it was asked for or not.
 *
 * @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html#ebsresource
 */
export function includedSpeed(diskGiB: number): DiskSpeed {
  return {
    iops: Math.min(perStep.iops, Math.max(3_000, 3 * diskGiB)),
    throughputMiBps: diskGiB <= smallDiskGiB ? 125 : Math.min(perStep.throughputMiBps, 250 * Math.ceil(diskGiB / stepGiB)),
  };
}

/** The most that can be bought for a gp3 volume: once the figures of one EBS volume for each full 3 TiB, and never more than 500 IOPS for a GiB. */
export function largestSpeed(diskGiB: number): DiskSpeed {
  const steps = Math.max(1, Math.floor(diskGiB / 3_072));
  return { iops: Math.min(steps * perStep.iops, 500 * diskGiB), throughputMiBps: steps * perStep.throughputMiBps };
}
