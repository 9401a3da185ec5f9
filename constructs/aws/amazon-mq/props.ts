import type { ServiceDeclaration } from '../../../environments/schema.ts';
import type { ServiceRole } from '../../../runtime/src/contracts/binding.ts';
import type { NetworkReference } from '../network/index.ts';
import type { RabbitConfiguration } from './configuration.ts';
import type { RabbitVersion } from './versions.ts';

type RabbitOverrides = Extract<ServiceDeclaration, { kind: 'rabbitmq' }>['overrides'];

export interface AmazonMqProps {
  /** Name of the service in the environment, and in the binding. */
  readonly service: string;
  /** `tasks` or `jobs`. */
  readonly role: ServiceRole;
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /** What the declaration says instead of the size's defaults: version, instance type, one node or three. */
  readonly overrides?: RabbitOverrides;
  /** The administrator, whom the binding names. For good: once the broker stands, a change renames nobody but in the binding. @default 'millrace' */
  readonly username?: string;
  /** Server settings, by their names in rabbitmq.conf. @default none: every key has AWS's default */
  readonly configuration?: RabbitConfiguration;
  /**
   * A higher number draws a new password for the administrator; `overrides.passwordGeneration` comes before it. RabbitMQ learns it from you, see `AdminUser`.
   *
   * @default 1
   */
  readonly passwordGeneration?: number;
  /**
   * Name of the configuration. Destroying one only forgets it: AWS keeps it and refuses a second one of its name, so the default is never the same twice.
   *
   * @default 'ENV-SERVICE-4-2-' and eight characters that the state keeps; with the version, because a configuration is of one version
   * @see https://docs.aws.amazon.com/amazon-mq/latest/api-reference/configurations.html
   */
  readonly configurationName?: string;
  /** Where the broker is reached; a change replaces the broker. @default the network's first private subnet for one node, its first three for three: a fourth zone of the network changes nothing, a third one replaces a broker of three nodes */
  readonly subnetIds?: readonly string[];
  /** Beginning of the two hours a week in which AWS patches and reboots, UTC. @default 'sun:04:00' */
  readonly maintenanceStart?: string;
  /**
   * Whether what needs a reboot happens at once, or in the maintenance window; `overrides.applyImmediately` comes before it. What waits for the window is a
   * difference in every plan until then.
   *
   * @default at once where deletion is not protected
   */
  readonly applyImmediately?: boolean;
  /**
   * Last parts of the names of log groups that AWS has made for this broker, `general` and `connection`, from now on kept as long as the environment says
   * and encrypted with its key.
   *
   * AWS puts the broker's id into their names and makes them itself, kept for ever: so they can be taken over by the plan after the broker stands, not
   * with it. A name that no group has fails the plan.
   *
   * @default none
   */
  readonly adoptedLogs?: readonly string[];
}

/** What is known of a broker from outside: enough to bind it, to grant access and to watch it. */
export interface AmazonMqAttributes {
  readonly service: string;
  readonly role: ServiceRole;
  readonly brokerName: string;
  readonly arn: string;
  /** One name for all nodes: they stand behind a load balancer. */
  readonly host: string;
  readonly version: RabbitVersion;
  readonly username: string;
  /** Secret with the password under the key `password`. */
  readonly secretArn: string;
  /** Key that the secret is encrypted with. */
  readonly encryptionKeyArn: string;
  readonly securityGroupId: string;
  /** What the broker takes of each, all nodes together. @default unknown */
  readonly quotas?: BrokerQuotas;
}

/** How many of each a broker takes, all nodes together; undefined where AWS does not say. */
export interface BrokerQuotas {
  readonly connections: number | undefined;
  readonly channels: number | undefined;
}
