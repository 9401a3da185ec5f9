import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PolicyStatement } from '../../constructs/core/policy.ts';
import { environment } from '../../environments/index.ts';
import { type Environment, parseEnvironment } from '../../environments/schema.ts';
import { staging } from '../../environments/staging.ts';
import { planOf } from '../../stacks/app.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';

interface Written {
  readonly topology: Template;
  readonly network: Template;
  readonly workers: Template;
  /** Whether what the function's plan calls its code lies where it says. */
  readonly hasCode: boolean;
}

function plan(of: Environment): Written {
  return inTemporaryFolder((outDir) => {
    planOf({ environments: [of], state: { kind: 'local' }, outDir }).app.synth();
    const read = (part: string) => Template.read(outDir, `${of.name}-${part}`);
    const topology = read('topology');
    const [made] = topology.all('aws_lambda_function');
    const hasCode = made !== undefined && existsSync(join(outDir, 'stacks', `${of.name}-topology`, String(made.filename)));
    return { topology, network: read('network'), workers: read('workers'), hasCode };
  });
}

const everything = plan(environment('production'));
const policies = (template: Template) =>
  new Map(
    template
      .all('aws_iam_role_policy')
      .map(({ name, policy }) => [name as string, JSON.parse(policy as string).Statement as PolicyStatement[]]),
  );
const actionsOf = (template: Template, name: string) => (policies(template).get(name) ?? []).flatMap(({ Action }) => [Action].flat());

describe('the function of production', () => {
  const { topology } = everything;

  test('has its code beside the plan', () => {
    expect(everything.hasCode).toBe(true);
  });

  test('administers the services that the topology has objects for, and no other', () => {
    const administered = [...policies(topology).keys()].filter((name) => name.startsWith('administer-'));
    expect(administered.sort()).toEqual(['administer-events', 'administer-log', 'administer-search', 'administer-tasks']);
  });

  test('may keep topics, become the master user of the domain and read the secrets of its brokers', () => {
    expect(actionsOf(topology, 'administer-log')).toEqual(
      expect.arrayContaining(['kafka-cluster:Connect', 'kafka-cluster:CreateTopic', 'kafka-cluster:AlterTopicDynamicConfiguration']),
    );
    expect(actionsOf(topology, 'administer-search')).toEqual(['sts:AssumeRole']);
    // Of Redis both its own password and that of the user who may set users.
    for (const name of ['events', 'tasks'])
      expect(new Set(actionsOf(topology, `administer-${name}`))).toEqual(new Set(['secretsmanager:GetSecretValue', 'kms:Decrypt']));
  });

  test('reaches the service that hands out roles', () => {
    expect(everything.network.all('aws_vpc_endpoint').map(({ service_name }) => service_name)).toContain('com.amazonaws.eu-central-1.sts');
  });

  test('runs after the binding is written, with what the binding means', () => {
    const { triggers } = topology.one('aws_lambda_invocation') as { triggers: { topology: string; binding: string } };
    const { binding_content } = JSON.parse(topology.text).locals;
    expect(triggers.topology).toBe(binding_content.topology.hash);
    expect(triggers.binding).toBe(`\${local.binding_generation}`);
    expect(JSON.stringify(topology.one('aws_lambda_function').environment)).toMatch(/ssm:\$\{aws_ssm_parameter\.Binding\.name\}/);
  });

  test('is told by outputs, with its log', () => {
    expect(topology.outputs()).toMatchObject({
      apply_function_name: expect.stringContaining('aws_lambda_function'),
      apply_log_group: expect.stringContaining('aws_cloudwatch_log_group'),
    });
  });

  test('comes before the workers', () => {
    const [service] = everything.workers.all('aws_ecs_service');
    expect(JSON.stringify(service?.triggers)).toContain('production-topology');
  });
});

describe('what is declared', () => {
  const variant = (change: object) => plan(parseEnvironment({ ...staging, workers: {}, ...change }));

  test('to be lost may be lost', () => {
    const { topology } = variant({ protection: { deletion: false, allowDestroy: ['tasks/queue/emails'] } });
    expect(topology.one('aws_lambda_invocation').input).toContain('"allow" = ["tasks/queue/emails"]');
  });

  test.each(['emails', 'tasks/emails', 'tasks/queue/', 'Tasks/queue/emails'])('to be lost has the name of an object, not %j', (name) => {
    expect(() => variant({ protection: { deletion: false, allowDestroy: [name] } })).toThrow(/protection\.allowDestroy/);
  });

  test('without objects needs no function, no end point for it, and no rights', () => {
    const { topology, network } = variant({ topology: {} });
    expect(topology.counts()).not.toHaveProperty('aws_lambda_function');
    expect(topology.counts()).not.toHaveProperty('aws_iam_role');
    expect(topology.outputs()).not.toHaveProperty('apply_function_name');
    expect(network.all('aws_vpc_endpoint').map(({ service_name }) => service_name)).not.toContain('com.amazonaws.eu-central-1.sts');
  });
});

describe('the archive of the log', () => {
  const archive = { bucket: 'millrace-production-archive-222222222222-eu-central-1' };

  test('is a bucket that the binding names, versioned, protected and emptied by nobody', () => {
    const { topology } = everything;
    const { binding_content } = JSON.parse(topology.text).locals;
    expect(binding_content.archive.location).toMatch(/^s3:\/\/\$\{aws_s3_bucket\.Archive_\w+\.bucket\}\/archive\/$/);
    expect(topology.one('aws_s3_bucket', archive)).toMatchObject({ force_destroy: false, lifecycle: { prevent_destroy: true } });
  });

  test('is cheaper to keep after a quarter, and what was replaced is gone with the backups', () => {
    const rules = everything.topology.all('aws_s3_bucket_lifecycle_configuration').flatMap(({ rule }) => rule as object[]);
    expect(rules).toContainEqual(
      expect.objectContaining({
        id: 'replaced-archives',
        transition: [{ days: 90, storage_class: 'GLACIER_IR' }],
        noncurrent_version_expiration: [{ noncurrent_days: 7 }],
      }),
    );
    expect(JSON.stringify(rules)).not.toContain('"expiration"');
  });

  test('only who redacts may delete its versions', () => {
    const may = (name: string) => everything.topology.one('aws_iam_policy', { name: `production-archive-${name}` }).policy as string;
    expect(may('keep')).not.toContain('Delete');
    expect(may('redact')).toContain('s3:DeleteObjectVersion');
  });

  test('is there where there is a log', () => {
    const { topology } = plan(
      parseEnvironment({ ...staging, workers: {}, topology: {}, services: { cache: { kind: 'redis', role: 'cache' } } }),
    );
    expect(JSON.parse(topology.text).locals.binding_content).not.toHaveProperty('archive');
    expect(topology.all('aws_s3_bucket')).toHaveLength(1);
  });
});
