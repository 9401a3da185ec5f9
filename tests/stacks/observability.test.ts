import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertRows } from '../../alerts/rows/index.ts';
import { mostWidgets } from '../../constructs/aws/alarms/dashboard.ts';
import { environment } from '../../environments/index.ts';
import { production } from '../../environments/production.ts';
import { type Environment, type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { staging } from '../../environments/staging.ts';
import { planOf } from '../../stacks/app.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';

interface Planned {
  readonly template: Template;
  readonly leftOut: readonly string[];
  readonly alarms: readonly string[];
  readonly dependsOn: readonly string[];
  readonly key: string;
}

function plan(declared: Environment): Planned {
  return inTemporaryFolder((outDir) => {
    const { app, stacks, leftOut, alarms } = planOf({ environments: [declared], state: { kind: 'local' }, outDir });
    app.synth();
    const name = `${declared.name}-observability`;
    const stack = stacks.find(({ node }) => node.id === name)!;
    return {
      template: Template.read(outDir, name),
      ...{ leftOut, alarms },
      dependsOn: stack.dependencies.map(({ node }) => node.id),
      key: readFileSync(join(outDir, 'stacks', `${declared.name}-network`, 'cdk.tf.json'), 'utf8'),
    };
  });
}

const variant = (change: Partial<EnvironmentInput>, base: EnvironmentInput = staging) => parseEnvironment({ ...base, ...change });
const rowsIn = ({ template }: Planned): Set<string> =>
  new Set(
    (JSON.parse(template.one('aws_cloudwatch_dashboard').dashboard_body as string).widgets as { properties: { title?: string } }[]).flatMap(
      ({ properties }) => properties.title?.split(' ')[0] ?? [],
    ),
  );
const namesIn = ({ template }: Planned): string[] =>
  template.all('aws_cloudwatch_metric_alarm').flatMap(({ for_each }) => Object.keys(for_each as object));

/** Everything that some type of server alone has: Express brokers, tiered caches, warm nodes, the forms without servers, live topics on Kafka. */
const everything: readonly Environment[] = [
  environment('staging'),
  environment('production'),
  variant({ size: 'large' }, production),
  variant({
    ...{ workers: {}, protection: { deletion: false } },
    services: {
      cache: { kind: 'redis', role: 'cache' },
      keep: { kind: 'redis', role: 'jobs', overrides: { nodeType: 'cache.r6gd.xlarge' } },
      log: { kind: 'kafka', role: 'log', overrides: { brokerType: 'express.m7g.large' } },
    },
    topology: {
      topics: { 'orders.created': { transports: [{ kind: 'kafka', service: 'log' }], consumers: [{ group: 'inventory' }], partitions: 4 } },
    },
  }),
  variant({
    workers: {},
    services: {
      cache: { kind: 'redis', role: 'cache', overrides: { serverless: { maxStorageGiB: 10, maxEcpuPerSecond: 5_000 } } },
      log: { kind: 'kafka', role: 'log', overrides: { serverless: true } },
    },
    topology: {
      topics: { 'orders.created': { transports: [{ kind: 'kafka', service: 'log' }], consumers: [{ group: 'inventory' }], partitions: 4 } },
    },
  }),
];
const plans = everything.map(plan);
const [shipped, medium] = plans as [Planned, Planned, ...Planned[]];

describe('rows and constructs agree', () => {
  test('every row with a view for CloudWatch is an alarm of some environment', () => {
    const seen = new Set(plans.flatMap((planned) => [...rowsIn(planned)]));
    expect(alertRows.filter(({ id, cloudWatch }) => cloudWatch !== undefined && !seen.has(id)).map(({ id }) => id)).toEqual([]);
  });

  test('every offering that a row names measures it in some environment', () => {
    const seen = new Set(plans.flatMap(({ template }) => template.all('aws_cloudwatch_metric_alarm').map(namespaceOf)));
    expect([...seen].sort()).toEqual([
      ...['AWS/AmazonMQ', 'AWS/EBS', 'AWS/EC2', 'AWS/ECS', 'AWS/ES', 'AWS/ElastiCache', 'AWS/Kafka'],
      ...['ECS/ContainerInsights', 'Millrace', 'Millrace/RedisSentinel'],
    ]);
  });

  test('no two alarms have one name, and none that of a composite', () => {
    for (const planned of plans) {
      const names = [
        ...namesIn(planned),
        ...planned.template.all('aws_cloudwatch_composite_alarm').map(({ alarm_name }) => String(alarm_name)),
      ];
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test('an environment without services has topics, an empty dashboard and nothing else', () => {
    const bare = plan(variant({ services: {}, topology: {}, workers: {} }));
    expect(bare.template.counts()).toMatchObject({ aws_sns_topic: 2, aws_cloudwatch_dashboard: 1 });
    expect(bare.template.counts()).not.toHaveProperty('aws_lambda_function');
    expect(namesIn(bare)).toEqual([]);
  });
});

describe('the stack', () => {
  test('comes after all others', () => {
    expect(shipped.dependsOn).toEqual(
      expect.arrayContaining(['staging-workers', 'staging-topology', 'staging-messaging', 'staging-network']),
    );
  });

  test('takes for alarms what has no name before it stands, machines of Redis and their disks, and nothing else', () => {
    const late = Object.values(JSON.parse(shipped.template.text).locals as Record<string, string>);
    const ofMachines = /outputs\.cross-stack-output-(aws_instance|aws_ebs_volume)events_Node/;
    expect(late.map((value) => ofMachines.exec(value)?.[1]).sort()).toEqual(
      ['aws_ebs_volume', 'aws_instance'].flatMap((type) => [type, type, type]),
    );
    for (const type of ['aws_cloudwatch_metric_alarm', 'aws_cloudwatch_composite_alarm', 'aws_cloudwatch_dashboard'])
      expect(JSON.stringify(shipped.template.all(type))).not.toContain('cross-stack');
  });

  test('watches each node, broker, machine, and topic with its group', () => {
    for (const name of [
      'staging-cache-redis-cpu-001-warning',
      'staging-events-redis-memory-3-critical',
      'staging-log-kafka-cpu-broker-2-warning',
      'staging-events-streams-lag-orders.created/inventory-warning',
      'staging-database-outbox-oldest-age-redis-streams@events-critical',
      'staging-search-opensearch-red-critical',
      'staging-relay-worker-cpu-warning',
    ])
      expect(namesIn(shipped)).toContain(name);
  });

  test('alarms once when the probe is silent, and no service is well then: no data is trouble', () => {
    const silent = shipped.template
      .all('aws_cloudwatch_metric_alarm')
      .filter(({ for_each }) => JSON.stringify(for_each).includes('probe-silent'));
    expect(silent).toMatchObject([{ for_each: { 'staging-probe-silent-critical': '' }, treat_missing_data: 'breaching' }]);
    for (const { alarm_rule } of shipped.template
      .all('aws_cloudwatch_composite_alarm')
      .filter(({ alarm_name }) => ['staging-events', 'staging-log', 'staging-tasks', 'staging-database'].includes(String(alarm_name))))
      expect(alarm_rule).toContain('ALARM("staging-probe-silent-critical")');
  });

  test('gives the probe what looking takes, as the user that may look and no other', () => {
    const { events, log } = Object.fromEntries(
      ['events', 'log'].map((service) => [
        service,
        String(shipped.template.one('aws_iam_role_policy', { name: `look-at-${service}` }).policy),
      ]),
    );
    expect(events).toMatch(/user-probe/);
    expect(log).toContain('kafka-cluster:DescribeGroup');
    expect(log).not.toMatch(/ReadData|WriteData|Alter|Delete|Create/);
  });

  test('lets CloudWatch use the key of the environment, for topics that are encrypted', () => {
    expect(shipped.key).toContain('cloudwatch.amazonaws.com');
  });

  test('tells of all that is wrong with alerts, receivers and servers in one run', () => {
    const receivers: NonNullable<EnvironmentInput['alerts']>['receivers'] = {
      warning: [{ kind: 'slack', channelId: 'C1' }],
      critical: [{ kind: 'webhook', url: 'http://127.0.0.1:1/' }],
    };
    const smtp = { host: 'mail.example.com', port: 25, from: 'a@example.com' };
    const overrides = { 'redis-memori': { threshold: 0.5, reason: 'nightly imports fill it' } };
    const services = { ...staging.services, cache: { kind: 'redis', role: 'cache', overrides: { nodeType: 'cache.m1.large' } } } as const;
    expect(() => plan(variant({ services, alerts: { overrides, receivers, smtp } }))).toThrow(
      /redis-memori.*critical\.0 must.*warning\.0 must.*alerts\.smtp must.*nodeType must be/s,
    );
  });

  test('records operations a second of the event bus, and what is unusual of them', () => {
    const unusual = (planned: Planned) =>
      planned.template
        .all('aws_cloudwatch_metric_alarm')
        .filter(({ for_each }) => JSON.stringify(for_each).includes('redis-operations'))
        .map(({ metric_query }) => JSON.stringify(metric_query));
    for (const planned of [shipped, medium])
      expect(unusual(planned)).toEqual([expect.stringMatching(/"metric_name":"redis\.operations".*"namespace":"Millrace"/)]);
  });

  test('asks no node of Redis with a disk whether its memory is full', () => {
    const keep = namesIn(plans[3]!).filter((name) => name.startsWith('staging-keep-'));
    expect(keep.filter((name) => name.includes('redis-memory'))).toEqual([]);
    expect(keep.filter((name) => name.includes('redis-tiered-capacity')).length).toBeGreaterThan(0);
  });

  test('shows what is disabled and why', () => {
    const overrides = { 'redis-cpu': { disabled: true, reason: 'a batch job fills it every night' } } as const;
    const { template } = plan(variant({ alerts: { overrides } }));
    expect(template.outputs().disabled_alarms).toMatchObject({ 'redis-cpu.warning@cache': 'a batch job fills it every night' });
  });

  test('fits CloudWatch: widgets of a dashboard', () => {
    for (const { template } of plans) {
      const { widgets } = JSON.parse(template.one('aws_cloudwatch_dashboard').dashboard_body as string);
      expect(widgets.length).toBeLessThanOrEqual(mostWidgets);
    }
  });
});

describe('whoever synthesizes is told', () => {
  test('what being watched costs', () => {
    for (const { alarms } of [shipped, medium]) {
      expect(alarms).toEqual([
        expect.stringMatching(/: \d+ alarms, \d+ composite alarms, a dashboard and \d+ metrics of the probe cost about \d+ USD a month$/),
      ]);
      process.stdout.write(`${alarms[0]}\n`);
    }
  });

  test('that nobody hears of critical alarms', () => {
    const sentence = 'staging: alerts.receivers.critical names nobody, so critical alarms turn red and nobody is told of them';
    expect(shipped.leftOut).toEqual([]);
    expect(plan(variant({ alerts: {} })).leftOut).toEqual([sentence]);
  });

  test('of overrides that no alert has', () => {
    const overrides = { 'redis-memori': { threshold: 0.5, reason: 'nightly imports fill it' } };
    expect(() => plan(variant({ alerts: { overrides } }))).toThrow(/the plan of staging is refused:\n.*\n.*no alert is named redis-memori/);
  });
});

function namespaceOf(alarm: Readonly<Record<string, unknown>>): string {
  if (alarm.namespace !== undefined) return String(alarm.namespace);
  const [first] = alarm.metric_query as { readonly metric?: { readonly namespace: string }; readonly expression?: string }[];
  return first?.metric?.namespace ?? /FROM SCHEMA\("([\w/]+)"/.exec(first?.expression ?? '')?.[1] ?? '';
}
