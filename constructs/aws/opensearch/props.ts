import type { ServiceDeclaration } from '../../../environments/schema.ts';
import type { ServiceRole } from '../../../runtime/src/contracts/binding.ts';
import type { NetworkReference } from '../network/index.ts';

type SearchOverrides = Extract<ServiceDeclaration, { kind: 'opensearch' }>['overrides'];

/** A name of one's own for a domain. */
export interface CustomEndpoint {
  /** `search.example.com`; the CNAME from it to the domain's own name is yours to keep. */
  readonly hostName: string;
  /** Certificate in ACM, of the domain's region, for that name. */
  readonly certificateArn: string;
}

export interface OpenSearchProps {
  /** Name of the service in the environment, and in the binding. */
  readonly service: string;
  /** `search` is the one that there is. */
  readonly role: ServiceRole;
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /** What the declaration says instead of the size's defaults. */
  readonly overrides?: SearchOverrides;
  /**
   * The version that the domain runs now, where `overrides.version` is to upgrade it: the way there is checked before anything is planned.
   * `overrides.upgradeFrom` comes before it.
   *
   * Without it Terraform finds out, and would replace a domain that cannot go there; where deletion is protected it refuses to.
   *
   * @default unknown
   */
  readonly upgradeFrom?: string;
  /** Zones that data nodes stand in, one subnet of the network each. @default as many as there are subnets and data nodes, three at most */
  readonly zones?: 1 | 2 | 3;
  /**
   * Whether the nodes of one zone only stand by, so that the loss of another costs no capacity (99.99 % instead of 99.9 %).
   *
   * Every index must then have copies in threes, two replicas for example; AWS refuses indices with one.
   *
   * @default false
   */
  readonly standby?: boolean;
  /** Of each data node's disk. @default what the price of the volume includes */
  readonly iops?: number;
  /** Of each data node's disk, MiB/s. @default what the price of the volume includes */
  readonly throughputMiBps?: number;
  /**
   * Whether AWS adjusts queues, caches and heap to the load; `overrides.autoTune` comes before it.
   *
   * AWS refuses t3 to a domain that is tuned, and t3 refuses to be told: a domain that is to shrink to t3 is deployed once with false before.
   *
   * @default where the data nodes can: not on t2 and t3
   */
  readonly autoTune?: boolean;
  /** Beginning of the ten hours a day in which AWS updates and tunes, UTC. @default '20:00' */
  readonly offPeakStart?: string;
  /** Settings of the cluster that AWS takes; text, whatever they mean. @default requests may name indices in their bodies; access control looks at those too */
  readonly advancedOptions?: Readonly<Record<string, string>>;
  /** @default the name that AWS gives the domain */
  readonly customEndpoint?: CustomEndpoint;
  /** ARNs of who may become the master user, on top of what IAM allows them. @default the account: whoever IAM lets assume the role */
  readonly masterRolePrincipals?: readonly string[];
  /** Whether there is a bucket for snapshots of one's own. @default true */
  readonly snapshotBucket?: boolean;
}

/** Where snapshots of one's own lie, and the role with which the domain reaches them. */
export interface SnapshotAttributes {
  readonly bucketName: string;
  readonly roleArn: string;
}

/** What is known of a domain from outside: enough to bind it, to grant access and to watch it. */
export interface OpenSearchAttributes {
  readonly service: string;
  readonly role: ServiceRole;
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  readonly domainName: string;
  readonly arn: string;
  readonly host: string;
  readonly securityGroupId: string;
  readonly dataNodes: number;
  readonly dedicatedMasters: number;
  readonly warmNodes: number;
  /** Whether indices can go on from warm nodes to detached storage. @default false */
  readonly coldStorage?: boolean;
  /** Of the disk of each data node. @default unknown, as of types with disks of their own */
  readonly diskGiB?: number;
  /** @default unknown */
  readonly warmNodeType?: string;
  /** Zones that data nodes stand in: as many copies of an index are worth having. */
  readonly zones: number;
  /** Largest request that it takes. */
  readonly maxRequestMiB: number;
  /** The role that may do everything within the domain. */
  readonly masterRoleArn?: string;
  readonly snapshots?: SnapshotAttributes;
}
