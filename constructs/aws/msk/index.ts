import { DataAwsMskBrokerNodes } from '@cdktf/provider-aws/lib/data-aws-msk-broker-nodes';
import {
  MskCluster,
  type MskClusterBrokerNodeGroupInfo,
  type MskClusterConfig,
  type MskClusterLoggingInfo,
  type MskClusterOpenMonitoring,
} from '@cdktf/provider-aws/lib/msk-cluster';
import { MskConfiguration } from '@cdktf/provider-aws/lib/msk-configuration';
import { type Construct, Fn } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { protectedLifecycle } from '../../core/protection.ts';
import { validate } from '../../core/validate.ts';
import { Connections } from '../foundation/connections.ts';
import { defineLogGroup } from '../foundation/log-group.ts';
import { openToClients } from '../foundation/security-group.ts';
import { DiskGrowth, grownArgument } from './disk-growth.ts';
import { monitoringPorts } from './ports.ts';
import type { MskAttributes, MskProps } from './props.ts';
import { MskReference, mskPorts } from './reference.ts';
import { type ResolvedMsk, resolveMsk } from './resolve.ts';
import { ScramUsers } from './scram.ts';
import { mskRules } from './validate.ts';

/**
 * One Kafka cluster of MSK with brokers of its own, standard or Express: TLS alone, IAM first, encrypted at rest, logged, never public.
 *
 * Clients are held to 100 new IAM connections a second and broker, on `kafka.t3.small` to 4: connect once and stay, and let consumers start apart.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all problems.
 * @example
 * const log = new Msk(this, 'log', { service: 'log', role: 'log', network, encryptionKeyArn });
 * log.grantProduce('Orders', { roleName: 'orders' }, { topics: ['orders.created'] });
 */
export class Msk extends MskReference {
  /** The ports that Prometheus scrapes; nobody is let in by default. Undefined without `openMonitoring`. */
  readonly monitoring: Connections | undefined;
  private readonly cluster: MskCluster;

  constructor(scope: Construct, id: string, props: MskProps) {
    super(scope, id);
    const msk = resolveMsk(props, identityOf(this));
    validate(`msk ${props.service}`, mskRules, msk);
    this.connections = this.defineConnections(msk);
    const { securityGroupId } = this.connections;
    this.monitoring = msk.openMonitoring ? new Connections(this, 'Monitoring', { securityGroupId, ports: monitoringPorts }) : undefined;
    this.cluster = this.defineCluster(msk, securityGroupId);
    const clusterArn = this.cluster.arn;
    if (msk.growing) new DiskGrowth(this, 'DiskGrowth', { clusterArn, msk });
    const scramUsers = msk.scramUsers.length > 0 ? new ScramUsers(this, 'Users', { clusterArn, msk }).users : [];
    this.attributes = { ...this.attributesOf(msk), scramUsers, securityGroupId };
  }

  /** A cluster that someone else keeps, with the same public face. */
  static fromAttributes(scope: Construct, id: string, attributes: MskAttributes): MskReference {
    return new MskReference(scope, id, { attributes, ports: mskPorts(attributes.scramUsers) });
  }

  /** The way around this construct: sets any argument of the cluster, by its Terraform name. */
  override(path: string, value: unknown): void {
    this.cluster.addOverride(path, value);
  }

  private attributesOf(msk: ResolvedMsk): Omit<MskAttributes, 'scramUsers' | 'securityGroupId'> {
    const { service, role, clusterName, brokers, brokerType, knownType, storageThroughputMiBs, bindAs, encryptionKeyArn } = msk;
    return {
      service,
      role,
      region: identityOf(this).region,
      clusterName,
      arn: this.cluster.arn,
      brokerHosts: this.readBrokerHosts(msk),
      brokers,
      brokerType,
      partitionsPerBroker: knownType?.partitions ?? 0,
      ...(storageThroughputMiBs === undefined ? {} : { storageThroughputMiBs }),
      bindAs,
      encryptionKeyArn,
    };
  }

  /**
   * Names of the first brokers by id, one each.
   *
   * `bootstrap_brokers_sasl_iam` is of no use for this: of more than three brokers MSK names three at random, others at each plan. The explicit dependency
   * puts off the reading while the cluster is about to change, so that a broker to come is not looked for among those there are.
   */
  private readBrokerHosts({ bootstrapBrokers }: ResolvedMsk): string[] {
    const nodes = new DataAwsMskBrokerNodes(this, 'Brokers', { clusterArn: this.cluster.arn, dependsOn: [this.cluster] });
    return Array.from({ length: bootstrapBrokers }, (_, index) => Fn.element(nodes.nodeInfoList.get(index).endpoints, 0) as string);
  }

  /** Brokers talk to each other in a network of MSK's own, so the group has no rule for that. */
  private defineConnections({ service, network, scramUsers }: ResolvedMsk): Connections {
    return openToClients(this, { service, network, description: `brokers of ${service}`, ports: mskPorts(scramUsers) });
  }

  private defineCluster(msk: ResolvedMsk, securityGroupId: string): MskCluster {
    const configuration = this.defineConfiguration(msk);
    return new MskCluster(this, 'Resource', {
      clusterName: msk.clusterName,
      kafkaVersion: msk.version,
      numberOfBrokerNodes: msk.brokers,
      brokerNodeGroupInfo: brokerNodes(msk, securityGroupId),
      configurationInfo: { arn: configuration.arn, revision: configuration.latestRevision },
      clientAuthentication: { unauthenticated: false, sasl: { iam: true, scram: msk.scramUsers.length > 0 } },
      encryptionInfo: {
        encryptionAtRestKmsKeyArn: msk.encryptionKeyArn,
        encryptionInTransit: { clientBroker: 'TLS', inCluster: true },
      },
      ...(msk.tieredStorage ? { storageMode: 'TIERED' } : {}),
      ...(msk.rebalancing === undefined ? {} : { rebalancing: { status: msk.rebalancing ? 'ACTIVE' : 'PAUSED' } }),
      enhancedMonitoring: msk.monitoringLevel,
      openMonitoring: openMonitoring(msk),
      loggingInfo: this.defineLogs(msk),
      timeouts: { create: '120m', update: `${msk.updateMinutes}m`, delete: '120m' },
      ...this.lifecycle(msk),
    });
  }

  private lifecycle({ growing }: ResolvedMsk): Pick<MskClusterConfig, 'lifecycle'> {
    const { lifecycle } = protectedLifecycle(identityOf(this));
    if (!growing) return lifecycle === undefined ? {} : { lifecycle };
    return { lifecycle: { ...lifecycle, ignoreChanges: [grownArgument] } };
  }

  private defineConfiguration({ configurationName, service, version, serverProperties }: ResolvedMsk): MskConfiguration {
    return new MskConfiguration(this, 'Configuration', {
      name: configurationName,
      description: `server properties of ${service}`,
      kafkaVersions: [version],
      serverProperties,
      lifecycle: { createBeforeDestroy: true },
    });
  }

  private defineLogs({ service, encryptionKeyArn, logBucket }: ResolvedMsk): MskClusterLoggingInfo {
    const group = defineLogGroup(this, 'broker-log', [service, 'broker-log'], encryptionKeyArn);
    return {
      brokerLogs: {
        cloudwatchLogs: { enabled: true, logGroup: group.name },
        ...(logBucket === undefined
          ? {}
          : {
              s3: { enabled: true, bucket: logBucket.bucketName, ...(logBucket.prefix === undefined ? {} : { prefix: logBucket.prefix }) },
            }),
      },
    };
  }
}

/** Express takes neither disks nor a word on public access: it knows none. */
function brokerNodes(msk: ResolvedMsk, securityGroupId: string): MskClusterBrokerNodeGroupInfo {
  const { brokerType, subnetIds, express, diskGiB, storageThroughputMiBs } = msk;
  const nodes = { instanceType: brokerType, clientSubnets: [...subnetIds], securityGroups: [securityGroupId] };
  if (express) return nodes;
  const throughput =
    storageThroughputMiBs === undefined ? {} : { provisionedThroughput: { enabled: true, volumeThroughput: storageThroughputMiBs } };
  return {
    ...nodes,
    storageInfo: { ebsStorageInfo: { volumeSize: diskGiB, ...throughput } },
    connectivityInfo: { publicAccess: { type: 'DISABLED' } },
  };
}

function openMonitoring({ openMonitoring: enabledInBroker }: ResolvedMsk): MskClusterOpenMonitoring {
  return { prometheus: { jmxExporter: { enabledInBroker }, nodeExporter: { enabledInBroker } } };
}
