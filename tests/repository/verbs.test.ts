import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from './repository.ts';

/** Without what an outer `make` or a developer's shell says about environments. */
const { ENV: _env, MAKEFLAGS: _flags, MAKELEVEL: _level, ...env } = process.env;

const make = (...args: string[]) => spawnSync('make', args, { cwd: repository, encoding: 'utf8', env });

test('make alone lists every verb with a line about it', () => {
  const listed = make().stdout.matchAll(/^ {2}(\w+) +\S/gm);
  const verbs = ['demo', 'test', 'check', 'bench', 'faults', 'up', 'down', 'status', 'images', 'synth', 'deploy', 'destroy'];
  expect([...listed].map(([, verb]) => verb)).toEqual(expect.arrayContaining(verbs));
});

test.each(['synth', 'deploy', 'destroy'])('make %s fails if ENV names no environment', (verb) => {
  const { status, stderr } = make(verb);
  expect(status).not.toBe(0);
  expect(stderr).toContain(`ENV must name an environment, got nothing: for example make ${verb} ENV=staging`);
});

test.each([
  ['deploy', ''],
  ['destroy', ' --destroy'],
])('make %s synthesizes, asks what would be lost, and lets cdktf apply what was asked about', (verb, flag) => {
  const steps = make('--dry-run', verb, 'ENV=production', 'TERRAFORM_BINARY_NAME=tofu').stdout.split('\n').slice(-4);
  expect(steps).toEqual([
    'ENV=production node dist/synth.cjs',
    expect.stringMatching(new RegExp(`node --import tsx stacks/guard\\.ts --terraform tofu production${flag}$`)),
    `ENV=production cdktf ${verb} --skip-synth --skip-provider-lock 'production-*'`,
    '',
  ]);
});

test.each(['up', 'down', 'status'])('make %s means the local environment unless ENV says otherwise', (verb) => {
  expect(make('--dry-run', verb).stdout).toContain(`servers/main.ts ${verb} local`);
  expect(make('--dry-run', verb, 'ENV=dev').stdout).toContain(`servers/main.ts ${verb} dev`);
});

describe('.ci/run closes with the line that counts the tests', () => {
  /** `.ci/run` in a folder whose `npm` does nothing and whose `make test` prints `output`. */
  function ci(output: string, exitCode: number) {
    const root = mkdtempSync(join(tmpdir(), 'millrace-ci-'));
    try {
      cpSync(join(repository, '.ci'), join(root, '.ci'), { recursive: true });
      writeFileSync(join(root, 'Makefile'), `test:\n\t@printf '%b' '${output}'\n\t@exit ${exitCode}\n`);
      mkdirSync(join(root, 'bin'));
      writeFileSync(join(root, 'bin', 'npm'), '#!/bin/sh\n', { mode: 0o755 });
      const { status, stdout } = spawnSync(join(root, '.ci', 'run'), {
        encoding: 'utf8',
        env: { ...env, PATH: `${join(root, 'bin')}:${env.PATH}` },
      });
      return { status, lastLine: stdout.trimEnd().split('\n').at(-1) };
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }

  test('when all pass', () => expect(ci('3 passed, 0 failed\\n', 0)).toEqual({ status: 0, lastLine: '3 passed, 0 failed' }));
  test('when some fail, although make speaks last', () => {
    expect(ci('2 passed, 1 failed, 1 skipped\\n', 1)).toEqual({ status: 2, lastLine: '2 passed, 1 failed, 1 skipped' });
  });
  test('when a check fails before the tests', () =>
    expect(ci('types are wrong\\n', 1)).toEqual({ status: 2, lastLine: '0 passed, 1 failed' }));
});

test('make images builds all images, or those that ONLY names, and without a registry if told so', () => {
  expect(make('--dry-run', 'images').stdout).toMatch(/docker\/build\.ts *$/m);
  expect(make('--dry-run', 'images', 'ONLY=redis kafka', 'DEBOOTSTRAP=1').stdout).toContain(
    'docker/build.ts --only redis kafka --debootstrap',
  );
});
