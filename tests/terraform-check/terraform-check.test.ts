import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { GeneratedSecret } from '../../constructs/aws/foundation/generated-secret.ts';
import { EnvironmentStack } from '../../constructs/core/identity.ts';
import { environment } from '../../environments/index.ts';
import { loadBinding } from '../../runtime/src/binding/index.ts';
import { planOf } from '../../stacks/app.ts';
import { testIdentity } from '../support/template.ts';
import { mistakes, secret } from './mistakes.ts';
import { firstOf, Workspace } from './workspace.ts';

const repository = resolve(__dirname, '..', '..');
/** On AWS. */
const shipped = ['staging', 'production'];
/** In containers. */
const contained = 'dev';

/** The first run compiles the stand-in provider (25-60 s on 2 cores), later ones take it from the build cache of Go; then 2-8 s a stack, 70 s for all of two environments. */
const timeoutMs = 480_000;

/** init, validate, plan, apply, output, an empty second plan, destroy. */
const stepsOfAStack = 7;

/** Parts of production that hold data, names or addresses. */
const protectedParts = ['network', 'cache', 'search', 'messaging', 'topology'];

/** What the stand-in makes up for a random password; that it reaches the provider is seen in `mistakes`, where it is no JSON. */
const generatedPassword = /ephemeral-[0-9a-f]{8}-/;

/** What the stand-in gives to whoever reads a secret back. */
const readBackPassword = /read-back-/;
const anyPassword = /read-back-|ephemeral-/;

/** @see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html */
const longestParameter = 8_192;

/** Kind, way in, and how many end points of each purpose, the same in every shipped environment. */
const boundServices = {
  cache: { kind: 'redis', auth: 'iam', endpoints: { primary: 1, reader: 1 } },
  events: { kind: 'redis-sentinel', auth: 'acl', endpoints: { sentinel: 3, node: 3 } },
  log: { kind: 'kafka', auth: 'iam', endpoints: { bootstrap: 3 } },
  tasks: { kind: 'rabbitmq', auth: 'password', endpoints: { primary: 1, management: 1 } },
  search: { kind: 'opensearch', auth: 'iam', endpoints: { primary: 1 } },
  database: { kind: 'postgres', auth: 'password', endpoints: { primary: 1 } },
};

const missing = ['go', 'terraform'].filter((program) => spawnSync(program, ['version']).error !== undefined);
if (missing.length > 0)
  console.warn(`not run: ${missing.join(' and ')} not found on PATH; the check builds a stand-in provider with go and runs terraform`);
const withTerraform = missing.length > 0 ? describe.skip : describe;

withTerraform('the real terraform', () => {
  let folder: string;
  let output: string;
  let stacks: string[];
  let protectedStacks: string[];
  let workspace: Workspace;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-terraform-'));
    const outDir = join(folder, 'cdktf.out');
    stacks = synthesize(outDir);
    protectedStacks = stacks.filter((name) =>
      /"prevent_destroy": ?true/.test(readFileSync(join(outDir, 'stacks', name, 'cdk.tf.json'), 'utf8')),
    );
    workspace = new Workspace(join(folder, 'work'));
    const program = join(__dirname, 'terraform-check.mjs');
    const args = [program, '--modules', join(repository, 'node_modules'), '--work', workspace.folder, outDir];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: timeoutMs });
    output = stdout + stderr;
  }, timeoutMs);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('terraform accepts every synthesized stack', () => {
    expect(output.split('\n').filter((line) => line.startsWith('FAIL'))).toEqual([]);
    const steps = stacks.length * stepsOfAStack + protectedStacks.length;
    expect(output.trimEnd().split('\n').at(-1)).toBe(`${steps} passed, 0 failed`);
  });

  test('a protected stack refuses to be destroyed', () => {
    const refusals = output.match(/^ok {3}\S+: destroy is refused while protected/gm) ?? [];
    const refused = refusals.map((line) => line.split(/\s+|:/)[1]);
    expect(refused.sort()).toEqual([...protectedStacks].sort());
    expect(refused).toEqual(expect.arrayContaining(protectedParts.map((part) => `production-${part}`)));
    expect(refused.filter((name) => name?.startsWith('staging-'))).toEqual([]);
  });

  test.each(shipped)('the binding that terraform renders for %s is one that services load, with every service', async (name) => {
    const text = workspace.outputs(`${name}-topology`).binding?.value as string;
    const { document } = await loadBinding({ json: text });
    expect(document.environment).toBe(name);
    const bound = Object.entries(document.services).map(([service, { kind, auth, endpoints }]) => {
      const purposes = new Map(endpoints.map(({ purpose }) => [purpose, endpoints.filter((one) => one.purpose === purpose).length]));
      return [service, { kind, auth: auth.mode, endpoints: Object.fromEntries(purposes) }];
    });
    expect(Object.fromEntries(bound)).toEqual(boundServices);
    const hosts = Object.values(document.services).flatMap(({ endpoints }) => endpoints.map(({ host }) => host));
    expect(hosts.filter((host) => !/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(host))).toEqual([]);
    expect(Buffer.byteLength(text)).toBeLessThan(longestParameter);
  });

  test.each(shipped)('the binding of %s refers to secrets, and its one place is what the parameter holds', (name) => {
    const { binding } = workspace.outputs(`${name}-topology`);
    expect(binding?.value).not.toMatch(anyPassword);
    expect(binding?.value).toMatch(/"secretRef":\{"from":"aws-secrets-manager","id":"arn:aws:secretsmanager:/);
    const { resources } = JSON.parse(workspace.appliedState(`${name}-topology`)) as {
      resources: { type: string; instances: { attributes: Record<string, unknown> }[] }[];
    };
    const parameters = resources.filter(({ type }) => type === 'aws_ssm_parameter').flatMap(({ instances }) => instances);
    expect(parameters.map(({ attributes }) => attributes.insecure_value)).toEqual([binding?.value]);
  });

  test('the binding of containers is one that services load, and leads to this machine alone', async () => {
    const { binding } = workspace.outputs(`${contained}-platform`);
    const { document } = await loadBinding({ json: JSON.stringify(binding?.value) });
    const endpoints = Object.values(document.services).flatMap((service) => service.endpoints);
    expect(Object.keys(document.services).sort()).toEqual(Object.keys(environment(contained).services).sort());
    expect([...new Set(endpoints.map(({ host }) => host))]).toEqual(['127.0.0.1']);
    expect(new Set(endpoints.map(({ port }) => port)).size).toBe(endpoints.length);
  });

  test('neither plan nor state of containers has what stands for a secret, or could', () => {
    const texts = [workspace.appliedState(`${contained}-platform`), workspace.planJson(`${contained}-platform`)];
    for (const text of texts) expect(text).not.toMatch(/@@|requirepass|PRIVATE KEY/);
  });

  test('a generated password is in no plan and no state', () => {
    expect(workspace.appliedState(secret)).toContain('"aws_secretsmanager_secret_version"');
    for (const stack of stacks.filter((name) => workspace.config(name).ephemeral !== undefined)) {
      expect(workspace.appliedState(stack)).not.toMatch(generatedPassword);
      expect(workspace.planJson(stack)).not.toMatch(generatedPassword);
    }
  });

  test('the password of the administrator of Amazon MQ is in the state of its stack, as its construct says, and nowhere else', () => {
    const holding = (textOf: (stack: string) => string) => stacks.filter((stack) => readBackPassword.test(textOf(stack))).sort();
    expect(holding((stack) => workspace.appliedState(stack))).toEqual(['production-messaging', 'staging-messaging']);
    expect(holding((stack) => JSON.stringify(workspace.outputs(stack)))).toEqual([]);
    expect(holding((stack) => workspace.planJson(stack))).toEqual([]);
  });

  test('a password would be in the state, if an argument that is stored had it', () => {
    const { ok } = workspace.attempt(secret, 'apply', ({ resource }) => {
      Object.assign(firstOf(resource, 'aws_secretsmanager_secret_version')[1], {
        secret_string_wo: null,
        secret_string: 'ephemeral-0a1b2c3d-',
      });
    });
    expect(ok).toBe(true);
    expect(workspace.attemptedState(secret)).toMatch(generatedPassword);
  });

  test('nothing is found in copies without a mistake', () => {
    const attempts = new Map(mistakes.map(({ stack, step = 'validate' }) => [`${step} ${stack}`, workspace.attempt(stack, step)]));
    expect([...attempts].filter(([, { ok }]) => !ok)).toEqual([]);
  });

  test('every mistake that is planted is found and named', () => {
    const missed = mistakes.flatMap(({ what, stack, step = 'validate', plant, said }) => {
      const attempt = workspace.attempt(stack, step, plant);
      return !attempt.ok && said.test(attempt.said) ? [] : [`${what}: ${attempt.said}`];
    });
    expect(missed).toEqual([]);
  });
});

/** The environments and a stack with one secret; names of all stacks. */
function synthesize(outDir: string): string[] {
  const plan = planOf({ environments: [...shipped, contained].map(environment), state: { kind: 'local' }, outDir });
  const stack = new EnvironmentStack(plan.app, secret, testIdentity);
  new AwsProvider(stack, 'aws', { region: stack.identity.region });
  new GeneratedSecret(stack, 'Secret', {
    name: 'test/user',
    description: 'password of a user',
    encryptionKeyArn: 'arn:aws:kms:eu-central-1:111111111111:key/k',
    fields: { username: 'app' },
  });
  plan.app.synth();
  return [...plan.stacks, stack].map(({ node }) => node.id);
}
