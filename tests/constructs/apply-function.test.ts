import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApplyFunction } from '../../constructs/aws/apply-function/index.ts';
import type { ApplyFunctionProps } from '../../constructs/aws/apply-function/props.ts';
import { TerraformOutput } from '../../constructs/core/framework.ts';
import type { PolicyStatement } from '../../constructs/core/policy.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';
import { allow } from './worker.ts';

const hash = 'a'.repeat(64);
const minimal: Omit<ApplyFunctionProps, 'code'> = {
  network: { vpcId: 'vpc-1', privateSubnetIds: ['subnet-a', 'subnet-b'], clients: { securityGroupId: 'sg-clients' } },
  encryptionKeyArn: 'arn:aws:kms:key',
  binding: { parameterName: '/millrace/test/binding', documentsBucket: 'documents-of-test', generation: 'generation-1' },
  topologyHash: hash,
  administers: { log: allow('log'), tasks: allow('tasks') },
};

function define(
  props: Partial<ApplyFunctionProps> = {},
  code = 'the code',
  use: (made: ApplyFunction) => void = () => undefined,
): Template {
  return inTemporaryFolder((folder) => {
    const path = join(folder, 'apply.zip');
    writeFileSync(path, code);
    return Template.of((stack) => {
      const made = new ApplyFunction(stack, 'Apply', { ...minimal, code: path, ...props });
      new TerraformOutput(stack, 'name', { value: made.functionName });
      use(made);
    });
  });
}

const policyOf = (template: Template, name: string): PolicyStatement[] =>
  JSON.parse(template.one('aws_iam_role_policy', { name }).policy as string).Statement;

describe('minimal', () => {
  const template = define();
  const made = template.one('aws_lambda_function');

  test('is one small function on Graviton, whose code lies beside the plan', () => {
    expect(made).toMatchObject({
      function_name: 'test-apply',
      runtime: 'nodejs22.x',
      architectures: ['arm64'],
      handler: 'index.handler',
      memory_size: 512,
      timeout: 300,
      filename: expect.stringMatching(/^assets\/Apply_Code_\w+\/code\/apply\.zip$/),
      source_code_hash: `\${filebase64sha256("${made.filename}")}`,
    });
  });

  test('stands in private subnets as a client of the servers, and reads the binding of the environment', () => {
    expect(made.vpc_config).toEqual({ subnet_ids: ['subnet-a', 'subnet-b'], security_group_ids: ['sg-clients'] });
    expect(made.environment).toEqual({ variables: { MILLRACE_BINDING: 'ssm:/millrace/test/binding' } });
    expect(made.kms_key_arn).toBe('arn:aws:kms:key');
  });

  test('runs once at a time, and is there only after its rights', () => {
    expect(made.reserved_concurrent_executions).toBe(1);
    expect(made.depends_on).toHaveLength(template.all('aws_iam_role_policy').length);
  });

  test('logs JSON into an encrypted group and is traced', () => {
    expect(template.one('aws_cloudwatch_log_group')).toMatchObject({
      name: '/aws/vendedlogs/millrace/test/apply',
      kms_key_id: 'arn:aws:kms:key',
      retention_in_days: 365,
    });
    expect(made).toMatchObject({ logging_config: { log_format: 'JSON' }, tracing_config: { mode: 'Active' } });
  });

  test('may read its documents, administer each of its services, and nothing else of its own', () => {
    const names = template.all('aws_iam_role_policy').map(({ name }) => name);
    expect(names.sort()).toEqual(['administer-log', 'administer-tasks', 'documents', 'run']);
    expect(policyOf(template, 'administer-log')).toEqual(allow('log'));
    expect(policyOf(template, 'documents').map(({ Sid }) => Sid)).toEqual(['ReadBinding', 'ReadTopology', 'DecryptTopology']);
  });

  test('its code may not do what Lambda does with network interfaces', () => {
    const statements = policyOf(template, 'run');
    const denied = statements.find(({ Effect }) => Effect === 'Deny');
    const ec2 = statements.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => [Action].flat() as string[]);
    expect(denied?.Action).toEqual(expect.arrayContaining(ec2.filter((action) => action.startsWith('ec2:'))));
    expect(denied?.Condition).toEqual({
      ArnEquals: { 'lambda:SourceFunctionArn': 'arn:aws:lambda:eu-central-1:111111111111:function:test-apply' },
    });
  });

  test('only Lambda may take its role', () => {
    expect(JSON.parse(template.one('aws_iam_role').assume_role_policy as string).Statement).toEqual([
      { Sid: 'Lambda', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
    ]);
  });
});

describe('it runs', () => {
  const invocation = (props: Partial<ApplyFunctionProps> = {}) => define(props).one('aws_lambda_invocation');

  test('when the topology, the binding or the code is another one', () => {
    const { triggers, function_name } = invocation();
    expect(function_name).toMatch(/aws_lambda_function\.Apply_\w*\.function_name/);
    expect(triggers).toEqual({ topology: hash, binding: 'generation-1', code: expect.stringContaining('filebase64sha256') });
  });

  test('told what the deployment means, and what may be lost in it', () => {
    expect(invocation().input).toBe(`\${jsonencode({"generation" = "generation-1", "topologyHash" = "${hash}", "allow" = []})}`);
    expect(invocation({ allowDestroy: ['tasks/queue/emails'] }).input).toContain('"allow" = ["tasks/queue/emails"]');
  });
});

test('the plan is the same whatever the code is', () => {
  expect(define({}, 'other code').text).toBe(define().text);
});

test('any argument can be set in spite of all', () => {
  const template = define({}, 'the code', (made) => made.override('memory_size', 1_024));
  expect(template.one('aws_lambda_function').memory_size).toBe(1_024);
});
