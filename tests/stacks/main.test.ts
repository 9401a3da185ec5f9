import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inTemporaryFolder } from '../support/template.ts';

const repository = resolve(__dirname, '..', '..');
const bundle = join('dist', 'synth.cjs');

beforeAll(() => {
  expect(spawnSync('make', ['--silent', bundle], { cwd: repository, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
});

/** The program as `make synth` and cdktf run it, with `variables` and a folder of its own to write into. */
function synth(
  args: readonly string[],
  variables: Record<string, string> = {},
  look: (outDir: string) => void = () => undefined,
): SpawnSyncReturns<string> {
  return inTemporaryFolder((folder) => {
    const outDir = join(folder, 'out');
    const { ENV: _env, MILLRACE_STATE_BUCKET: _bucket, ...inherited } = process.env;
    const env = { ...inherited, CDKTF_OUTDIR: outDir, ...variables };
    const result = spawnSync(process.execPath, [bundle, ...args], {
      cwd: repository,
      encoding: 'utf8',
      env,
    });
    look(outDir);
    return result;
  });
}

/** Every stack of a plan of staging, and which come before it as the program says it. */
const stagingStacks: readonly (readonly [name: string, after: string])[] = [
  ['bootstrap-111111111111', ''],
  ['bootstrap-111111111111-eu-central-1', ''],
  ['staging-network', ''],
  ['staging-cache', ' {2}after staging-network'],
  ['staging-search', ' {2}after staging-network'],
  ['staging-messaging', ' {2}after staging-network'],
  ['staging-database', ' {2}after staging-network'],
  ['staging-topology', ' {2}after staging-cache, staging-search, staging-messaging, staging-database, staging-network'],
  ['staging-workers', ' {2}after staging-cache, staging-search, staging-messaging, staging-database, staging-network, staging-topology'],
  ['staging-observability', ' {2}after staging-workers, staging-network, staging-topology, staging-messaging'],
];

test('synthesizes one environment, with what its account shares, and says what is in it', () => {
  const { status, stdout, stderr } = synth([], { ENV: 'staging' }, (outDir) => {
    expect(existsSync(join(outDir, 'stacks', 'staging-cache', 'cdk.tf.json'))).toBe(true);
  });
  expect(status).toBe(0);
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(/^synthesized 10 stacks into /),
    ...stagingStacks.map(([name, after]) => expect.stringMatching(new RegExp(`^ {2}${name} +\\d+ resources${after}$`))),
    ...['events', 'log', 'search'].map((name) => expect.stringMatching(`^staging: ${name} is to keep about .* and has room for `)),
    'staging: not estimated, because no volume is declared: domain-entities',
    expect.stringMatching(
      /^staging: \d+ alarms, \d+ composite alarms, a dashboard and \d+ metrics of the probe cost about \d+ USD a month$/,
    ),
    '',
  ]);
  expect(stderr).not.toContain('left out');
});

test('says that state is a file on this machine unless a bucket is named', () => {
  const sentence = 'state is a file on this machine';
  expect(synth([], { ENV: 'staging' }).stderr).toContain(sentence);
  expect(synth([], { ENV: 'staging', MILLRACE_STATE_BUCKET: 'acme-state' }).stderr).not.toContain(sentence);
});

test('without ENV it synthesizes every environment', () => {
  const { status, stdout } = synth(['--json']);
  expect(status).toBe(0);
  const summary = JSON.parse(stdout);
  const names: string[] = summary.stacks.map(({ name }: { name: string }) => name);
  const staging = stagingStacks.map(([name]) => name);
  const production = staging.map((name) => name.replace('staging', 'production').replace('111111111111', '222222222222'));
  expect(names.sort()).toEqual([...staging, ...production, 'dev-platform'].sort());
  expect(summary.estimates).toContainEqual(expect.stringMatching('^production: log is to keep about '));
  expect(summary.leftOut).toContain('local: the engine process plans nothing; make up ENV=local starts its servers');
});

test('an environment without stacks is no failure', () => {
  const { status, stdout, stderr } = synth([], { ENV: 'local' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'nothing to synthesize\n' });
  expect(stderr).toContain('make up ENV=local starts its servers');
});

test('fails with the list of names if there is no such environment', () => {
  const { status, stdout, stderr } = synth([], { ENV: 'stagin' });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^ENVIRONMENT_UNKNOWN: ENV must be one of .*staging.*, got "stagin"; did you mean staging\?\n$/);
});

test('fails if it gets an option that it does not know', () => {
  expect(synth(['--jsno'])).toMatchObject({ status: 1, stderr: expect.stringContaining("unknown option '--jsno'") });
});

test('--help names the variables and the exit codes', () => {
  const { status, stdout } = synth(['--help']);
  expect(status).toBe(0);
  for (const word of ['ENV', 'MILLRACE_STATE_BUCKET', 'CDKTF_OUTDIR', 'Exit codes']) expect(stdout).toContain(word);
});
