import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TerraformOutput } from '../../constructs/core/framework.ts';
import { environment } from '../../environments/index.ts';
import { type Environment, type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { staging } from '../../environments/staging.ts';
import { topologySchema } from '../../runtime/src/contracts/topology.ts';
import { planOf } from '../../stacks/app.ts';
import type { StateLocation } from '../../stacks/state.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';

const local: StateLocation = { kind: 'local' };

interface Written {
  readonly files: Readonly<Record<string, string>>;
  readonly leftOut: readonly string[];
  readonly templates: Readonly<Record<string, Template>>;
}

function synthesize(environments: readonly Environment[], state: StateLocation = local): Written {
  return inTemporaryFolder((outDir) => {
    const { app, stacks, leftOut } = planOf({ environments, state, outDir });
    app.synth();
    const paths = readdirSync(outDir, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(outDir, path)).isFile());
    return {
      files: Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(outDir, path), 'utf8')])),
      leftOut,
      templates: Object.fromEntries(stacks.map(({ node }) => [node.id, Template.read(outDir, node.id)])),
    };
  });
}

const template = ({ templates }: Written, name: string): Template => {
  const found = templates[name];
  if (found === undefined) throw new Error(`no stack ${name}, there are ${Object.keys(templates).join(', ')}`);
  return found;
};

const written = synthesize([environment('staging')]);

/** Arguments of the provider whose value is a secret and lands in the plan and the state. */
const secretArgument = /"(auth_token|passwords?|secret_string|secret_binary|private_key|secret_key)":/;

/** The document has a review of its own; here its size tells that it is there. */
const withoutDocument = (plan: unknown): unknown =>
  JSON.parse(JSON.stringify(plan, (key, value) => (key === 'content' ? `${value.length} characters` : value)));

describe('the plan of staging', () => {
  test('has a stack per rate of change', () => {
    expect(Object.keys(written.templates)).toEqual(['staging-network', 'staging-cache', 'staging-topology']);
  });

  test.each(['staging-network', 'staging-cache', 'staging-topology'])('%s is as reviewed', (name) => {
    expect(withoutDocument(template(written, name).plan())).toMatchSnapshot();
  });

  test('is the same, byte for byte, when it is synthesized again', () => {
    expect(synthesize([environment('staging')]).files).toEqual(written.files);
  });

  test('names no machine and no moment', () => {
    for (const text of Object.values(written.files)) {
      expect(text).not.toContain(process.cwd());
      expect(text).not.toMatch(/\d{4}-\d{2}-\d{2}T\d{2}:/);
    }
  });

  test("has no argument that takes a secret's value, and the binding no place for one", () => {
    const planted = Template.of((stack) => new TerraformOutput(stack, 'planted', { value: { auth_token: 'x' } }));
    expect(planted.text).toMatch(secretArgument);
    for (const text of Object.values(written.files)) expect(text).not.toMatch(secretArgument);
    const { cache } = template(written, 'staging-cache').outputs().binding_fragment as Record<string, { auth: object }>;
    expect(cache?.auth).toEqual({ mode: 'iam', username: 'staging-cache-app' });
  });

  test('says what is declared and not in it', () => {
    expect(written.leftOut).toEqual([
      'staging: redis-sentinel `events` is not built yet, left out',
      'staging: kafka `log` is not built yet, left out',
      'staging: rabbitmq `tasks` is not built yet, left out',
      'staging: opensearch `search` is not built yet, left out',
    ]);
  });
});

test('the topology document is stored under its own hash, and reads back as the declared topology', () => {
  const { content, key } = template(written, 'staging-topology').one('aws_s3_object') as { content: string; key: string };
  expect(key).toBe(`topology/${createHash('sha256').update(content).digest('hex')}.json`);
  expect(topologySchema.parse(JSON.parse(content))).toEqual(environment('staging').topology);
});

test('one app holds several environments, each in its own account', () => {
  const both = synthesize([environment('staging'), environment('production')]);
  expect(Object.keys(both.templates)).toHaveLength(6);
  for (const [name, { text }] of Object.entries(both.templates)) {
    expect(text.includes('222222222222')).toBe(name.startsWith('production-'));
    expect(text.includes('111111111111')).toBe(name.startsWith('staging-'));
  }
});

test('in production what holds data refuses to be destroyed, in staging it does not', () => {
  const protectedTypes = (environmentName: string) =>
    Object.values(synthesize([environment(environmentName)]).templates).flatMap((stack) =>
      Object.keys(stack.counts()).filter((type) =>
        stack.all(type).some(({ lifecycle }) => (lifecycle as { prevent_destroy?: boolean })?.prevent_destroy),
      ),
    );
  expect(protectedTypes('production')).toEqual(['aws_kms_key', 'aws_elasticache_replication_group', 'aws_s3_bucket']);
  expect(protectedTypes('staging')).toEqual([]);
});

describe('state', () => {
  test('lies in files of the work tree unless a bucket is named', () => {
    expect(template(written, 'staging-cache').terraform.backend).toEqual({
      local: { path: '../../../.millrace/staging/staging-cache.tfstate' },
    });
  });

  test('lies in the bucket, locked by an object beside it, and neighbours read it there', () => {
    const plan = synthesize([environment('staging')], { kind: 's3', bucket: 'acme-state-{account}-{region}' });
    const common = { bucket: 'acme-state-111111111111-eu-central-1', region: 'eu-central-1', allowed_account_ids: ['111111111111'] };
    expect(template(plan, 'staging-cache').terraform.backend).toEqual({
      s3: { ...common, key: 'millrace/staging/staging-cache.tfstate', use_lockfile: true },
    });
    const remote = JSON.parse(template(plan, 'staging-cache').text).data.terraform_remote_state[
      'cross-stack-reference-input-staging-network'
    ];
    expect(remote).toMatchObject({ backend: 's3', config: { ...common, key: 'millrace/staging/staging-network.tfstate' } });
  });
});

describe('an environment', () => {
  const variant = (change: Partial<EnvironmentInput>) => synthesize([parseEnvironment({ ...staging, topology: {}, ...change })]);

  test('may stand in a network that exists', () => {
    const network = { kind: 'existing' as const, vpcId: 'vpc-0a1b', privateSubnetIds: ['subnet-0a', 'subnet-0b'] };
    const plan = variant({ engine: { kind: 'aws', account: '111111111111', region: 'eu-west-1', network } });
    expect(template(plan, 'staging-network').counts()).toEqual({ aws_kms_key: 1, aws_kms_alias: 1, aws_security_group: 1 });
    expect(template(plan, 'staging-cache').one('aws_elasticache_subnet_group').subnet_ids).toEqual(['subnet-0a', 'subnet-0b']);
  });

  test('without Redis has no stack for it, and binds nothing', () => {
    const plan = variant({ services: { log: { kind: 'kafka', role: 'log' } } });
    expect(Object.keys(plan.templates)).toEqual(['staging-network', 'staging-topology']);
    expect(JSON.parse(template(plan, 'staging-topology').text).locals.binding_content.services).toEqual({});
  });

  test('may have several caches, each with its own servers, users and policy', () => {
    const plan = variant({
      services: { cache: { kind: 'redis', role: 'cache' }, jobs: { kind: 'redis', role: 'jobs', overrides: { replicas: 2 } } },
    });
    expect(template(plan, 'staging-cache').counts()).toMatchObject({
      aws_elasticache_replication_group: 2,
      aws_elasticache_user: 2,
      aws_iam_policy: 2,
    });
    expect(Object.keys(template(plan, 'staging-cache').outputs().binding_fragment as object)).toEqual(['cache', 'jobs']);
  });

  test.each([
    ['docker', 'dev', 'dev: the engine docker is not built yet, left out'],
    ['process', 'local', 'local: the engine process plans nothing; make up ENV=local starts its servers'],
  ])('on the engine %s is named and left out', (_engine, name, sentence) => {
    expect(synthesize([environment(name)])).toMatchObject({ leftOut: [sentence], templates: {} });
  });
});
