import { resolveSettings } from '../../../environments/size.ts';
import { contentHash } from '../../core/content-hash.ts';
import type { EnvironmentIdentity } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { lastingSubnets } from '../../core/subnets.ts';
import { type BrokerType, brokerTypes, isExpress } from './brokers.ts';
import type { MonitoringLevel, MskProps } from './props.ts';
import { retentionProperties, type ServerProperties, serverPropertiesText } from './server-properties.ts';
import { defaultVersion } from './versions.ts';

/** What MSK's own rolling work takes: up to half an hour a broker, and the provider's two hours at least. */
const minutesPerBroker = 30;
const leastUpdateMinutes = 120;
/** Two for each zone: one of them may be under maintenance. All would not fit the parameter that holds the binding. */
const mostBootstrapBrokers = 6;

/** The props that only pass through, and the defaults of those that are plain values. */
const defaults = {
  scramUsers: [],
  scramGeneration: 1,
  bindAs: 'iam',
  storageTargetPercent: 60,
  tieredStorage: false,
  openMonitoring: true,
} as const satisfies Partial<MskProps>;

/** Everything about a cluster, decided. */
export type ResolvedMsk = ReturnType<typeof resolveMsk>;

/** The settings of a cluster with every default: the size's, the broker type's, the environment's. */
export function resolveMsk(props: MskProps, identity: EnvironmentIdentity) {
  const { service, role, overrides, network } = props;
  const declared = { kind: 'kafka' as const, role, ...(overrides === undefined ? {} : { overrides }) };
  const settings = resolveSettings<'kafka'>(declared, { size: identity.size, engine: { kind: 'aws' } });
  const { brokerType, brokers, diskGiB } = settings;
  const express = isExpress(brokerType);
  const version = overrides?.version ?? defaultVersion(brokerType);
  const maxDiskGiB = overrides?.maxDiskGiB ?? Math.max(settings.maxDiskGiB, diskGiB);
  const subnetIds = lastingSubnets(network.privateSubnetIds);
  const clusterName = resourceName(identity, service);
  const givenProperties = props.serverProperties ?? {};
  const serverProperties = serverPropertiesText({
    ...(express ? expressProperties : standardProperties(settings, brokerTypes[brokerType], givenProperties)),
    ...givenProperties,
  });
  return {
    ...defaults,
    monitoringLevel: (identity.size === 'small' ? 'PER_BROKER' : 'PER_TOPIC_PER_BROKER') as MonitoringLevel,
    rebalancing: express ? true : undefined,
    ...props,
    ...settings,
    express,
    knownType: brokerTypes[brokerType],
    version,
    upgradeFrom: overrides?.upgradeFrom,
    maxDiskGiB,
    growing: !express && maxDiskGiB > diskGiB,
    subnetIds,
    clusterName,
    givenProperties,
    serverProperties,
    // MSK frees the name of a configuration only when no cluster uses it any more.
    configurationName: `${clusterName}-${contentHash({ version, serverProperties })}`,
    bootstrapBrokers: Math.min(brokers, mostBootstrapBrokers),
    updateMinutes: Math.max(leastUpdateMinutes, brokers * minutesPerBroker),
    serverless: overrides?.serverless === true,
    deletionProtection: identity.deletionProtection,
  };
}

/** What is not to be guessed: a topic comes from the topology, and one that does not say it gets room to grow. */
const commonProperties = { 'auto.create.topics.enable': false, 'num.partitions': 6 } as const satisfies ServerProperties;

/** Express fixes three copies, two of which acknowledge, and never elects an unclean leader. */
const expressProperties: ServerProperties = { ...commonProperties, 'log.retention.ms': 604_800_000 };

function standardProperties(
  { replicationFactor, minInSyncReplicas }: { readonly replicationFactor: number; readonly minInSyncReplicas: number },
  type: BrokerType | undefined,
  given: ServerProperties,
): ServerProperties {
  return {
    ...commonProperties,
    ...(retentionProperties.some((name) => name in given) ? {} : { 'log.retention.hours': 168 }),
    'default.replication.factor': replicationFactor,
    'min.insync.replicas': minInSyncReplicas,
    'offsets.topic.replication.factor': replicationFactor,
    'transaction.state.log.replication.factor': replicationFactor,
    'transaction.state.log.min.isr': minInSyncReplicas,
    'unclean.leader.election.enable': false,
    // Consumers that name their zone (client.rack) read within it: traffic between zones is paid.
    'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector',
    ...(type?.threads === undefined ? {} : { 'num.io.threads': type.threads.io, 'num.network.threads': type.threads.network }),
  };
}
