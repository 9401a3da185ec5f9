import { nameRule, roleRule } from '../../core/rules.ts';
import { quoted, type Rule } from '../../core/validate.ts';
import { isTimeOfDay } from '../../core/windows.ts';
import { longestBucketName } from '../foundation/bucket.ts';
import type { ResolvedOpenSearch } from './resolve.ts';
import { nodeRules } from './validate-nodes.ts';
import { isKnownVersion, knownVersions, upgradeProblem } from './versions.ts';

const longestName = 28;
/** AWS takes a snapshot of every domain each hour and keeps it that long, in a bucket that is not ours: for the same domain alone, and gone with it. */
const automatedSnapshotDays = 14;
/** What AWS takes besides `override_main_response_version`, which the provider can neither send nor compare. */
const knownOptions = ['rest.action.multi.allow_explicit_index', 'indices.fielddata.cache.size', 'indices.query.bool.max_clause_count'];

const unknownOptions = ({ advancedOptions }: ResolvedOpenSearch): string[] =>
  Object.keys(advancedOptions).filter((name) => !knownOptions.includes(name));
const strangers = ({ masterRolePrincipals }: ResolvedOpenSearch): string[] =>
  masterRolePrincipals.filter((arn) => !/^arn:[a-z-]+:(iam|sts)::\d{12}:[^*]+$/.test(arn) && !isToken(arn));
const upgrade = ({ upgradeFrom, version }: ResolvedOpenSearch): string | undefined =>
  upgradeFrom === undefined ? undefined : upgradeProblem(upgradeFrom, version);

/** Whether Terraform fills the value in, so that there is nothing to judge yet. */
function isToken(text: string): boolean {
  return text.includes('${');
}

const nameRules: readonly Rule<ResolvedOpenSearch>[] = [
  nameRule('domainName', longestName),
  roleRule(['search']),
  {
    condition: ({ version }) => !isKnownVersion(version),
    message: ({ version }) => `version must be one of ${knownVersions.join(', ')}, got ${quoted(version)}`,
  },
  {
    condition: (domain) => upgrade(domain) !== undefined,
    message: (domain) => `version must be one that ${domain.upgradeFrom} can be upgraded to, got ${domain.version}: ${upgrade(domain)}`,
  },
];

const accessRules: readonly Rule<ResolvedOpenSearch>[] = [
  {
    condition: ({ masterRolePrincipals }) => masterRolePrincipals.length === 0,
    message: () => 'masterRolePrincipals must hold at least one ARN, got none: nobody could administer the domain',
  },
  {
    condition: (domain) => strangers(domain).length > 0,
    message: (domain) => `masterRolePrincipals must be ARNs of IAM without wildcards, got ${strangers(domain).map(quoted).join(', ')}`,
  },
  {
    condition: ({ customEndpoint }) =>
      customEndpoint !== undefined && !isToken(customEndpoint.hostName) && !/^([a-z0-9-]+\.)+[a-z]{2,}$/.test(customEndpoint.hostName),
    message: ({ customEndpoint }) =>
      `customEndpoint.hostName must be of the form search.example.com, got ${quoted(customEndpoint?.hostName)}`,
  },
  {
    condition: ({ customEndpoint }) =>
      customEndpoint !== undefined && !isToken(customEndpoint.certificateArn) && !/^arn:[a-z-]+:acm:/.test(customEndpoint.certificateArn),
    message: ({ customEndpoint }) =>
      `customEndpoint.certificateArn must be that of a certificate in ACM, got ${quoted(customEndpoint?.certificateArn)}`,
  },
];

const upkeepRules: readonly Rule<ResolvedOpenSearch>[] = [
  {
    condition: ({ offPeakStart }) => !isTimeOfDay(offPeakStart),
    message: ({ offPeakStart }) => `offPeakStart must be a time of the form 20:00, got ${quoted(offPeakStart)}`,
  },
  {
    condition: (domain) => unknownOptions(domain).length > 0,
    message: (domain) => `advancedOptions must be among ${knownOptions.join(', ')}, got ${unknownOptions(domain).join(', ')}`,
  },
  {
    condition: ({ snapshotBucket, backupDays }) => !snapshotBucket && backupDays > automatedSnapshotDays,
    message: ({ backupDays }) =>
      `snapshotBucket must be true where the environment keeps backups for more than the ${automatedSnapshotDays} days that AWS keeps its hourly ones, got ${backupDays} days`,
  },
  {
    condition: ({ snapshotBucket, deletionProtection }) => !snapshotBucket && deletionProtection,
    message: () =>
      'snapshotBucket must be true where the environment protects against deletion, got false: the snapshots of AWS go with the domain',
  },
  {
    condition: ({ snapshotBucket, snapshotBucketName }) => snapshotBucket && snapshotBucketName.length > longestBucketName,
    message: ({ snapshotBucketName }) =>
      `the name of the bucket for snapshots must have at most ${longestBucketName} characters, got ${quoted(snapshotBucketName)}: shorten the name of the service`,
  },
];

/** What a domain must be. */
export const openSearchRules: readonly Rule<ResolvedOpenSearch>[] = [...nameRules, ...nodeRules, ...accessRules, ...upkeepRules];
