import { App } from '../../constructs/core/framework.ts';
import type { EnvironmentInput } from '../../environments/schema.ts';
import { parseEnvironment } from '../../environments/schema.ts';
import { type BootstrapOptions, defineBootstrap } from '../../stacks/bootstrap.ts';
import type { StateLocation } from '../../stacks/state.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';

const local: StateLocation = { kind: 'local' };
const on = (account: string, region: string): Pick<EnvironmentInput, 'engine'> => ({
  engine: { kind: 'aws', account, region, network: { kind: 'own', cidr: '10.20.0.0/16' } },
});
const [frankfurt, ireland, other] = [
  on('111111111111', 'eu-central-1'),
  on('111111111111', 'eu-west-1'),
  on('222222222222', 'eu-west-1'),
] as const;

function synthesize(options: Partial<BootstrapOptions>): Record<string, Template> {
  return inTemporaryFolder((outdir) => {
    const app = new App({ outdir });
    const stacks = defineBootstrap(app, { environments: [frankfurt], state: local, ...options });
    app.synth();
    return Object.fromEntries(stacks.map(({ node }) => [node.id, Template.read(outdir, node.id)]));
  });
}

/** The stack of the region, or that of the account. */
function one(options: Partial<BootstrapOptions> = {}, name = 'bootstrap-111111111111-eu-central-1'): Template {
  const template = synthesize(options)[name];
  if (template === undefined) throw new Error(`no stack ${name}`);
  return template;
}

const rolesOf = (templates: Record<string, Template>) =>
  Object.fromEntries(Object.entries(templates).map(([name, template]) => [name, template.all('aws_iam_service_linked_role').length]));

const regionOf = ({ text }: Template) => (JSON.parse(text) as { provider: { aws: [{ region: string }] } }).provider.aws[0].region;

describe('the stack of an account and region', () => {
  const template = one();

  test('has what its environments share, and no server', () => {
    expect(template.counts()).toEqual({
      aws_cloudwatch_log_resource_policy: 1,
      aws_ecr_lifecycle_policy: 1,
      aws_ecr_repository: 1,
      aws_kms_alias: 1,
      aws_kms_key: 1,
      aws_s3_bucket: 1,
      aws_s3_bucket_lifecycle_configuration: 1,
      aws_s3_bucket_policy: 1,
      aws_s3_bucket_public_access_block: 1,
      aws_s3_bucket_server_side_encryption_configuration: 1,
      aws_s3_bucket_versioning: 1,
    });
  });

  test('has a key of its own for the state and the images, which rotates and cannot be destroyed', () => {
    expect(template.one('aws_kms_key')).toMatchObject({ enable_key_rotation: true, lifecycle: { prevent_destroy: true } });
    const key = expect.stringMatching(/^\$\{aws_kms_key\.\w+\.arn\}$/);
    expect(template.one('aws_ecr_repository').encryption_configuration).toEqual([{ encryption_type: 'KMS', kms_key: key }]);
    expect(template.one('aws_s3_bucket_server_side_encryption_configuration').rule).toEqual([
      expect.objectContaining({ apply_server_side_encryption_by_default: { sse_algorithm: 'aws:kms', kms_master_key_id: key } }),
    ]);
  });

  test('touches no other account and is tagged as what it is', () => {
    const { provider } = JSON.parse(template.text) as { provider: { aws: [object] } };
    expect(provider.aws[0]).toMatchObject({
      region: 'eu-central-1',
      allowed_account_ids: ['111111111111'],
      default_tags: [{ tags: { 'millrace:environment': 'bootstrap', 'millrace:stack': 'bootstrap-111111111111-eu-central-1' } }],
    });
  });

  test('says where state and images go', () => {
    expect(template.outputs()).toEqual({
      state_bucket: expect.stringMatching(/^\$\{aws_s3_bucket\./),
      image_repository_url: expect.stringMatching(/^\$\{aws_ecr_repository\.\w+\.repository_url\}$/),
    });
  });
});

describe('its own state', () => {
  test('begins in a file', () => {
    expect(one().terraform.backend).toEqual({
      local: { path: '../../../.millrace/bootstrap/bootstrap-111111111111-eu-central-1.tfstate' },
    });
  });

  test('moves into the very bucket that the stack makes', () => {
    const template = one({ state: { kind: 's3', bucket: 'millrace-state-{account}-{region}' } });
    expect(template.terraform.backend).toEqual({
      s3: expect.objectContaining({ key: 'millrace/bootstrap/bootstrap-111111111111-eu-central-1.tfstate', use_lockfile: true }),
    });
    const { bucket } = (template.terraform.backend as { s3: { bucket: string } }).s3;
    expect(template.one('aws_s3_bucket').bucket).toBe(bucket);
  });
});

describe('several environments', () => {
  test('share a stack where account and region are the same, and one that is not on AWS has none', () => {
    const process: Pick<EnvironmentInput, 'engine'> = { engine: { kind: 'process', ports: { base: 17_000 } } };
    expect(Object.keys(synthesize({ environments: [other, process, frankfurt, frankfurt] }))).toEqual([
      'bootstrap-111111111111',
      'bootstrap-222222222222',
      'bootstrap-111111111111-eu-central-1',
      'bootstrap-222222222222-eu-west-1',
    ]);
  });

  test('get the roles once an account, from a stack of no region', () => {
    expect(rolesOf(synthesize({ environments: [ireland, frankfurt, other] }))).toEqual({
      'bootstrap-111111111111': 2,
      'bootstrap-222222222222': 2,
      'bootstrap-111111111111-eu-central-1': 0,
      'bootstrap-111111111111-eu-west-1': 0,
      'bootstrap-222222222222-eu-west-1': 0,
    });
  });

  test('keep the state of that stack in one place, whichever of them is planned', () => {
    const state: StateLocation = { kind: 's3', bucket: 'millrace-state-{account}-{region}' };
    const both = one({ environments: [ireland, frankfurt], state }, 'bootstrap-111111111111');
    const ofIreland = one({ environments: [ireland], declared: [frankfurt, ireland], state }, 'bootstrap-111111111111');
    expect(ofIreland.text).toBe(both.text);
    expect(regionOf(both)).toBe('eu-central-1');
    expect(both.terraform.backend).toMatchObject({ s3: { bucket: 'millrace-state-111111111111-eu-central-1' } });
  });
});

test('fails if an environment takes the name', () => {
  const input: EnvironmentInput = { ...frankfurt, name: 'bootstrap', size: 'small', protection: { deletion: true } };
  expect(() => parseEnvironment(input)).toThrow(
    expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining('must be another than bootstrap') }),
  );
});
