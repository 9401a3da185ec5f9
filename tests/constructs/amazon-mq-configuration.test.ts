import {
  configurationKeys,
  configurationProblems,
  type RabbitConfiguration,
  renderConfiguration,
} from '../../constructs/aws/amazon-mq/configuration.ts';
import { runsOn } from '../../constructs/aws/amazon-mq/versions.ts';

const untyped = (configuration: Record<string, unknown>) => configuration as RabbitConfiguration;

test('every key renders as a line, in the order of the names, whatever the order they are given in', () => {
  expect(renderConfiguration({ heartbeat: 60, connection_max: 500 })).toBe(
    '# RabbitMQ, by Millrace\nconnection_max = 500\nheartbeat = 60\n',
  );
  expect(renderConfiguration({ connection_max: 500, heartbeat: 60 })).toBe(renderConfiguration({ heartbeat: 60, connection_max: 500 }));
});

test('the bounds themselves are accepted', () => {
  expect(configurationProblems({ heartbeat: 60, consumer_timeout: 0 }, '3.13')).toEqual([]);
  expect(configurationProblems({ heartbeat: 3_600, consumer_timeout: 2_147_483_647, max_message_size: 134_217_728 }, '4.2')).toEqual([]);
});

test.each([
  ['a heartbeat is too short', untyped({ heartbeat: 59 }), 'heartbeat must be a whole number from 60 to 3600, got 59'],
  ['a heartbeat is text', untyped({ heartbeat: '60' }), 'heartbeat must be a whole number from 60 to 3600, got "60"'],
  [
    'a switch is a number',
    untyped({ 'management.restrictions.operator_policy_changes.disabled': 0 }),
    'management.restrictions.operator_policy_changes.disabled must be true or false, got 0',
  ],
  [
    'definitions are loaded',
    untyped({ 'management.load_definitions': '/tmp/x' }),
    'management.load_definitions must be left out, Amazon MQ offers',
  ],
  ['a key has the name of a method', untyped({ toString: 1 }), 'toString must be left out, Amazon MQ offers'],
  ['the default type of queues is set', untyped({ default_queue_type: 'quorum' }), 'default_queue_type must be left out'],
  ['a message may be larger than any', { max_message_size: 134_217_729 }, 'max_message_size must be a whole number from 1 to 134217728'],
])('fails if %s', (_what, configuration, problem) => {
  expect(configurationProblems(configuration, '4.2')).toEqual([expect.stringContaining(problem)]);
});

const limits = Object.entries(configurationKeys).flatMap(([name, { versions }]) => ((versions as string[]).includes('3.13') ? [] : [name]));

test('the limits of resources are those of version 4', () => expect(limits).toHaveLength(8));

test.each(limits)('fails if the limit %s is set on 3.13', (name) => {
  expect(configurationProblems(untyped({ [name]: 1 }), '3.13')).toEqual([`${name} must be left out on 3.13, it begins with 4.2`]);
});

test.each([
  ['4.2', 'mq.m7g.large', true],
  ['4.2', 'mq.m5.large', false],
  ['4.2', 'mq.t3.micro', false],
  ['3.13', 'mq.t3.micro', true],
  ['3.13', 'mq.m5.4xlarge', true],
  ['3.13', 'mq.m7g.16xlarge', true],
  ['3.13', 'mq.m7g.tiny', false],
  ['3.13', 'mq.toString.large', false],
  ['3.13', 'cache.m7g.large', false],
] as const)('RabbitMQ %s on %s: %s', (version, instanceType, expected) => expect(runsOn(version, instanceType)).toBe(expected));
