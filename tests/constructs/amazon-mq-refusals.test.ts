import type { AmazonMqProps } from '../../constructs/aws/amazon-mq/props.ts';
import type { RabbitVersion } from '../../constructs/aws/amazon-mq/versions.ts';
import type { EnvironmentIdentity } from '../../constructs/core/identity.ts';
import { define, network } from './amazon-mq.ts';

type Refusal = readonly [what: string, props: Partial<AmazonMqProps>, problem: string, identity?: Partial<EnvironmentIdentity>];

const refusals: readonly Refusal[] = [
  [
    'names are too long together',
    { service: 'a'.repeat(46) },
    `must be at most 50 lower-case letters, digits and hyphens, got "test-${'a'.repeat(46)}"`,
  ],
  ['the role is none of RabbitMQ', { role: 'events' }, 'role must be one of tasks, jobs, got "events"'],
  [
    'the version has a patch',
    { overrides: { version: '3.13.7' as RabbitVersion } },
    'version must be one of 3.13, 4.2, without the patch, which AWS manages, got "3.13.7"',
  ],
  [
    'version 4 is to run on another family',
    { overrides: { instanceType: 'mq.m5.large' } },
    'instanceType must be one of mq.m7g.(medium|large|xlarge|2xlarge|4xlarge|8xlarge|12xlarge|16xlarge) for RabbitMQ 4.2, got "mq.m5.large"',
  ],
  [
    'a cluster is to be of the smallest type',
    { overrides: { instanceType: 'mq.t3.micro', version: '3.13', nodes: 3 } },
    'instanceType must be larger for a cluster, got mq.t3.micro, which is for one node',
  ],
  ['there are two nodes', { overrides: { nodes: 2 as 3 } }, 'nodes must be 1 or 3, got 2'],
  [
    'a protected environment of some size has one node',
    { overrides: { nodes: 1 } },
    'nodes must be 3 where an environment of size medium protects against deletion, got 1',
    { size: 'medium' },
  ],
  [
    'one node has two subnets',
    { subnetIds: ['subnet-a', 'subnet-b'] },
    'subnetIds must be exactly one for one node, got subnet-a, subnet-b',
  ],
  ['one node has no subnet', { network: { ...network, privateSubnetIds: [] } }, 'subnetIds must be exactly one for one node, got none'],
  [
    'a cluster has one subnet',
    { overrides: { nodes: 3 }, subnetIds: ['subnet-a'] },
    'subnetIds must be in at least 2 zones for a cluster, got subnet-a',
  ],
  [
    'a subnet is named twice',
    { overrides: { nodes: 3 }, subnetIds: ['subnet-a', 'subnet-a'] },
    'subnetIds must be different, one a zone, got subnet-a twice',
  ],
  [
    'the user is guest',
    { username: 'guest' },
    'username must be 2 to 100 letters, digits, dots, underscores and hyphens other than guest, got "guest"',
  ],
  ['the user has a tilde', { username: 'a~b' }, 'username must be 2 to 100'],
  [
    'the configuration is wrong in two places',
    { configuration: { heartbeat: 1, consumer_timeout: -1 } },
    'configuration: heartbeat must be a whole number from 60 to 3600, got 1; consumer_timeout must be',
  ],
  [
    'the name of the configuration is none',
    { configurationName: 'a b' },
    'configurationName must be at most 150 letters, digits, dots, underscores, tildes and hyphens, got "a b"',
  ],
  ['the maintenance begins at no time', { maintenanceStart: 'sunday' }, 'maintenanceStart must be of the form sun:04:00, got "sunday"'],
  ['the maintenance begins at an hour that is none', { maintenanceStart: 'sun:24:00' }, 'maintenanceStart must be of the form sun:04:00'],
  [
    'a log group has a full name',
    { adoptedLogs: ['/aws/amazonmq/broker/b-1/general'] },
    'adoptedLogs must be last parts of names such as general, got "/aws/amazonmq/broker/b-1/general"',
  ],
  ['a log group is named twice', { adoptedLogs: ['general', 'general'] }, 'adoptedLogs must be different, got general twice'],
];

test.each(refusals.map((refusal) => ({ refusal, what: refusal[0] })))('fails if $what', ({ refusal: [, props, problem, identity] }) => {
  expect(() => define(props, identity)).toThrow(
    expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(problem) }),
  );
});

test('one node is enough where the environment is small or may be destroyed', () => {
  expect(() => define({ overrides: { nodes: 1 } }, { size: 'small', deletionProtection: true })).not.toThrow();
  expect(() => define({ overrides: { nodes: 1 } }, { size: 'large', deletionProtection: false })).not.toThrow();
});

test('all problems are named at once', () => {
  expect(() => define({ role: 'cache', username: 'guest', maintenanceStart: 'now' })).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^amazon-mq tasks has 3 problems:\n/) }),
  );
});
