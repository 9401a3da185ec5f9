import type { OpenSearchProps } from '../../constructs/aws/opensearch/props.ts';
import type { EnvironmentIdentity } from '../../constructs/core/identity.ts';
import { define, large, network } from './opensearch.ts';

type Refusal = readonly [what: string, props: Partial<OpenSearchProps>, problem: string, identity?: Partial<EnvironmentIdentity>];

const unprotected = { deletionProtection: false };
const acm = 'arn:aws:acm:eu-central-1:111111111111:certificate/1';
const warm = { ...large, warmNodes: 2, warmNodeType: 'ultrawarm1.medium.search' };

const refusals: readonly Refusal[] = [
  [
    'names are too long together',
    { service: 'a'.repeat(24) },
    `environment and service name together must be at most 28 lower-case letters, digits and hyphens, got "test-${'a'.repeat(24)}"`,
  ],
  ['the role is none of OpenSearch', { role: 'cache' }, 'role must be search, got "cache"'],
  [
    'the version is unknown',
    { overrides: { version: '7.10' } },
    'version must be one of 2.11, 2.13, 2.15, 2.17, 2.19, 3.1, 3.3, 3.5, got "7.10"',
  ],
  [
    'a domain is to go back',
    { upgradeFrom: '2.19', overrides: { version: '2.17' } },
    'version must be one that 2.19 can be upgraded to, got 2.17: a domain never goes back; restore a snapshot into a new one',
  ],
  [
    'a domain is to go back to another major version',
    { upgradeFrom: '3.1' },
    'version must be one that 3.1 can be upgraded to, got 2.19: a domain never goes back',
  ],
  [
    'the declaration says that a domain is to go back',
    { upgradeFrom: '2.11', overrides: { upgradeFrom: '2.19', version: '2.17' } },
    'version must be one that 2.19 can be upgraded to, got 2.17',
  ],
  [
    'an upgrade leaves out the last version before',
    { upgradeFrom: '2.17', overrides: { version: '3.1' } },
    'version must be one that 2.17 can be upgraded to, got 3.1: upgrade to 2.19 first',
  ],
  [
    'the node type is none of search',
    { overrides: { dataNodeType: 'm7g.large' } },
    'node types must be of the form m7g.large.search, got "m7g.large"',
  ],
  [
    'the type of masters is none of search',
    { overrides: { ...large, masterNodeType: 'm7g' } },
    'node types must be of the form m7g.large.search, got "m7g"',
  ],
  [
    'a family has no node of that size',
    { overrides: { dataNodeType: 't3.micro.search' } },
    'node types must be ones that AWS has, got t3.micro.search: t3 has small, medium',
  ],
  ['data lie on warm nodes', { overrides: { ...large, dataNodeType: 'ultrawarm1.medium.search' } }, 'ultrawarm1 is for warm nodes alone'],
  [
    'the disks cannot be encrypted',
    { overrides: { dataNodeType: 't2.small.search' } },
    'node types must be ones that can be encrypted at rest, got t2.small.search',
  ],
  [
    'the disks of masters cannot be encrypted',
    { overrides: { ...large, masterNodeType: 'm3.medium.search' } },
    'node types must be ones that can be encrypted at rest, got m3.medium.search',
  ],
  ['there is no data node', { overrides: { dataNodes: 0 } }, 'dataNodes must be a whole number of at least 1, got 0'],
  ['there are too many small nodes', { overrides: { dataNodes: 12 } }, 'dataNodes must be at most 10 of t3.small.search, got 12'],
  [
    'a protected environment has two data nodes',
    { zones: 2, overrides: { dataNodes: 2 } },
    'dataNodes must be at least 3 where the environment protects against deletion, got 2',
  ],
  [
    'there are more zones than subnets',
    { zones: 3, network: { ...network, privateSubnetIds: ['subnet-a', 'subnet-b'] } },
    'zones must be at most the 2 that the network has subnets in, got 3',
  ],
  ['a protected environment has one zone', { zones: 1 }, 'zones must be at least 2 where the environment protects against deletion, got 1'],
  [
    'the zones are unequal',
    { overrides: { dataNodes: 4 } },
    'dataNodes must be a multiple of the 3 zones, so that each holds an equal part, got 4: change it, or zones',
  ],
  ['two zones stand by', { standby: true, zones: 2, overrides: { ...large, dataNodes: 4 } }, 'zones must be 3 with standby, got 2'],
  ['zones stand by without masters', { standby: true }, 'dedicatedMasters must be 3 with standby, got 0'],
  [
    'small nodes stand by',
    { standby: true, overrides: { dedicatedMasters: 3 } },
    'node types must not be t2 or t3 with standby, got t3.small.search',
  ],
  [
    'warm nodes are unequal over zones that stand by',
    { standby: true, overrides: { ...warm } },
    'warmNodes must be a multiple of the 3 zones with standby, got 2',
  ],
  [
    'a larger protected environment has no masters',
    { overrides: { dedicatedMasters: 0 } },
    'dedicatedMasters must be 3 in a protected environment of size medium, got 0',
    { size: 'medium' },
  ],
  [
    'masters run out of credits',
    { overrides: { ...large, masterNodeType: 't3.medium.search' } },
    'masterNodeType must not be t2 or t3, got t3.medium.search',
  ],
  ['there is one warm node', { overrides: { ...warm, warmNodes: 1 } }, 'warmNodes must be 0 or from 2 to 150, got 1'],
  ['there are too many warm nodes', { overrides: { ...warm, warmNodes: 151 } }, 'warmNodes must be 0 or from 2 to 150, got 151'],
  ['warm nodes have no masters', { overrides: { ...warm, dedicatedMasters: 0 } }, 'dedicatedMasters must be 3 with warm nodes, got 0'],
  [
    'warm nodes stand beside small ones',
    { overrides: { ...warm, dataNodeType: 't3.medium.search', diskGiB: 100 } },
    'dataNodeType must not be t2 or t3 with warm nodes, got t3.medium.search',
  ],
  [
    'warm nodes are of another type',
    { overrides: { ...warm, warmNodeType: 'r7g.large.search' } },
    'warmNodeType must be one of ultrawarm1.medium.search, ultrawarm1.large.search, ultrawarm1.xlarge.search, got "r7g.large.search"',
  ],
  [
    'there is cold storage without warm nodes',
    { overrides: { ...large, coldStorage: true } },
    'warmNodes must be at least 2 with cold storage, whose indices are read through them, got 0',
  ],
  ['the declaration wants small nodes tuned', { overrides: { autoTune: true } }, 'autoTune must be false for t2 and t3, got true'],
  ['small nodes are to be tuned', { autoTune: true }, 'autoTune must be false for t2 and t3, got true with t3.small.search'],
  [
    'a disk is given to nodes that have their own',
    { overrides: { ...large, dataNodeType: 'r6gd.large.search' } },
    'diskGiB, iops and throughputMiBps must be left out for r6gd.large.search, which has disks of its own, got some',
  ],
  ['the disk is too small', { overrides: { diskGiB: 9 } }, 'diskGiB must be from 10 to 100 for t3.small.search, got 9'],
  ['the disk is too large', { overrides: { diskGiB: 101 } }, 'diskGiB must be from 10 to 100 for t3.small.search, got 101'],
  ['there are less IOPS than the price includes', { iops: 2_999 }, 'iops must be from 3000 to 10000 for 20 GiB, got 2999'],
  [
    'there are more IOPS than a volume can have',
    { iops: 16_001, overrides: large },
    'iops must be from 3000 to 16000 for 500 GiB, got 16001',
  ],
  [
    'there is less throughput than the price includes',
    { throughputMiBps: 125, overrides: large },
    'throughputMiBps must be from 250 to 1000 for 500 GiB, got 125',
  ],
  [
    'there is more throughput than the IOPS carry',
    { throughputMiBps: 1_000 },
    'iops must be at least 4 for each of the 1000 MiB/s, got 3000',
  ],
  ['nobody may become the master user', { masterRolePrincipals: [] }, 'masterRolePrincipals must hold at least one ARN, got none'],
  [
    'everybody may become the master user',
    { masterRolePrincipals: ['*', 'arn:aws:iam::111111111111:role/*'] },
    'masterRolePrincipals must be ARNs of IAM without wildcards, got "*", "arn:aws:iam::111111111111:role/*"',
  ],
  [
    'the endpoint is no host name',
    { customEndpoint: { hostName: 'https://search.example.com', certificateArn: acm } },
    'customEndpoint.hostName must be of the form search.example.com, got "https://search.example.com"',
  ],
  [
    'the certificate is not from ACM',
    { customEndpoint: { hostName: 'search.example.com', certificateArn: 'arn:aws:iam::111111111111:server-certificate/x' } },
    'customEndpoint.certificateArn must be that of a certificate in ACM, got "arn:aws:iam::',
  ],
  ['the off-peak window begins at no time', { offPeakStart: '24:00' }, 'offPeakStart must be a time of the form 20:00, got "24:00"'],
  [
    'an option would differ in every plan',
    { advancedOptions: { override_main_response_version: 'true' } },
    'advancedOptions must be among rest.action.multi.allow_explicit_index, indices.fielddata.cache.size, indices.query.bool.max_clause_count, got override_main_response_version',
  ],
  [
    'backups are to be kept longer than AWS keeps its own',
    { snapshotBucket: false },
    'snapshotBucket must be true where the environment keeps backups for more than the 14 days that AWS keeps its hourly ones, got 15 days',
    { ...unprotected, backupDays: 15 },
  ],
  [
    'a protected environment has the snapshots of AWS alone',
    { snapshotBucket: false },
    'snapshotBucket must be true where the environment protects against deletion, got false',
  ],
  [
    'the name of the bucket is too long',
    { service: 'search-of-the-logs' },
    'the name of the bucket for snapshots must have at most 63 characters, got "millrace-test-search-of-the-logs-backup-111111111111-ap-southeast-1"',
    { region: 'ap-southeast-1' },
  ],
];

for (const [what, props, problem, identity] of refusals) {
  test(`fails if ${what}`, () => {
    expect(() => define(props, identity)).toThrow(
      expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(problem) }),
    );
  });
}

test.each([
  ['two nodes in two zones where nothing is protected', { zones: 2, overrides: { dataNodes: 2 } }, unprotected],
  ["fourteen days without a bucket of one's own where nothing is protected", { snapshotBucket: false }, { ...unprotected, backupDays: 14 }],
  ['ten small nodes', { zones: 2, overrides: { dataNodes: 10 } }, {}],
  ['all the IOPS of a large volume', { iops: 16_000, overrides: large }, {}],
  ['the longest name', { service: 'a'.repeat(23), snapshotBucket: false }, unprotected],
] as const)('takes %s', (_what, props, identity) => {
  expect(() => define(props, identity)).not.toThrow();
});

test('all problems are named at once', () => {
  expect(() => define({ role: 'cache', offPeakStart: 'noon', overrides: { version: '1.3' } })).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^opensearch search has 3 problems:\n/) }),
  );
});
