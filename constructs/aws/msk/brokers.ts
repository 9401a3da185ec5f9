/** What MSK says about one type of broker. */
export interface BrokerType {
  /** Express brokers keep their data in storage that MSK manages, always in three copies. */
  readonly express: boolean;
  /** Partitions that a broker carries well, copies included; beyond one and a half times as many MSK refuses updates. */
  readonly partitions: number;
  /** Highest storage throughput that can be provisioned; absent where none can. */
  readonly maxThroughputMiBs?: number;
  /** `num.io.threads` and `num.network.threads`, where the default wastes the processors. */
  readonly threads?: { readonly io: number; readonly network: number };
}

const threads = (io: number): Pick<BrokerType, 'threads'> => ({ threads: { io, network: io / 2 } });
const standard = (partitions: number, more: Omit<Partial<BrokerType>, 'express' | 'partitions'> = {}): BrokerType => ({
  express: false,
  partitions,
  ...more,
});
const express = (partitions: number): BrokerType => ({ express: true, partitions });

/** The only type with processor credits: no KRaft, no tiered storage, 4 new IAM connections a second. */
export const burstableBroker = 'kafka.t3.small';

/**
 * Every type of broker that MSK has.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/bestpractices.html
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/msk-provision-throughput-management.html
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/limits.html#msk-express-quota
 */
export const brokerTypes: Readonly<Record<string, BrokerType>> = {
  [burstableBroker]: standard(300),
  'kafka.m5.large': standard(1_000),
  'kafka.m5.xlarge': standard(1_000),
  'kafka.m5.2xlarge': standard(2_000),
  'kafka.m5.4xlarge': standard(4_000, { maxThroughputMiBs: 593, ...threads(16) }),
  'kafka.m5.8xlarge': standard(4_000, { maxThroughputMiBs: 850, ...threads(32) }),
  'kafka.m5.12xlarge': standard(4_000, { maxThroughputMiBs: 1_000, ...threads(48) }),
  'kafka.m5.16xlarge': standard(4_000, { maxThroughputMiBs: 1_000, ...threads(64) }),
  'kafka.m5.24xlarge': standard(4_000, { maxThroughputMiBs: 1_000, ...threads(96) }),
  'kafka.m7g.large': standard(1_000),
  'kafka.m7g.xlarge': standard(1_000),
  'kafka.m7g.2xlarge': standard(2_000, { maxThroughputMiBs: 312 }),
  'kafka.m7g.4xlarge': standard(4_000, { maxThroughputMiBs: 625, ...threads(16) }),
  'kafka.m7g.8xlarge': standard(4_000, { maxThroughputMiBs: 1_000, ...threads(32) }),
  'kafka.m7g.12xlarge': standard(4_000, { maxThroughputMiBs: 1_000, ...threads(48) }),
  'kafka.m7g.16xlarge': standard(4_000, { maxThroughputMiBs: 1_000, ...threads(64) }),
  'express.m7g.large': express(1_000),
  'express.m7g.xlarge': express(1_000),
  'express.m7g.2xlarge': express(2_000),
  'express.m7g.4xlarge': express(4_000),
  'express.m7g.8xlarge': express(4_000),
  'express.m7g.12xlarge': express(4_000),
  'express.m7g.16xlarge': express(4_000),
};

/** Whether a type is one of Express; also for a type that the table does not know. */
export function isExpress(brokerType: string): boolean {
  return brokerType.startsWith('express.');
}

/** EBS throughput in MB/s that a machine keeps up for long, by its size; less than 250 MiB/s of a volume is no use there. @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ebs-optimized.html */
const lastingThroughputMBs: Readonly<Record<string, number>> = {
  't3.small': 21.75,
  'm5.large': 81.25,
  'm5.xlarge': 143.75,
  'm7g.large': 78.75,
  'm7g.xlarge': 156.25,
};
const unpaidMiBs = 250;

/** Quotas of one broker, by the names that alerts have for them. */
export function brokerLimits(
  brokerType: string,
  storageThroughputMiBs = unpaidMiBs,
): Readonly<
  Record<'partitionsPerBroker' | 'connectionsPerBroker' | 'connectionRatePerSecond' | 'volumeBytesPerSecond', number | undefined>
> {
  const lasting = lastingThroughputMBs[brokerType.replace(/^kafka\./, '')] ?? Number.POSITIVE_INFINITY;
  return {
    partitionsPerBroker: brokerTypes[brokerType]?.partitions,
    // Of each way in.
    connectionsPerBroker: 3_000,
    connectionRatePerSecond: brokerType === burstableBroker ? 4 : 100,
    volumeBytesPerSecond: isExpress(brokerType) ? undefined : Math.min(storageThroughputMiBs * 2 ** 20, lasting * 1e6),
  };
}
