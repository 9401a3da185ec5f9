import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { planOf } from '../../stacks/app.ts';

const repository = resolve(__dirname, '..', '..');
const standIn = join(repository, 'tests', 'terraform-check', 'schema-provider');

/** The first run compiles the stand-in provider (25-60 s on 2 cores). */
const timeoutMs = 300_000;

const services = {
  cache: { kind: 'redis', role: 'cache' },
  log: { kind: 'kafka', role: 'log' },
  tasks: { kind: 'rabbitmq', role: 'tasks' },
} as const satisfies EnvironmentInput['services'];

/** Called production, whose declaration the program looks up to learn that it is protected. */
const production = (declared: EnvironmentInput['services']): EnvironmentInput => ({
  name: 'production',
  engine: {
    kind: 'aws',
    account: '222222222222',
    region: 'eu-central-1',
    network: { kind: 'own', cidr: '10.30.0.0/16' },
  },
  size: 'medium',
  services: declared,
  // The function that applies it has a program, whose hash every plan asks for.
  topology: { queues: { mails: { service: 'tasks' } } },
  protection: { deletion: true },
});

const { log, cache, tasks } = services;
const renamedAndServerless = {
  cache: { ...cache, overrides: { serverless: { maxStorageGiB: 10, maxEcpuPerSecond: 5_000 } } },
  journal: log,
  tasks,
} as const;
const deployed = ['network', 'cache', 'messaging', 'topology'].map((part) => `production-${part}`);

const missing = ['go', 'terraform'].filter((program) => spawnSync(program, ['version']).error !== undefined);
if (missing.length > 0)
  console.warn(`not run: ${missing.join(' and ')} not found on PATH; the check builds a stand-in provider with go and runs terraform`);
const withTerraform = missing.length > 0 ? describe.skip : describe;

let folder: string;
let outDir: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-guard-'));
  outDir = join(folder, 'cdktf.out');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(program: string, args: readonly string[], cwd: string): string {
  const env = { ...process.env, TF_CLI_CONFIG_FILE: join(folder, 'mirror', 'terraform.rc'), CHECKPOINT_DISABLE: '1' };
  const { status, stdout, stderr } = spawnSync(program, [...args], { cwd, encoding: 'utf8', env, maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** The program as `make deploy` runs it. */
function guard(...args: string[]) {
  const env = { ...process.env, TF_CLI_CONFIG_FILE: join(folder, 'mirror', 'terraform.rc'), CHECKPOINT_DISABLE: '1' };
  const program = ['--import', 'tsx', 'stacks/guard.ts', '--out-dir', outDir, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, program, { cwd: repository, encoding: 'utf8', env });
  return { status, stdout, stderr };
}

function synthesize(declared: EnvironmentInput['services'], into = outDir): string[] {
  rmSync(join(into, 'stacks'), { recursive: true, force: true });
  const { app, stacks } = planOf({ environments: [parseEnvironment(production(declared))], state: { kind: 'local' }, outDir: into });
  app.synth();
  return stacks.map(({ node }) => join(into, 'stacks', node.id, 'cdk.tf.json'));
}

const loss = (stack: string, type: string, service: string, happens: string, because: string) => ({
  stack: `production-${stack}`,
  address: expect.stringMatching(new RegExp(`^${type}\\.${service}_[0-9A-F]{8}$`)),
  service,
  happens,
  because,
});
const left = 'the declaration no longer leads to it';

withTerraform('a protected environment that stands', () => {
  beforeAll(() => {
    const files = [...synthesize(renamedAndServerless, join(folder, 'other')), ...synthesize(services)];
    const schema = join(folder, 'schema.json');
    const aws = join(repository, 'node_modules', '@cdktf', 'provider-aws');
    run('node', [join(standIn, 'extract.mjs'), '--package', aws, '--out', schema, ...files], folder);
    run(join(standIn, 'install.sh'), [join(folder, 'mirror'), schema, join(standIn, 'values.json')], folder);
    for (const stack of deployed) {
      const cwd = join(outDir, 'stacks', stack);
      run('terraform', ['init', '-input=false', '-no-color'], cwd);
      run('terraform', ['apply', '-auto-approve', '-input=false', '-no-color'], cwd);
    }
  }, timeoutMs);

  test(
    'is deployed again where nothing is lost, and nothing is left behind',
    () => {
      synthesize(services);
      expect(guard('production')).toMatchObject({ status: 0, stdout: 'production: nothing that holds data would be lost\n' });
      expect(existsSync(join(outDir, 'guard', 'production-messaging'))).toBe(false);
    },
    timeoutMs,
  );

  test(
    'is deployed with one more service, of which other stacks know nothing yet',
    () => {
      synthesize({ ...services, jobs: { kind: 'redis', role: 'jobs' } });
      expect(guard('production')).toMatchObject({ status: 0 });
    },
    timeoutMs,
  );

  test(
    'is refused without a service, by its name, with a way out; terraform alone would delete it',
    () => {
      synthesize({ cache, tasks });
      const { status, stdout, stderr } = guard('production');
      expect({ status, stdout: stdout.split('\n')[0] }).toEqual({
        status: 2,
        stdout: 'production: refused, because protection.deletion is true and 1 that hold data would be lost; nothing was applied',
      });
      expect(stdout).toMatch(
        /^ {2}- production-messaging: aws_msk_cluster\.log_\w+ of log would be deleted: the declaration no longer leads to it$/m,
      );
      expect(stdout).toMatch(/set protection\.deletion to false, deploy that alone.*state mv/s);
      expect(stderr).toContain('production-messaging: looks for what would be lost');
      const cwd = join(outDir, 'stacks', 'production-messaging');
      expect(run('terraform', ['plan', '-input=false', '-no-color'], cwd)).toMatch(/aws_msk_cluster\.log_\w+ will be destroyed/);
    },
    timeoutMs,
  );

  test(
    'is refused with a service that was renamed and one that has another form',
    () => {
      synthesize(renamedAndServerless);
      const { status, stdout } = guard('production', '--json');
      expect({ status, ...JSON.parse(stdout) }).toEqual({
        status: 2,
        environment: 'production',
        protected: true,
        forgotten: [],
        losses: [
          loss('cache', 'aws_elasticache_replication_group', 'cache', 'deleted', left),
          loss('messaging', 'aws_msk_cluster', 'log', 'deleted', left),
        ],
      });
    },
    timeoutMs,
  );

  test(
    'is refused with an argument that cannot be changed in place, although terraform would refuse as well',
    () => {
      synthesize(services);
      const file = join(outDir, 'stacks', 'production-cache', 'cdk.tf.json');
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll('"port": 6379', '"port": 6390'));
      const { status, stdout } = guard('production', '--json');
      expect({ status, losses: JSON.parse(stdout).losses }).toEqual({
        status: 2,
        losses: [loss('cache', 'aws_elasticache_replication_group', 'cache', 'replaced', 'port cannot be changed in place')],
      });
    },
    timeoutMs,
  );

  test(
    'is not destroyed, and all that it holds is named',
    () => {
      synthesize(services);
      const { status, stdout } = guard('production', '--destroy', '--json');
      const { losses } = JSON.parse(stdout) as { losses: { address: string; happens: string }[] };
      expect({ status, types: [...new Set(losses.map(({ address }) => address.split('.')[0]))].sort() }).toEqual({
        status: 2,
        types: [
          'aws_elasticache_replication_group',
          'aws_kms_key',
          'aws_mq_broker',
          'aws_msk_cluster',
          'aws_s3_bucket',
          'aws_subnet',
          'aws_vpc',
        ],
      });
      expect(new Set(losses.map(({ happens }) => happens))).toEqual(new Set(['destroyed']));
    },
    timeoutMs,
  );

  test(
    'is told of the state of a stack that it no longer has',
    () => {
      synthesize(services);
      const file = join(folder, '.millrace', 'production', 'production-storage.tfstate');
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, JSON.stringify({ version: 4, resources: [{ mode: 'managed', type: 'aws_msk_cluster' }] }));
      const { status, stdout } = guard('production');
      rmSync(file);
      expect({ status, stdout }).toEqual({
        status: 0,
        stdout: `${file} is the state of a stack that production no longer has, and holds data: nothing deploys or destroys it
production: nothing that holds data would be lost
`,
      });
    },
    timeoutMs,
  );
});

test('an environment that is not protected passes, and nothing is run for it', () => {
  expect(guard('staging', '--terraform', 'no-such-program')).toMatchObject({
    status: 0,
    stdout: 'staging: protection.deletion is false, so nothing is held back\n',
  });
});

test('fails if terraform fails, or there is none', () => {
  synthesize(services);
  expect(guard('production', '--terraform', 'false')).toMatchObject({ status: 1, stderr: expect.stringContaining('false init') });
  expect(guard('production', '--terraform', 'no-such-program')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('no-such-program must be on PATH'),
  });
});

test('fails if what was synthesized is another environment, in place of finding nothing', () => {
  mkdirSync(outDir, { recursive: true });
  writeFileSync(
    join(outDir, 'manifest.json'),
    JSON.stringify({ stacks: { 'production-eu-cache': { name: 'production-eu-cache', dependencies: [] } } }),
  );
  expect(guard('production')).toMatchObject({ status: 1, stderr: expect.stringContaining('holds no plan of production') });
});

test('fails if there is no such environment', () => {
  expect(guard('productoin')).toMatchObject({ status: 1, stderr: expect.stringContaining('did you mean production?') });
});

test('--help names the exit codes', () => {
  expect(guard('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('Exit codes: 0 ok, 1 failed, 2 refused') });
});
