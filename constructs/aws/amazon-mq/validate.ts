import { differentRule, nameRule, roleRule } from '../../core/rules.ts';
import { listed, quoted, type Rule, repeated } from '../../core/validate.ts';
import { parseWeeklyWindow } from '../../core/windows.ts';
import { configurationProblems } from './configuration.ts';
import type { ResolvedAmazonMq } from './resolve.ts';
import { instanceTypesOf, rabbitVersions, runsOn, smallestInstanceType } from './versions.ts';

/** @see https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers.html */
const longestName = 50;
/** @see https://docs.aws.amazon.com/amazon-mq/latest/api-reference/configurations.html */
const longestConfigurationName = 150;

const misnamedLogs = ({ adoptedLogs }: ResolvedAmazonMq): string[] => adoptedLogs.filter((name) => !/^[a-z]+$/.test(name));
const isWeekly = (start: string): boolean => parseWeeklyWindow(`${start}-${start}`) !== undefined;

/** What a broker must be. */
export const amazonMqRules: readonly Rule<ResolvedAmazonMq>[] = [
  nameRule('brokerName', longestName),
  roleRule(['tasks', 'jobs']),
  {
    condition: ({ version }) => !rabbitVersions.includes(version),
    message: ({ version }) =>
      `version must be one of ${rabbitVersions.join(', ')}, without the patch, which AWS manages, got ${quoted(version)}`,
  },
  {
    condition: ({ version, instanceType }) => rabbitVersions.includes(version) && !runsOn(version, instanceType),
    message: ({ version, instanceType }) =>
      `instanceType must be one of ${instanceTypesOf(version).join(', ')} for RabbitMQ ${version}, got ${quoted(instanceType)}`,
  },
  {
    condition: ({ nodes, instanceType }) => nodes === 3 && instanceType === smallestInstanceType,
    message: ({ instanceType }) => `instanceType must be larger for a cluster, got ${instanceType}, which is for one node`,
  },
  {
    condition: ({ nodes }) => nodes !== 1 && nodes !== 3,
    message: ({ nodes }) => `nodes must be 1 or 3, got ${nodes}`,
  },
  {
    condition: ({ nodes, size, deletionProtection }) => deletionProtection && size !== 'small' && nodes === 1,
    message: ({ nodes, size }) =>
      `nodes must be 3 where an environment of size ${size} protects against deletion, got ${nodes}: every patch would stop the broker`,
  },
  {
    condition: ({ nodes, subnetIds }) => nodes === 1 && subnetIds.length !== 1,
    message: ({ subnetIds }) => `subnetIds must be exactly one for one node, got ${listed(subnetIds)}`,
  },
  {
    condition: ({ nodes, subnetIds }) => nodes === 3 && subnetIds.length < 2,
    message: ({ subnetIds }) => `subnetIds must be in at least 2 zones for a cluster, got ${listed(subnetIds)}`,
  },
  {
    condition: ({ subnetIds }) => repeated(subnetIds).length > 0,
    message: ({ subnetIds }) => `subnetIds must be different, one a zone, got ${repeated(subnetIds).join(', ')} twice`,
  },
  {
    condition: ({ username }) => !/^[A-Za-z0-9._-]{2,100}$/.test(username) || username === 'guest',
    message: ({ username }) =>
      `username must be 2 to 100 letters, digits, dots, underscores and hyphens other than guest, got ${quoted(username)}`,
  },
  {
    condition: ({ configuration, version }) => configurationProblems(configuration, version).length > 0,
    message: ({ configuration, version }) => `configuration: ${configurationProblems(configuration, version).join('; ')}`,
  },
  {
    condition: ({ configurationName: name = 'unset' }) => name.length > longestConfigurationName || !/^[A-Za-z0-9._~-]+$/.test(name),
    message: ({ configurationName: name }) =>
      `configurationName must be at most ${longestConfigurationName} letters, digits, dots, underscores, tildes and hyphens, got ${quoted(name)}`,
  },
  {
    condition: ({ maintenanceStart }) => !isWeekly(maintenanceStart),
    message: ({ maintenanceStart }) => `maintenanceStart must be of the form sun:04:00, got ${quoted(maintenanceStart)}`,
  },
  {
    condition: (broker) => misnamedLogs(broker).length > 0,
    message: (broker) => `adoptedLogs must be last parts of names such as general, got ${misnamedLogs(broker).map(quoted).join(', ')}`,
  },
  differentRule('adoptedLogs'),
];
