import { nameRule, roleRule } from '../../core/rules.ts';
import { isWholeNumber, listed, quoted, type Rule, repeated } from '../../core/validate.ts';
import { brokerTypes, burstableBroker } from './brokers.ts';
import { monitoringLevels } from './props.ts';
import type { ResolvedMsk } from './resolve.ts';
import { propertyRules } from './validate-properties.ts';
import { storageRules } from './validate-storage.ts';
import { kafkaVersions, upgradeProblem, versionsFor } from './versions.ts';

/** Names of clusters with brokers or without. */
export const kafkaNameRule = nameRule('clusterName', 64);
/** Roles that a Kafka service may have. */
export const kafkaRoleRule = roleRule(['log', 'events']);
/** @see https://docs.aws.amazon.com/msk/latest/developerguide/limits.html */
const mostBrokers = { zookeeper: 30, kraft: 60 };
const mostScramUsers = 1_000;
const limitOf = ({ version }: ResolvedMsk): number => (kafkaVersions[version]?.kraft === false ? mostBrokers.zookeeper : mostBrokers.kraft);
const upgrade = ({ upgradeFrom, version }: ResolvedMsk): string | undefined =>
  upgradeFrom === undefined ? undefined : upgradeProblem(upgradeFrom, version);
const misnamed = ({ scramUsers }: ResolvedMsk): string[] => scramUsers.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name));

const clusterRules: readonly Rule<ResolvedMsk>[] = [
  kafkaNameRule,
  kafkaRoleRule,
  {
    condition: ({ serverless }) => serverless,
    message: () => 'overrides.serverless must not be set for a cluster with brokers, got true: it belongs to MskServerless',
  },
  {
    condition: ({ knownType }) => knownType === undefined,
    message: ({ brokerType }) => `brokerType must be one of ${Object.keys(brokerTypes).join(', ')}, got ${quoted(brokerType)}`,
  },
  {
    condition: ({ version, brokerType }) => !versionsFor(brokerType).includes(version),
    message: ({ version, brokerType }) =>
      `version must be one of ${versionsFor(brokerType).join(', ')} for ${brokerType}, got ${quoted(version)}${
        brokerType === burstableBroker ? ': that type has no KRaft' : ''
      }`,
  },
  {
    condition: (msk) => upgrade(msk) !== undefined,
    message: (msk) => `version must be one that ${msk.upgradeFrom} can be upgraded to, got ${msk.version}: ${upgrade(msk)}`,
  },
  {
    condition: ({ subnetIds, express }) => subnetIds.length < (express ? 3 : 2),
    message: ({ subnetIds, express }) =>
      `the network must have private subnets in at least ${express ? '3 zones for Express brokers' : '2 zones'}, got ${subnetIds.length}`,
  },
  {
    condition: (msk) => !isWholeNumber(msk.brokers, 1, limitOf(msk)),
    message: (msk) => `brokers must be between 1 and ${limitOf(msk)} for Kafka ${msk.version}, got ${msk.brokers}`,
  },
  {
    condition: ({ brokers, subnetIds }) => subnetIds.length > 0 && brokers % subnetIds.length !== 0,
    message: ({ brokers, subnetIds }) => `brokers must be a multiple of the ${subnetIds.length} zones, got ${brokers}`,
  },
  {
    condition: ({ monitoringLevel }) => !monitoringLevels.includes(monitoringLevel),
    message: ({ monitoringLevel }) => `monitoringLevel must be one of ${monitoringLevels.join(', ')}, got ${quoted(monitoringLevel)}`,
  },
  {
    condition: ({ express, rebalancing }) => !express && rebalancing !== undefined,
    message: ({ brokerType }) => `rebalancing must be set for Express brokers alone, got it for ${brokerType}`,
  },
];

const copyRules: readonly Rule<ResolvedMsk>[] = [
  {
    condition: ({ replicationFactor, express }) => !express && !isWholeNumber(replicationFactor, 2),
    message: ({ replicationFactor }) =>
      `replicationFactor must be at least 2, so that topics stay while MSK patches a broker, got ${replicationFactor}`,
  },
  {
    condition: ({ replicationFactor, brokers }) => replicationFactor > brokers,
    message: ({ replicationFactor, brokers }) => `replicationFactor must be at most the ${brokers} brokers, got ${replicationFactor}`,
  },
  {
    condition: ({ minInSyncReplicas: min, replicationFactor, express }) =>
      !express && (!isWholeNumber(min, 1) || min >= Math.max(2, replicationFactor)),
    message: ({ minInSyncReplicas: min, replicationFactor }) =>
      `minInSyncReplicas must be at least 1 and less than the replicationFactor ${replicationFactor}, so that producers go on while a broker is patched, got ${min}`,
  },
  {
    condition: ({ deletionProtection, replicationFactor, minInSyncReplicas }) =>
      deletionProtection && (replicationFactor < 3 || minInSyncReplicas < 2),
    message: ({ replicationFactor, minInSyncReplicas }) =>
      `replicationFactor must be at least 3 and minInSyncReplicas 2 where the environment protects against deletion, got ${replicationFactor} and ${minInSyncReplicas}`,
  },
  {
    condition: ({ express, replicationFactor, minInSyncReplicas }) => express && (replicationFactor !== 3 || minInSyncReplicas !== 2),
    message: ({ replicationFactor, minInSyncReplicas }) =>
      `replicationFactor must be 3 and minInSyncReplicas 2 for Express brokers, got ${replicationFactor} and ${minInSyncReplicas}`,
  },
];

const userRules: readonly Rule<ResolvedMsk>[] = [
  {
    condition: (msk) => misnamed(msk).length > 0,
    message: (msk) => `scramUsers must have names of lower-case letters, digits and hyphens, got ${misnamed(msk).map(quoted).join(', ')}`,
  },
  {
    condition: ({ scramUsers }) => repeated(scramUsers).length > 0,
    message: ({ scramUsers }) => `scramUsers must differ, got ${listed(repeated(scramUsers))} twice`,
  },
  {
    condition: ({ scramUsers }) => scramUsers.length > mostScramUsers,
    message: ({ scramUsers }) => `scramUsers must be at most ${mostScramUsers}, got ${scramUsers.length}`,
  },
  {
    condition: ({ bindAs, scramUsers }) => bindAs === 'scram' && scramUsers.length === 0,
    message: () => 'scramUsers must hold the user that the binding names where bindAs is scram, got none',
  },
];

/** What a cluster must be. */
export const mskRules: readonly Rule<ResolvedMsk>[] = [...clusterRules, ...copyRules, ...storageRules, ...propertyRules, ...userRules];
