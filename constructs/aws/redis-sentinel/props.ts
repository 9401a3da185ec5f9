import type { Environment, ServiceDeclaration } from '../../../environments/schema.ts';
import type { ServiceRole } from '../../../runtime/src/contracts/binding.ts';
import type { NetworkReference } from '../network/index.ts';

type SentinelOverrides = Extract<ServiceDeclaration, { kind: 'redis-sentinel' }>['overrides'];

export interface RedisSentinelProps {
  /** Name of the service in the environment, in the binding, and of the master that the sentinels watch. */
  readonly service: string;
  /** `events` or `jobs`: nothing on these machines is ever evicted. */
  readonly role: ServiceRole;
  /** Its private subnets in the order of the environment's zones; the first three are used. */
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /** What the declaration says instead of the size's defaults. */
  readonly overrides?: SentinelOverrides;
  /**
   * Users of the topology, each of whom gets a password. What they may do lies in a document (`usersDocumentOf`), which machines read when Redis starts;
   * `millrace apply` brings changes to Redis that runs.
   *
   * @default none
   */
  readonly users?: readonly string[];
  /** @default 6379 and 26379, both with TLS */
  readonly ports?: { readonly redis: number; readonly sentinel: number };
  /** How often what goes to S3, and how long it is kept there. @default a snapshot a day, the append-only file every hour, the environment's `backup.keepDays` */
  readonly backup?: Environment['backup'];
}

/** One machine as bindings, metrics and runbooks need it. */
export interface SentinelNodeReference {
  /** `events-1`. */
  readonly name: string;
  /** Private DNS name; it outlives the machine. */
  readonly host: string;
  readonly instanceId: string;
  /** The volume of data. */
  readonly volumeId: string;
}

/** One user of the topology, with the ARN of the JSON that holds its `password`. */
export interface SentinelUserReference {
  readonly name: string;
  readonly secretArn: string;
}

/** What is known of a set from outside: enough to bind it, to grant access and to watch it. */
export interface RedisSentinelAttributes {
  readonly service: string;
  readonly role: ServiceRole;
  readonly masterName: string;
  readonly nodes: readonly SentinelNodeReference[];
  readonly ports: { readonly redis: number; readonly sentinel: number };
  /** ACL user of services. */
  readonly username: string;
  /** ARNs: JSON with `password` of the user, of the sentinels; PEM certificate of the authority. */
  readonly secrets: { readonly users: string; readonly sentinel: string; readonly authority: string };
  /** Users with fewer rights. @default none */
  readonly users?: readonly SentinelUserReference[];
  /** The ACL user that changes users, without any other right. @default `username` */
  readonly administrator?: SentinelUserReference;
  /** The key that the secrets are encrypted with. */
  readonly encryptionKeyArn: string;
  readonly securityGroupId: string;
  /** What Redis may hold. */
  readonly memoryMiB?: number;
  /** @default unknown */
  readonly instanceType?: string;
  /** How often what goes to S3. @default unknown */
  readonly backup?: Pick<Environment['backup'], 'snapshotEveryHours' | 'appendLogEveryHours'>;
}
