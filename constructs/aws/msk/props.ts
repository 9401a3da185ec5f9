import type { ServiceDeclaration } from '../../../environments/schema.ts';
import type { ServiceRole } from '../../../runtime/src/contracts/binding.ts';
import type { NetworkReference } from '../network/index.ts';
import type { ServerProperties } from './server-properties.ts';

/** What the declaration of a Kafka service may say instead of the size's defaults. */
export type KafkaOverrides = Extract<ServiceDeclaration, { kind: 'kafka' }>['overrides'];

/** How clients prove who they are; each way has a port of its own. */
export type MskAuthMode = 'iam' | 'scram';

/** From coarse to fine; each includes the former ones and costs more. The free level hides what alarms need, so it is none of these. */
export const monitoringLevels = ['PER_BROKER', 'PER_TOPIC_PER_BROKER', 'PER_TOPIC_PER_PARTITION'] as const;
export type MonitoringLevel = (typeof monitoringLevels)[number];

export interface MskProps {
  /** Name of the service in the environment, and in the binding. */
  readonly service: string;
  readonly role: ServiceRole;
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /**
   * What the declaration says instead of the size's defaults.
   *
   * Where `maxDiskGiB` is more than `diskGiB`, disks grow by themselves, and from then on a change of `diskGiB` has no effect.
   */
  readonly overrides?: KafkaOverrides;
  /**
   * Users with a password, besides IAM. MSK draws no line between them: each may do everything until ACLs say otherwise.
   *
   * @default none, and no port for them
   */
  readonly scramUsers?: readonly string[];
  /**
   * A higher number draws new passwords for all users at the next apply, and the one way to do so: a value that is put into a secret by hand may be undone by
   * a later apply. MSK takes them over within minutes by itself; until then it asks new connections for the former one, version AWSPREVIOUS of each secret.
   *
   * @default 1
   */
  readonly scramGeneration?: number;
  /** The way in that the binding names; `scram` binds the first user. @default 'iam' */
  readonly bindAs?: MskAuthMode;
  /** Server properties besides those that say how many copies there are. @default 6 partitions and 7 days for topics that do not say it themselves */
  readonly serverProperties?: ServerProperties;
  /** How full disks are when they grow, in percent. MSK advises 50 to 60. @default 60 */
  readonly storageTargetPercent?: number;
  /** Storage throughput of each broker in MiB/s, 250 without. @default what MSK gives */
  readonly storageThroughputMiBs?: number;
  /** Whether topics may keep old segments in cheaper storage; there is no way back. @default false */
  readonly tieredStorage?: boolean;
  /** Whether MSK spreads partitions anew when brokers come and go; Express alone. @default true on Express */
  readonly rebalancing?: boolean;
  /** @default PER_BROKER for a small environment, else PER_TOPIC_PER_BROKER (MSK.2) */
  readonly monitoringLevel?: MonitoringLevel;
  /** Whether brokers offer metrics to Prometheus; `monitoring` lets it in. @default true */
  readonly openMonitoring?: boolean;
  /** Bucket that gets the brokers' logs besides CloudWatch; its policy must let `delivery.logs.amazonaws.com` write. @default none */
  readonly logBucket?: { readonly bucketName: string; readonly prefix?: string };
}

/** One user with a password as the binding and grants need it. */
export interface ScramUserReference {
  readonly name: string;
  /** Secret with the keys `username` and `password`. */
  readonly secretArn: string;
}

/** What is known of a cluster from outside: enough to bind it, to grant access and to watch it. */
export interface MskAttributes {
  readonly service: string;
  readonly role: ServiceRole;
  readonly region: string;
  readonly clusterName: string;
  readonly arn: string;
  /** Names of the brokers that clients ask first, in the order of their ids. */
  readonly brokerHosts: readonly string[];
  readonly brokers: number;
  readonly brokerType: string;
  /** Partitions that each broker carries well, copies included. */
  readonly partitionsPerBroker: number;
  /** Storage throughput of each broker that is paid for. @default 250 */
  readonly storageThroughputMiBs?: number;
  readonly bindAs: MskAuthMode;
  /** Empty where only IAM lets in. */
  readonly scramUsers: readonly ScramUserReference[];
  /** Key of the users' secrets. */
  readonly encryptionKeyArn: string;
  readonly securityGroupId: string;
}
