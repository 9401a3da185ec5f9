import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { MqBroker } from '@cdktf/provider-aws/lib/mq-broker';
import { MqConfiguration } from '@cdktf/provider-aws/lib/mq-configuration';
import { type Construct, DataResource, Fn } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { protectedLifecycle } from '../../core/protection.ts';
import { validate } from '../../core/validate.ts';
import type { Connections } from '../foundation/connections.ts';
import { logRetentionDays } from '../foundation/log-group.ts';
import { openToClients } from '../foundation/security-group.ts';
import { AdminUser } from './admin.ts';
import { renderConfiguration } from './configuration.ts';
import type { AmazonMqAttributes, AmazonMqProps } from './props.ts';
import { quotasOf } from './quotas.ts';
import { AmazonMqReference, amazonMqPorts } from './reference.ts';
import { type ResolvedAmazonMq, resolveAmazonMq } from './resolve.ts';
import { amazonMqRules } from './validate.ts';

const engineType = 'RabbitMQ';
const weekdays: Readonly<Record<string, string>> = {
  sun: 'SUNDAY',
  mon: 'MONDAY',
  tue: 'TUESDAY',
  wed: 'WEDNESDAY',
  thu: 'THURSDAY',
  fri: 'FRIDAY',
  sat: 'SATURDAY',
};

/**
 * RabbitMQ by Amazon MQ: one node, or three in different zones behind one address; private, over TLS alone, encrypted with the environment's key, logged.
 *
 * Its administrator's password lies in Terraform's state, see `AdminUser`. A cluster loses nothing of quorum queues when a node fails; one node stops for
 * every patch, and AWS keeps no backup of either: what must not be lost can be published again from the outbox.
 *
 * Whoever deploys needs `logs:CreateLogGroup`, or AWS makes the broker without its log groups.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all problems.
 * @example
 * const tasks = new AmazonMq(this, 'tasks', { service: 'tasks', role: 'tasks', network, encryptionKeyArn });
 * tasks.grantConnect('Orders', { roleName: 'orders' });
 */
export class AmazonMq extends AmazonMqReference {
  private readonly broker: MqBroker;

  constructor(scope: Construct, id: string, props: AmazonMqProps) {
    super(scope, id);
    const settings = resolveAmazonMq(props, identityOf(this));
    validate(`amazon-mq ${props.service}`, amazonMqRules, settings);
    this.connections = this.defineConnections(settings);
    const admin = new AdminUser(this, 'Admin', settings);
    this.broker = this.defineBroker(settings, admin);
    this.adoptLogs(settings);
    this.attributes = this.attributesOf(settings, admin);
  }

  /** A broker that someone else keeps, with the same public face. */
  static fromAttributes(scope: Construct, id: string, attributes: AmazonMqAttributes): AmazonMqReference {
    return new AmazonMqReference(scope, id, { attributes, ports: amazonMqPorts });
  }

  /** The way around this construct: sets any argument of the broker, by its Terraform name. */
  override(path: string, value: unknown): void {
    this.broker.addOverride(path, value);
  }

  private attributesOf(settings: ResolvedAmazonMq, { username, secretArn }: AdminUser): AmazonMqAttributes {
    const { service, role, brokerName, version, encryptionKeyArn } = settings;
    // One element whatever the number of nodes: amqps://HOST:5671.
    const endpoint = Fn.element(this.broker.instances.get(0).endpoints, 0);
    const host = Fn.trimsuffix(Fn.trimprefix(endpoint, 'amqps://'), ':5671');
    const { securityGroupId } = this.connections;
    return {
      ...{ service, role, brokerName, arn: this.broker.arn, host, version, username, secretArn, encryptionKeyArn, securityGroupId },
      quotas: quotasOf(settings),
    };
  }

  private defineConnections({ service, network }: ResolvedAmazonMq): Connections {
    const ports = amazonMqPorts.map(({ port, description }) => ({ port, description: `${description} of ${service}` }));
    return openToClients(this, { service, network, description: `broker ${service}`, ports });
  }

  private defineBroker(settings: ResolvedAmazonMq, admin: AdminUser): MqBroker {
    const configuration = this.defineConfiguration(settings);
    return new MqBroker(this, 'Resource', {
      brokerName: settings.brokerName,
      engineType,
      engineVersion: settings.version,
      hostInstanceType: settings.instanceType,
      deploymentMode: settings.deploymentMode,
      storageType: 'ebs',
      subnetIds: [...settings.subnetIds],
      securityGroups: [this.connections.securityGroupId],
      publiclyAccessible: false,
      encryptionOptions: { kmsKeyId: settings.encryptionKeyArn, useAwsOwnedKey: false },
      // The provider refuses `audit` for RabbitMQ, whatever its value.
      logs: { general: true },
      configuration: { id: configuration.id, revision: configuration.latestRevision },
      user: [admin.argument],
      ...this.upkeep(settings),
    });
  }

  private upkeep({ maintenanceStart, applyImmediately }: ResolvedAmazonMq) {
    return {
      // AWS manages the patch of both versions and asks for this; without it the version would differ at every plan.
      autoMinorVersionUpgrade: true,
      maintenanceWindowStartTime: {
        dayOfWeek: weekdays[maintenanceStart.slice(0, 3)]!,
        timeOfDay: maintenanceStart.slice(4),
        timeZone: 'UTC',
      },
      applyImmediately,
      // AWS tells nobody the users of a RabbitMQ broker, so the provider finds none and would add this one again at every plan.
      lifecycle: { ...protectedLifecycle(identityOf(this)).lifecycle, ignoreChanges: ['user'] },
    };
  }

  /** A change of the settings becomes a new revision; a configuration of another version stands beside the old one until the broker has moved. */
  private defineConfiguration({
    configurationName,
    configurationStem,
    configuration,
    service,
    version,
  }: ResolvedAmazonMq): MqConfiguration {
    return new MqConfiguration(this, 'Configuration', {
      name: configurationName ?? this.neverAgain(configurationStem),
      description: `settings of ${service}`,
      engineType,
      engineVersion: version,
      data: renderConfiguration(configuration),
      lifecycle: { createBeforeDestroy: true },
    });
  }

  /** AWS keeps the name of a configuration that Terraform has destroyed; an id that is drawn once and kept in the state makes another. */
  private neverAgain(name: string): string {
    const { id } = new DataResource(this, 'ConfigurationId');
    return `${name}-${Fn.substr(id, 0, 8)}`;
  }

  private adoptLogs({ adoptedLogs, encryptionKeyArn, deletionProtection }: ResolvedAmazonMq): void {
    const retentionInDays = logRetentionDays(identityOf(this).serverLogDays);
    for (const part of adoptedLogs) {
      const name = `/aws/amazonmq/broker/${this.broker.id}/${part}`;
      // A name that is taken out of the list must not take the logs with it.
      const kept = { retentionInDays, kmsKeyId: encryptionKeyArn, skipDestroy: deletionProtection };
      new CloudwatchLogGroup(this, `Logs-${part}`, { name, ...kept }).importFrom(name);
    }
  }
}
