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

/**
 * How clients see the shards. There is no way back from one mode to the one before it.
 *
 * From `disabled` to `enabled` without a break, three deployments: let the services pass `cluster: true` to `connectRedis`, which takes both; then
 * `compatible`, in which those that still hold the old binding go on and those that start meet a cluster; once all have started anew, `enabled`. AWS takes no
 * other change along with either step, and keys in database 0 alone; shards are added afterwards. Nodes that were there before may keep names without the
 * number of a shard, which `metric` then does not find.
 *
 * @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/modify-cluster-mode.html
 */
export type ClusterMode = 'disabled' | 'compatible' | 'enabled';

export interface ElastiCacheProps {
  /** Name of the service in the environment, and in the binding. */
  readonly service: string;
  /** `cache` may evict; `events` and `jobs` may not. */
  readonly role: ServiceRole;
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /** What the declaration says instead of the size's defaults. */
  readonly overrides?: CacheOverrides;
  /** `overrides.engine` comes before it. A group moves from redis to valkey in place (see `userEngine`), and not back. @default 'valkey' */
  readonly engine?: CacheEngine;
  /**
   * Engine of the users and their group; `overrides.userEngine` comes before it. A group of Redis admits none of Valkey, while one of Valkey admits both: on the way from redis to valkey `redis`
   * stays here for the deployment that changes `engine`, and may stay for good.
   *
   * @default `engine`
   */
  readonly userEngine?: CacheEngine;
  /**
   * Major and minor version; `overrides.engineVersion` comes before it. ElastiCache moves to newer minor versions by itself, and going back replaces the
   * servers; so the default is the last one of its parameter family.
   *
   * @default '8.2' for valkey, '7.1' for redis
   */
  readonly engineVersion?: string;
  /** `overrides.clusterMode` comes before it. Never guessed from the shards: a group that stands has to go by way of `compatible`. @default 'disabled' */
  readonly clusterMode?: ClusterMode;
  /** @default 6379 */
  readonly port?: number;
  /** Whether replicas stand in other zones and one takes over by itself. @default true */
  readonly multiAz?: boolean;
  /** Server parameters besides `maxmemory-policy` and `cluster-enabled`. @default none */
  readonly parameters?: Readonly<Record<string, string>>;
  /** The first one is the user in the binding. @default one, `app`, who may use all keys but no administrative or dangerous command */
  readonly users?: readonly CacheUser[];
  /** UTC. @default '02:00-03:00' */
  readonly snapshotWindow?: string;
  /** UTC. @default 'sun:04:00-sun:05:00' */
  readonly maintenanceWindow?: string;
  /** @default the environment's `backup.keepDays` */
  readonly snapshotRetentionDays?: number;
  /** Snapshot of the account that a new group begins with. It has no effect on one that stands, and may be taken away later. @default none */
  readonly snapshotName?: string;
  /** Name of the snapshot that is made when the group is destroyed; there must be none of that name. @default `ENV-SERVICE-final-` and when the group was made */
  readonly finalSnapshotName?: string;
  /** Addresses of the nodes; subnets must have such. A change replaces the servers. @default what AWS takes, ipv4 */
  readonly networkType?: 'ipv4' | 'ipv6' | 'dual_stack';
  /** Addresses that the nodes tell clients of a cluster. @default what AWS takes, ipv4 unless the network type is ipv6 */
  readonly ipDiscovery?: 'ipv4' | 'ipv6';
  /**
   * Whether changes happen at once, or in the maintenance window; `overrides.applyImmediately` comes before it.
   *
   * What waits for the window is a difference in every plan until then. And a change of engine, major version or cluster mode cannot wait: it comes with a new
   * parameter group, and AWS refuses to delete the old one while servers use it.
   *
   * @default true: at once, so deploy in a quiet hour
   */
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
  /** Follows the primary; of a cluster the configuration endpoint, which knows all shards. */
  readonly primaryHost: string;
  /** Absent where there is no replica, and of a cluster. */
  readonly readerHost?: string;
  readonly port: number;
  readonly users: readonly [CacheUserReference, ...CacheUserReference[]];
  /** Shards of a cluster; absent where clients need not know of any. */
  readonly shards?: number;
  /** The primary and its replicas, of each shard. */
  readonly nodes: number;
  /** @default unknown, and so is how much of a machine the engine can use */
  readonly nodeType?: string;
  /** Whether nodes keep data on a disk as well. @default false */
  readonly dataTiering?: boolean;
  readonly securityGroupId: string;
  /** What is left for data, of all shards together. */
  readonly memoryMiB?: number;
}
