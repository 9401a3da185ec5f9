import type {
  OpensearchDomainClusterConfig,
  OpensearchDomainConfig,
  OpensearchDomainDomainEndpointOptions,
  OpensearchDomainEbsOptions,
  OpensearchDomainLogPublishingOptions,
} from '@cdktf/provider-aws/lib/opensearch-domain';
import type { ResolvedOpenSearch } from './resolve.ts';
import { engineVersionOf } from './versions.ts';

/** Logs of a domain: the type as AWS calls it, and the last part of its group's name. */
export const logs = [
  { logType: 'INDEX_SLOW_LOGS', name: 'index-slow-logs' },
  { logType: 'SEARCH_SLOW_LOGS', name: 'search-slow-logs' },
  { logType: 'ES_APPLICATION_LOGS', name: 'application-logs' },
  { logType: 'AUDIT_LOGS', name: 'audit-logs' },
] as const;

/** The newest that AWS has, FIPS aside: TLS 1.2 and 1.3, with forward secrecy (Opensearch.8). */
const tlsSecurityPolicy = 'Policy-Min-TLS-1-2-PFS-2023-10';

/** A change is a second cluster beside the first, and all data moves. */
const timeouts = { create: '120m', update: '180m', delete: '90m' };

/** What a domain stands on and is not part of it. */
export interface Surroundings {
  readonly masterRoleArn: string;
  readonly securityGroupId: string;
  readonly logPublishingOptions: OpensearchDomainLogPublishingOptions[];
}

/** The arguments of the domain, in the form in which AWS gives them back. */
export function domainConfig(domain: ResolvedOpenSearch, surroundings: Surroundings): OpensearchDomainConfig {
  const { domainName, version, encryptionKeyArn, subnetIds, advancedOptions } = domain;
  return {
    domainName,
    engineVersion: engineVersionOf(version),
    clusterConfig: clusterConfig(domain),
    ebsOptions: ebsOptions(domain),
    vpcOptions: { subnetIds: [...subnetIds], securityGroupIds: [surroundings.securityGroupId] },
    encryptAtRest: { enabled: true, kmsKeyId: encryptionKeyArn },
    nodeToNodeEncryption: { enabled: true },
    domainEndpointOptions: endpointOptions(domain),
    advancedSecurityOptions: {
      enabled: true,
      internalUserDatabaseEnabled: false,
      masterUserOptions: { masterUserArn: surroundings.masterRoleArn },
    },
    advancedOptions: { ...advancedOptions },
    logPublishingOptions: surroundings.logPublishingOptions,
    ...upkeep(domain),
    timeouts,
  };
}

function clusterConfig(domain: ResolvedOpenSearch): OpensearchDomainClusterConfig {
  const { zones, dedicatedMasters, masterNodeType, warmNodes, warmNodeType, coldStorage } = domain;
  return {
    instanceType: domain.dataNodeType,
    instanceCount: domain.dataNodes,
    zoneAwarenessEnabled: zones > 1,
    ...(zones > 1 ? { zoneAwarenessConfig: { availabilityZoneCount: zones } } : {}),
    multiAzWithStandbyEnabled: domain.standby,
    dedicatedMasterEnabled: dedicatedMasters > 0,
    ...(dedicatedMasters > 0 ? { dedicatedMasterCount: dedicatedMasters, dedicatedMasterType: masterNodeType } : {}),
    warmEnabled: warmNodes > 0,
    ...(warmNodes > 0 ? { warmCount: warmNodes, warmType: warmNodeType, coldStorageOptions: { enabled: coldStorage } } : {}),
  };
}

function ebsOptions({ hasVolume, diskGiB, iops, throughputMiBps }: ResolvedOpenSearch): OpensearchDomainEbsOptions {
  if (!hasVolume) return { ebsEnabled: false };
  return { ebsEnabled: true, volumeType: 'gp3', volumeSize: diskGiB, iops, throughput: throughputMiBps };
}

function endpointOptions({ customEndpoint }: ResolvedOpenSearch): OpensearchDomainDomainEndpointOptions {
  const own =
    customEndpoint === undefined
      ? {}
      : {
          customEndpointEnabled: true,
          customEndpoint: customEndpoint.hostName,
          customEndpointCertificateArn: customEndpoint.certificateArn,
        };
  return { enforceHttps: true, tlsSecurityPolicy, ...own };
}

function upkeep({ offPeakStart, ...domain }: ResolvedOpenSearch) {
  const [hours, minutes] = offPeakStart.split(':').map(Number) as [number, number];
  return {
    ...tuning(domain),
    offPeakWindowOptions: { enabled: true, offPeakWindow: { windowStartTime: { hours, minutes } } },
    softwareUpdateOptions: { autoSoftwareUpdateEnabled: true },
  };
}

/** Left out, it stays as it is; even the wish to switch it off is refused on types that cannot. */
function tuning({ tunable, autoTune }: Pick<ResolvedOpenSearch, 'tunable' | 'autoTune'>): Pick<OpensearchDomainConfig, 'autoTuneOptions'> {
  if (!tunable) return {};
  const state = autoTune ? { desiredState: 'ENABLED', useOffPeakWindow: true } : { desiredState: 'DISABLED' };
  return { autoTuneOptions: { ...state, rollbackOnDisable: 'NO_ROLLBACK' } };
}
