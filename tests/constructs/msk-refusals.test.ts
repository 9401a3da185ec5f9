import type { MskProps } from '../../constructs/aws/msk/props.ts';
import type { ServerProperties } from '../../constructs/aws/msk/server-properties.ts';
import type { EnvironmentIdentity } from '../../constructs/core/identity.ts';
import { network } from './elasticache.ts';
import { define } from './msk.ts';

const open = { deletionProtection: false };
const express = { brokerType: 'express.m7g.large' } as const;
const large = { brokerType: 'kafka.m7g.4xlarge' } as const;
const subnets = (...privateSubnetIds: string[]) => ({ ...network, privateSubnetIds });
const properties = (serverProperties: ServerProperties) => ({ serverProperties });

type Refusal = readonly [what: string, props: Partial<MskProps>, problem: string, identity?: Partial<EnvironmentIdentity>];
const refusals: readonly Refusal[] = [
  ['names are too long together', { service: 'a'.repeat(60) }, `must be at most 64 lower-case letters, digits and hyphens, got "test-`],
  ['the role is none of Kafka', { role: 'cache' }, 'role must be one of log, events, got "cache"'],
  ['it should be serverless', { overrides: { serverless: true } }, 'it belongs to MskServerless'],
  ['the broker type is none', { overrides: { brokerType: 'kafka.m9.large' } }, 'brokerType must be one of kafka.t3.small, kafka.m5.large,'],
  ['the version is over', { overrides: { ...large, version: '3.6.0' } }, 'version must be one of 3.8.x, 3.8.x.kraft, 3.9.x,'],
  [
    'a burstable broker should run KRaft',
    { overrides: { version: '3.9.x.kraft' } },
    'version must be one of 3.8.x, 3.9.x for kafka.t3.small, got "3.9.x.kraft": that type has no KRaft',
  ],
  [
    'Express has no such version',
    { overrides: { ...express, version: '3.9.x' } },
    'version must be one of 3.8.x, 3.9.x.kraft, 4.2.x.kraft for express.m7g.large, got "3.9.x"',
  ],
  [
    'a cluster is to leave ZooKeeper at once',
    { overrides: { ...large, upgradeFrom: '3.9.x' } },
    'version must be one that 3.9.x can be upgraded to, got 4.1.x.kraft: ZooKeeper is left in steps: version 3.9.x, deploy, then 3.9.x.kraft, deploy',
  ],
  [
    'a cluster is to leave ZooKeeper from an older line',
    { overrides: { ...large, upgradeFrom: '3.8.x', version: '3.9.x.kraft' } },
    'version must be one that 3.8.x can be upgraded to, got 3.9.x.kraft: ZooKeeper is left in steps',
  ],
  [
    'a cluster is to go back',
    { overrides: { ...large, upgradeFrom: '4.1.x.kraft', version: '4.0.x.kraft' } },
    'version must be one that 4.1.x.kraft can be upgraded to, got 4.0.x.kraft: a cluster never goes back',
  ],
  [
    'a cluster is to go back to ZooKeeper',
    { overrides: { upgradeFrom: '3.9.x.kraft' } },
    'version must be one that 3.9.x.kraft can be upgraded to, got 3.9.x: a cluster never goes back',
  ],
  [
    'what runs is no version',
    { overrides: { upgradeFrom: 'latest' } },
    'version must be one that latest can be upgraded to, got 3.9.x: latest is no version as MSK writes it',
  ],
  ['the network has one subnet', { network: subnets('subnet-a') }, 'the network must have private subnets in at least 2 zones, got 1'],
  [
    'Express has two zones',
    { network: subnets('subnet-a', 'subnet-b'), overrides: { ...express, brokers: 4 } },
    'in at least 3 zones for Express brokers, got 2',
  ],
  ['there are too many brokers', { overrides: { brokers: 33 } }, 'brokers must be between 1 and 30 for Kafka 3.9.x, got 33'],
  [
    'KRaft has too many brokers',
    { overrides: { ...large, brokers: 63 } },
    'brokers must be between 1 and 60 for Kafka 4.1.x.kraft, got 63',
  ],
  ['zones have different numbers of brokers', { overrides: { brokers: 4 } }, 'brokers must be a multiple of the 3 zones, got 4'],
  ['the monitoring level is none', { monitoringLevel: 'DEFAULT' as 'PER_BROKER' }, 'monitoringLevel must be one of PER_BROKER,'],
  [
    'standard brokers should be rebalanced',
    { rebalancing: true },
    'rebalancing must be set for Express brokers alone, got it for kafka.t3.small',
  ],
  [
    'there is one copy',
    { overrides: { replicationFactor: 1, minInSyncReplicas: 1 } },
    'replicationFactor must be at least 2, so that topics stay while MSK patches a broker, got 1',
    open,
  ],
  ['there are more copies than brokers', { overrides: { replicationFactor: 4 } }, 'replicationFactor must be at most the 3 brokers, got 4'],
  [
    'all copies must acknowledge',
    { overrides: { minInSyncReplicas: 3 } },
    'minInSyncReplicas must be at least 1 and less than the replicationFactor 3, so that producers go on while a broker is patched, got 3',
  ],
  [
    'a protected environment keeps two copies',
    { overrides: { replicationFactor: 2, minInSyncReplicas: 1 } },
    'replicationFactor must be at least 3 and minInSyncReplicas 2 where the environment protects against deletion, got 2 and 1',
  ],
  [
    'Express should keep other than three copies',
    { overrides: { ...express, minInSyncReplicas: 1 } },
    'replicationFactor must be 3 and minInSyncReplicas 2 for Express brokers, got 3 and 1',
    open,
  ],
  ['Express should have disks', { overrides: { ...express, diskGiB: 100 } }, 'diskGiB must not be set for Express brokers'],
  ['a disk is too large', { overrides: { diskGiB: 20_000 } }, 'diskGiB must be between 1 and 16384, got 20000'],
  ['disks should shrink', { overrides: { diskGiB: 100, maxDiskGiB: 50 } }, 'maxDiskGiB must be between the diskGiB 100 and 16384, got 50'],
  [
    'disks could not grow a step',
    { overrides: { diskGiB: 100, maxDiskGiB: 105 } },
    'maxDiskGiB must equal the diskGiB 100 or be at least 10 more, which is one step, got 105',
  ],
  ['disks grow too late', { storageTargetPercent: 90 }, 'storageTargetPercent must be between 10 and 80, got 90'],
  [
    'small brokers should have throughput',
    { storageThroughputMiBs: 250 },
    'storageThroughputMiBs must be left out for brokers smaller than',
  ],
  [
    'there is too much throughput',
    { overrides: large, storageThroughputMiBs: 700 },
    'storageThroughputMiBs must be between 250 and 625 for kafka.m7g.4xlarge, got 700',
  ],
  [
    'the disk is too small for throughput',
    { overrides: { ...large, diskGiB: 5 }, storageThroughputMiBs: 300 },
    'diskGiB must be at least 10 for storageThroughputMiBs, got 5',
  ],
  ['burstable brokers should have tiers', { tieredStorage: true }, 'tieredStorage must be false for kafka.t3.small, got true'],
  ['Express should have tiers', { overrides: express, tieredStorage: true }, 'tieredStorage must be false for express.m7g.large, got true'],
  [
    'a property is not to be set',
    properties({ 'zookeeper.connect': 'x' } as ServerProperties),
    'serverProperties must be some that MSK lets one set, got "zookeeper.connect"',
  ],
  [
    'a property is not to be set on Express',
    { overrides: express, ...properties({ 'num.io.threads': 16 }) },
    'serverProperties must be some that MSK lets one set on Express brokers, got "num.io.threads"',
  ],
  ['copies are said twice', properties({ 'min.insync.replicas': 1 }), 'serverProperties must not hold min.insync.replicas, got it'],
  [
    'a leader may have lost messages',
    properties({ 'unclean.leader.election.enable': true }),
    'unclean.leader.election.enable must be false, got true',
  ],
  ['topics come unasked', properties({ 'auto.create.topics.enable': 'true' }), 'auto.create.topics.enable must be false, got true'],
  [
    'retention is said twice',
    properties({ 'log.retention.ms': 1, 'log.retention.hours': 1 }),
    'must hold one of log.retention.ms, log.retention.minutes, log.retention.hours, got log.retention.ms, log.retention.hours',
  ],
  ['topics have no partitions', properties({ 'num.partitions': 0 }), 'num.partitions must be at least 1, got 0'],
  [
    'compacted topics should have tiers',
    { overrides: large, tieredStorage: true, ...properties({ 'log.cleanup.policy': 'compact' }) },
    'log.cleanup.policy must be delete with tieredStorage, got "compact"',
  ],
  [
    'segments are too small for tiers',
    { overrides: large, tieredStorage: true, ...properties({ 'log.segment.bytes': 1_048_576 }) },
    'log.segment.bytes must be at least 50331648 with tieredStorage, got 1048576',
  ],
  [
    'a value holds another property',
    properties({ 'compression.type': 'producer\nmin.insync.replicas=1' }),
    'serverProperties must have values of one line, got more for compression.type',
  ],
  ['a user has no proper name', { scramUsers: ['Legacy User'] }, 'scramUsers must have names of lower-case letters, digits and hyphens'],
  ['a user is named twice', { scramUsers: ['legacy', 'legacy'] }, 'scramUsers must differ, got legacy twice'],
  [
    'there are too many users',
    { scramUsers: Array.from({ length: 1_001 }, (_, index) => `user-${index}`) },
    'scramUsers must be at most 1000, got 1001',
  ],
  [
    'nobody is there to be bound',
    { bindAs: 'scram' },
    'scramUsers must hold the user that the binding names where bindAs is scram, got none',
  ],
];

test.each(refusals.map(([what, props, problem, identity = {}]) => ({ what, props, problem, identity })))(
  'fails if $what',
  ({ props, problem, identity }) => {
    expect(() => define(props, identity)).toThrow(
      expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(problem) }),
    );
  },
);

test('all problems are named at once', () => {
  expect(() => define({ role: 'cache', storageTargetPercent: 5, scramUsers: ['A'] })).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^msk log has 3 problems:\n/) }),
  );
});

test('what is refused for protected environments alone is allowed in others', () => {
  expect(() => define({ overrides: { replicationFactor: 2, minInSyncReplicas: 1 } }, open)).not.toThrow();
});

test.each([
  ['3.8.x', '3.9.x'],
  ['3.9.x', '3.9.x.kraft'],
  ['3.9.0', '3.9.x.kraft'],
  ['3.9.x.kraft', '4.1.x.kraft'],
  ['4.1.x.kraft', '4.1.x.kraft'],
])('a cluster may go from %s to %s', (upgradeFrom, version) => {
  expect(() => define({ overrides: { ...large, upgradeFrom, version } })).not.toThrow();
});
