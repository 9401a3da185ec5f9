import type { ServiceDeclaration } from '../../../environments/schema.ts';
import type { ServiceRole } from '../../../runtime/src/contracts/binding.ts';
import type { NetworkReference } from '../network/index.ts';

export type CacheEngine = 'valkey' | 'redis';
type CacheOverrides = Extract<ServiceDeclaration, { kind: 'redis' }>['overrides'];

/** Someone who may connect; who it is, IAM says. */
export interface CacheUser {
  /** Last part of the user's id, which is also its name: IAM authentication asks for equal ones. */
  readonly name: string;
  /** Rules of the access control list, without any password. @see https://valkey.io/topics/acl/ */
  readonly accessString: string;
}

export interface ElastiCacheProps {
  /** Name of the service in the environment, and in the binding. */
  readonly service: string;
  /** `cache` may evict; `events` and `jobs` may not. */
  readonly role: ServiceRole;
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /** What the declaration says instead of the size's defaults. */
  readonly overrides?: CacheOverrides;
  /** @default 'valkey' */
  readonly engine?: CacheEngine;
  /**
   * Major and minor version. ElastiCache moves to newer minor versions by itself, and going back replaces the servers; so the default is the last one
   * of its parameter family.
   *
   * @default '8.2' for valkey, '7.1' for redis
   */
  readonly engineVersion?: string;
  /** @default 6379 */
  readonly port?: number;
  /** Whether replicas stand in other zones and one takes over by itself. @default true */
  readonly multiAz?: boolean;
  /** Server parameters besides `maxmemory-policy`. @default none */
  readonly parameters?: Readonly<Record<string, string>>;
  /** The first one is the user in the binding. @default one, `app`, who may use all keys but no administrative or dangerous command */
  readonly users?: readonly CacheUser[];
  /** UTC. @default '02:00-03:00' */
  readonly snapshotWindow?: string;
  /** UTC. @default 'sun:04:00-sun:05:00' */
  readonly maintenanceWindow?: string;
  /** @default the environment's `backup.keepDays` */
  readonly snapshotRetentionDays?: number;
  /** Whether changes happen at once, or in the maintenance window. @default at once where deletion is not protected */
  readonly applyImmediately?: boolean;
  /** Topic that hears of fail-overs and maintenance. @default none */
  readonly notificationTopicArn?: string;
}

/** One user as the binding and grants need it. */
export interface CacheUserReference {
  readonly name: string;
  readonly userId: string;
  readonly arn: string;
}

/** What is known of a replication group from outside: enough to bind it, to grant access and to watch it. */
export interface ElastiCacheAttributes {
  readonly service: string;
  readonly role: ServiceRole;
  readonly region: string;
  readonly replicationGroupId: string;
  readonly arn: string;
  readonly primaryHost: string;
  /** Absent where there is no replica. */
  readonly readerHost?: string;
  readonly port: number;
  readonly users: readonly [CacheUserReference, ...CacheUserReference[]];
  readonly nodes: number;
  readonly securityGroupId: string;
  /** What the size leaves for data. */
  readonly memoryMiB?: number;
}
