import type { WorkerProps } from '../../constructs/aws/worker/props.ts';
import type { PolicyStatement } from '../../constructs/core/policy.ts';
import type { Template } from '../support/template.ts';
import { allow, define, jobs, minimal, services } from './worker.ts';

const containerOf = (template: Template) => {
  const containers = JSON.parse(template.one('aws_ecs_task_definition').container_definitions as string);
  expect(containers).toHaveLength(1);
  return containers[0];
};
const statementsOf = (template: Template, name: string): PolicyStatement[] =>
  JSON.parse(template.one('aws_iam_role_policy', { name }).policy as string).Statement;

describe('minimal', () => {
  const template = define();
  const service = template.one('aws_ecs_service');
  const task = template.one('aws_ecs_task_definition');
  const container = containerOf(template);

  test('is two small tasks of Fargate on Graviton', () => {
    expect(service).toMatchObject({ name: 'test-worker-relay', desired_count: 2, launch_type: 'FARGATE', platform_version: 'LATEST' });
    expect(task).toMatchObject({
      family: 'test-worker-relay',
      cpu: '256',
      memory: '512',
      network_mode: 'awsvpc',
      requires_compatibilities: ['FARGATE'],
      runtime_platform: { cpu_architecture: 'ARM64', operating_system_family: 'LINUX' },
    });
  });

  test('runs the relay on the binding of the environment, and serves its health', () => {
    expect(container.command).toEqual([
      ...['relay', '--binding', 'ssm:/millrace/test/binding'],
      ...['--http-port', '8080', '--http-host', '0.0.0.0'],
    ]);
    expect(container.portMappings).toEqual([{ containerPort: 8080, hostPort: 8080, protocol: 'tcp' }]);
  });

  test('is nobody in particular, on a file system it cannot write, without any capability', () => {
    expect(container).toMatchObject({
      user: '10001:10001',
      readonlyRootFilesystem: true,
      privileged: false,
      linuxParameters: { capabilities: { add: [], drop: ['ALL'] }, initProcessEnabled: true },
    });
    expect(service.enable_execute_command).toBe(false);
  });

  test('holds no secret and no variable', () => {
    expect(container.environment).toEqual([]);
    expect(container).not.toHaveProperty('secrets');
  });

  test('is asked whether it lives by what its image has, and gets a minute to end', () => {
    expect(container.healthCheck.command.slice(0, 3)).toEqual(['CMD', 'node', '-e']);
    expect(container.healthCheck.command[3]).toContain("get('http://127.0.0.1:8080/live'");
    expect(() => new Function(container.healthCheck.command[3])).not.toThrow();
    expect(container.stopTimeout).toBe(60);
  });

  test('stands in private subnets as a client of the servers, and nobody reaches it', () => {
    expect(service.network_configuration).toMatchObject({
      subnets: ['subnet-a', 'subnet-b', 'subnet-c'],
      assign_public_ip: false,
      security_groups: ['sg-clients', expect.stringContaining('aws_security_group.relay_SecurityGroup')],
    });
    expect(template.one('aws_security_group')).toMatchObject({ name: 'test-worker-relay', vpc_id: 'vpc-1' });
    expect(template.all('aws_vpc_security_group_ingress_rule')).toEqual([]);
  });

  test('keeps all that run until new ones are healthy, and goes back when they do not become so', () => {
    expect(service).toMatchObject({
      deployment_minimum_healthy_percent: 100,
      deployment_maximum_percent: 200,
      deployment_circuit_breaker: { enable: true, rollback: true },
      wait_for_steady_state: true,
      force_new_deployment: true,
      triggers: { binding: 'generation-1' },
    });
  });

  test('logs into an encrypted group, and never waits for it', () => {
    expect(template.one('aws_cloudwatch_log_group', { name: '/aws/vendedlogs/millrace/test/workers/relay' })).toMatchObject({
      kms_key_id: 'arn:aws:kms:key',
      retention_in_days: 365,
    });
    expect(container.logConfiguration.options).toMatchObject({
      'awslogs-group': expect.stringContaining('aws_cloudwatch_log_group.relay_Logs'),
      mode: 'non-blocking',
    });
  });

  test('starts only when it has its rights', () => {
    const policies = ['documents', 'connect-database', 'connect-events', 'start'].length;
    expect(service.depends_on).toHaveLength(policies);
    expect(template.counts()).toMatchObject({ aws_iam_role: 2, aws_iam_role_policy: policies });
  });
});

describe('the program may', () => {
  const template = define();

  test('read its binding, topology documents and what they are encrypted with', () => {
    expect(statementsOf(template, 'documents')).toEqual([
      {
        Sid: 'ReadBinding',
        Effect: 'Allow',
        Action: 'ssm:GetParameter',
        Resource: 'arn:aws:ssm:eu-central-1:111111111111:parameter/millrace/test/binding',
      },
      { Sid: 'ReadTopology', Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::documents-of-test/topology/*' },
      { Sid: 'DecryptTopology', Effect: 'Allow', Action: 'kms:Decrypt', Resource: 'arn:aws:kms:key' },
    ]);
  });

  test('connect to the database and to the one broker that is no cache, and to nothing else', () => {
    const names = template.all('aws_iam_role_policy').map(({ name }) => name);
    expect(names.sort()).toEqual(['connect-database', 'connect-events', 'documents', 'start']);
    expect(statementsOf(template, 'connect-events')).toEqual(allow('events'));
  });

  test.each([
    ['after a blank', ['--sink', 'jobs']],
    ['after an equals sign', ['--sink=jobs']],
    ['the last one', ['--sink', 'events', '--sink', 'jobs']],
  ])('connect to the sink that is named (%s)', (_, words) => {
    const named = define({ props: { services: { ...services, jobs } }, declared: { arguments: words } });
    const names = named.all('aws_iam_role_policy').map(({ name }) => name);
    expect(names.sort()).toEqual(['connect-database', 'connect-jobs', 'documents', 'start']);
    expect(containerOf(named).command.slice(-words.length)).toEqual(words);
  });

  test('publish to a Kafka that is named, and must name it where there is another broker', () => {
    const log = { kind: 'kafka', role: 'log', connectStatements: allow('log'), publishStatements: allow('topics of log') } as const;
    const both = { ...services, log };
    const named = define({ props: { services: both }, declared: { arguments: ['--sink', 'log'] } });
    expect(statementsOf(named, 'connect-log')).toEqual(allow('topics of log'));
    expect(() => define({ props: { services: both } })).toThrow(/--sink must name one of events, log, got nothing/);
    const looking = define({ props: { services: both }, declared: { command: 'probe', arguments: ['--only', 'log'] } });
    expect(statementsOf(looking, 'connect-log')).toEqual(allow('log'));
  });

  test('be assumed by tasks of this account alone', () => {
    for (const { assume_role_policy } of template.all('aws_iam_role')) {
      expect(JSON.parse(assume_role_policy as string).Statement).toEqual([
        {
          Sid: 'Tasks',
          Effect: 'Allow',
          Principal: { Service: 'ecs-tasks.amazonaws.com' },
          Action: 'sts:AssumeRole',
          Condition: {
            StringEquals: { 'aws:SourceAccount': '111111111111' },
            ArnLike: { 'aws:SourceArn': 'arn:aws:ecs:eu-central-1:111111111111:*' },
          },
        },
      ]);
    }
  });
});

describe('a janitor', () => {
  const binding = { ...minimal.binding, archiveBucket: 'archive-of-test' };
  const janitor = (props: Partial<WorkerProps> = {}) => define({ props: { binding, ...props }, declared: { command: 'janitor' } });
  const policiesOf = (template: Template) => template.all('aws_iam_role_policy').map(({ name }) => name);

  test('runs on the binding, and keeps every broker on Redis and the one database', () => {
    const template = janitor({ services: { ...services, jobs } });
    expect(containerOf(template).command[0]).toBe('janitor');
    expect(policiesOf(template).sort()).toEqual(['archive', 'connect-database', 'connect-events', 'connect-jobs', 'documents', 'start']);
  });

  test('may write the archive and read it, and delete nothing in it', () => {
    expect(statementsOf(janitor(), 'archive')).toEqual([
      { Sid: 'ListArchive', Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::archive-of-test' },
      { Sid: 'KeepArchive', Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::archive-of-test/archive/*' },
      { Sid: 'EncryptArchive', Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: 'arn:aws:kms:key' },
    ]);
  });

  test('works without a database, and then without an archive', () => {
    const { database: _, ...withoutDatabase } = services;
    const template = janitor({ services: withoutDatabase, binding: minimal.binding });
    expect(policiesOf(template).sort()).toEqual(['connect-events', 'documents', 'start']);
  });

  test('is told which database, where there are two', () => {
    const two = { ...services, orders: { kind: 'postgres', role: 'database', connectStatements: allow('orders') } } as const;
    expect(() => janitor({ services: two })).toThrow('arguments: --database must name one of database, orders, got nothing');
  });

  test('is the only worker with rights to the archive', () => {
    expect(policiesOf(define({ props: { binding } }))).not.toContain('archive');
  });
});

describe('a probe', () => {
  const connected = (words: readonly string[] = [], more: WorkerProps['services'] = {}) =>
    define({ props: { services: { ...services, ...more } }, declared: { command: 'probe', arguments: [...words] } })
      .all('aws_iam_role_policy')
      .flatMap(({ name }) => (String(name).startsWith('connect-') ? [String(name).slice('connect-'.length)] : []))
      .sort();

  test('looks at every service, caches and each of several databases included', () => {
    expect(connected([], { orders: { kind: 'postgres', role: 'database', connectStatements: allow('orders') } })).toEqual([
      ...['cache', 'database', 'events', 'orders', 'search'],
    ]);
  });

  test.each([
    ['in one list', ['--only', 'cache', 'events', '--interval-seconds', '30']],
    ['one by one', ['--only', 'cache', '--interval-seconds', '30', '--only=events']],
  ])('looks at those alone that it is told (%s)', (_, words) => {
    expect(connected(words)).toEqual(['cache', 'events']);
  });

  test('fails if it is told of a service that is not there', () => {
    expect(() => connected(['--only', 'evnts'])).toThrow(
      'arguments: --only must name services among cache, database, events, search, got "evnts"',
    );
  });
});

test('ECS may pull from the one repository and write the one log, before the program runs', () => {
  const template = define();
  const start = statementsOf(template, 'start');
  expect(start.map(({ Sid, Resource }) => [Sid, Resource])).toEqual([
    ['SignInToRegistry', '*'],
    ['PullImage', 'arn:aws:ecr:eu-central-1:111111111111:repository/platform/millrace-worker'],
    ['WriteLog', 'arn:aws:logs:eu-central-1:111111111111:log-group:/aws/vendedlogs/millrace/test/workers/relay:*'],
  ]);
  const task = template.one('aws_ecs_task_definition');
  expect(task.execution_role_arn).not.toBe(task.task_role_arn);
});

test('everything set', () => {
  const image = `222222222222.dkr.ecr.eu-central-1.amazonaws.com/mirror@sha256:${'0'.repeat(64)}`;
  const template = define({
    declared: { arguments: ['--lease-ms', '5000'], image, tasks: 3, cpuUnits: 1_024, memoryMiB: 3_072, architecture: 'x86_64' },
    identity: { name: 'prod' },
  });
  expect(template.one('aws_ecs_service')).toMatchObject({ name: 'prod-worker-relay', desired_count: 3 });
  expect(template.one('aws_ecs_task_definition')).toMatchObject({
    cpu: '1024',
    memory: '3072',
    runtime_platform: { cpu_architecture: 'X86_64' },
  });
  expect(containerOf(template)).toMatchObject({ image });
  expect(containerOf(template).command.slice(-2)).toEqual(['--lease-ms', '5000']);
  expect(statementsOf(template, 'start')[1]?.Resource).toBe('arn:aws:ecr:eu-central-1:222222222222:repository/mirror');
});

test('a cluster counts its tasks, and what would be typed in a shell is encrypted', () => {
  expect(define().one('aws_ecs_cluster')).toMatchObject({
    name: 'test-workers',
    setting: [{ name: 'containerInsights', value: 'enabled' }],
    configuration: {
      execute_command_configuration: {
        kms_key_id: 'arn:aws:kms:key',
        logging: 'OVERRIDE',
        log_configuration: { cloud_watch_encryption_enabled: true },
      },
    },
  });
});

test('overrides reach what the construct does not offer', () => {
  const template = define({}, (worker) => {
    worker.override('wait_for_steady_state', true);
    worker.overrideTask('ephemeral_storage', { size_in_gib: 30 });
  });
  expect(template.one('aws_ecs_service')).toMatchObject({ wait_for_steady_state: true });
  expect(template.one('aws_ecs_task_definition')).toMatchObject({ ephemeral_storage: { size_in_gib: 30 } });
});
