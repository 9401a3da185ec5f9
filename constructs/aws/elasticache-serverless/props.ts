import type { ServiceRole } from '../../../runtime/src/contracts/binding.ts';
import type { CacheEngine, CacheUser, CacheUserReference, ElastiCacheProps } from '../elasticache/props.ts';
import type { NetworkReference } from '../network/index.ts';

/** How far a cache may grow, which is how far its bill may; beyond it, keys with an end are evicted and commands refused. */
export interface ServerlessLimits {
  /** 1 to 5,000. */
  readonly maxStorageGiB: number;
  /** ElastiCache processing units, of which a command on a kilobyte takes one: 1,000 to 15,000,000. */
  readonly maxEcpuPerSecond: number;
}

export interface ElastiCacheServerlessProps {
  /** Name of the service in the environment, and in the binding. */
  readonly service: string;
  /** `cache` alone: a serverless cache evicts, and cannot be told not to. */
  readonly role: ServiceRole;
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /** What the declaration says; of the settings `engine`, `engineVersion` and `serverless` have a meaning here. */
  readonly overrides?: ElastiCacheProps['overrides'];
  /** `overrides.serverless` comes before it; one of both is required, because the bill has no other end. */
  readonly limits?: ServerlessLimits;
  /** Storage that is kept ready and paid for, for a load that comes at once. @default none */
  readonly minStorageGiB?: number;
  /** Processing units that are kept ready and paid for. @default none */
  readonly minEcpuPerSecond?: number;
  /** `overrides.engine` comes before it. A change replaces the cache. @default 'valkey' */
  readonly engine?: CacheEngine;
  /** `8`; that of `overrides.engineVersion` comes before it. AWS moves to newer minor versions by itself. @default '8' for valkey, '7' for redis */
  readonly majorVersion?: string;
  /** The first one is the user in the binding. @default one, `app`, who may use all keys but no administrative or dangerous command */
  readonly users?: readonly CacheUser[];
  /** UTC. @default '02:00' */
  readonly snapshotTime?: string;
  /** @default the environment's `backup.keepDays` */
  readonly snapshotRetentionDays?: number;
  /** Snapshots that a new cache begins with. They have no effect on one that stands, and may be taken away later. @default none */
  readonly snapshotArns?: readonly string[];
}

/** What is known of a serverless cache from outside: enough to bind it, to grant access and to watch it. */
export interface ElastiCacheServerlessAttributes {
  readonly service: string;
  readonly role: ServiceRole;
  readonly region: string;
  readonly cacheName: string;
  readonly arn: string;
  readonly host: string;
  /** Reads that may be a little behind, and stay in the zone of the client. */
  readonly readerHost?: string;
  readonly users: readonly [CacheUserReference, ...CacheUserReference[]];
  readonly securityGroupId: string;
  readonly limits?: ServerlessLimits;
}
