import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProbeFunction } from '../../constructs/aws/probe-function/index.ts';
import { probedServices, probeSeriesCount, probeTargets } from '../../constructs/aws/probe-function/target.ts';
import type { PolicyStatement } from '../../constructs/core/policy.ts';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { staging } from '../../environments/staging.ts';
import { type Signal, type SignalName, signals } from '../../runtime/src/contracts/signals.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';
import { allow } from './worker.ts';

const looksAt = { events: allow('events'), database: allow('database') };

function define(use: (made: ProbeFunction) => void = () => undefined): Template {
  return inTemporaryFolder((folder) => {
    const code = join(folder, 'probe.zip');
    writeFileSync(code, 'the code');
    return Template.of((stack) => {
      const network = { vpcId: 'vpc-1', privateSubnetIds: ['subnet-a', 'subnet-b'], clients: { securityGroupId: 'sg-clients' } };
      const binding = { parameterName: '/millrace/test/binding', documentsBucket: 'documents-of-test' };
      use(new ProbeFunction(stack, 'Probe', { network, encryptionKeyArn: 'arn:aws:kms:key', binding, code, looksAt }));
    });
  });
}

const statementsOf = (text: unknown): PolicyStatement[] => JSON.parse(String(text)).Statement;

describe('the function', () => {
  const template = define();
  const made = template.one('aws_lambda_function');

  test('is one small client of the servers, one at a time, that ends before the next one is due', () => {
    expect(made).toMatchObject({
      function_name: 'test-probe',
      architectures: ['arm64'],
      reserved_concurrent_executions: 1,
      kms_key_arn: 'arn:aws:kms:key',
    });
    expect(made.vpc_config).toEqual({ subnet_ids: ['subnet-a', 'subnet-b'], security_group_ids: ['sg-clients'] });
    expect(made.timeout).toBeLessThan(60);
  });

  test('reads its documents, looks at its services, and needs no right to write metrics', () => {
    const policies = template.all('aws_iam_role_policy');
    expect(policies.map(({ name }) => name).sort()).toEqual(['documents', 'invoke', 'look-at-database', 'look-at-events', 'run']);
    expect(template.text).not.toContain('PutMetricData');
  });

  test('is run every minute, told what to look at, and what is missed is not made up for', () => {
    const schedule = template.one('aws_scheduler_schedule');
    expect(schedule).toMatchObject({
      schedule_expression: 'rate(1 minute)',
      flexible_time_window: { mode: 'OFF' },
      kms_key_arn: 'arn:aws:kms:key',
    });
    expect(schedule.target).toMatchObject({ input: '{"only":["events","database"]}', retry_policy: { maximum_retry_attempts: 0 } });
    expect(template.one('aws_lambda_function_event_invoke_config')).toMatchObject({
      maximum_retry_attempts: 0,
      maximum_event_age_in_seconds: 60,
    });
  });

  test('the schedule may run this function and nothing else, and schedules of this account alone may take its role', () => {
    const [run] = statementsOf(template.one('aws_iam_role_policy', { name: 'invoke' }).policy);
    expect(run).toMatchObject({
      Action: 'lambda:InvokeFunction',
      Resource: 'arn:aws:lambda:eu-central-1:111111111111:function:test-probe',
    });
    expect(statementsOf(template.one('aws_iam_role', { name: 'test-probe-schedule' }).assume_role_policy)).toMatchObject([
      { Principal: { Service: 'scheduler.amazonaws.com' }, Condition: { StringEquals: { 'aws:SourceAccount': '111111111111' } } },
    ]);
  });

  test('its log is encrypted and kept for two weeks: what is in it has become metrics', () => {
    expect(template.one('aws_cloudwatch_log_group')).toMatchObject({
      name: '/aws/vendedlogs/millrace/test/probe',
      kms_key_id: 'arn:aws:kms:key',
      retention_in_days: 14,
    });
  });

  test('any argument can be set in spite of all', () => {
    expect(define((probe) => probe.override('memory_size', 1_024)).one('aws_lambda_function').memory_size).toBe(1_024);
  });
});

describe('what it tells', () => {
  const environment = (change: Partial<EnvironmentInput> = {}) => parseEnvironment({ ...staging, ...change });
  const details = (service: string, name: SignalName, of = environment()) =>
    probeTargets(of)
      .find((target) => target.service === service)
      ?.series(name)
      ?.map(({ detail }) => detail);

  test('is of services of which AWS does not tell it: no cache, no OpenSearch', () => {
    expect(probedServices(environment())).toEqual(['events', 'log', 'tasks', 'database']);
  });

  test('is nothing where topics travel no way and there is no database', () => {
    const bare = environment({ services: { cache: { kind: 'redis', role: 'cache' } }, topology: {}, workers: {} });
    expect(probedServices(bare)).toEqual([]);
    expect(probeSeriesCount(bare)).toBe(0);
  });

  test('has a series of each group of each topic that lives there, and of no mirror', () => {
    expect(details('events', 'redis.stream.lag')).toEqual([
      'orders.created/inventory',
      'orders.created/emails',
      'orders.updated/inventory',
      'products.synced/search',
      'audit.logs/audit',
    ]);
    expect(details('log', 'kafka.topic.dead_letters_added')).toEqual([]);
  });

  test('has blocked keys of topics that block alone', () => {
    expect(details('events', 'redis.stream.blocked_keys')).toEqual(['audit.logs/audit']);
  });

  test('has dead letters of the queues that take them, and says of every queue which it is', () => {
    expect(details('tasks', 'rabbitmq.queue.dead_letters')).toEqual(['tasks.dlq']);
    const depth =
      probeTargets(environment())
        .find(({ service }) => service === 'tasks')
        ?.series('rabbitmq.queue.depth') ?? [];
    expect(depth.length).toBeGreaterThan(1);
    expect(depth.filter(({ queue }) => queue === 'dead-letter').map(({ detail }) => detail)).toEqual(['tasks.dlq']);
  });

  test('names sinks as relays do, after their flags or what there is', () => {
    expect(details('database', 'outbox.backlog')).toEqual(['redis-streams@events']);
    expect(details('database', 'outbox.backlog', environment({ workers: {} }))).toEqual(['redis-streams@events']);
  });

  test('carries the dimensions of the contract, and nothing that is not for CloudWatch', () => {
    const series = probeTargets(environment())[0]!;
    expect(series.series('redis.stream.lag')?.[0]?.metric).toEqual({
      namespace: 'Millrace',
      metricName: 'redis.stream.lag',
      dimensions: { Environment: 'staging', Service: 'events', Topic: 'orders.created', Group: 'inventory' },
    });
    for (const [name, { onAws }] of Object.entries(signals) as [SignalName, Signal][])
      expect([name, series.series(name) === undefined]).toEqual([name, !onAws]);
    expect(series.series('redis.stream.leg')).toBeUndefined();
  });
});
