import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { zipOf } from '../../stacks/zip.ts';

const repository = resolve(__dirname, '..', '..');
const archive = 'dist/lambda/apply.zip';
const { MAKEFLAGS: _flags, MAKELEVEL: _level, ...env } = process.env;

/** It has 4.5 MB: more than half are the clients of the servers, a good quarter the AWS SDK. Lambda takes 50 MB. */
const mostMegabytes = 6;

const run = (program: string, ...args: string[]): SpawnSyncReturns<string> =>
  spawnSync(program, args, { cwd: repository, encoding: 'utf8', env });
const packed = (): Buffer => readFileSync(join(repository, archive));

beforeAll(() => {
  expect(run('make', '--silent', archive)).toMatchObject({ status: 0, stderr: '' });
});

test('the function is packed again when a source has changed, and not otherwise', () => {
  const wouldPack = (...changed: string[]) =>
    run('make', '--question', ...changed.map((file) => `--what-if=${file}`), archive).status === 1;
  expect(wouldPack()).toBe(false);
  for (const file of ['runtime/src/lambda/apply.ts', 'runtime/src/contracts/topology.ts', 'package-lock.json'])
    expect([file, wouldPack(file)]).toEqual([file, true]);
});

test('packed twice it is the same, byte for byte, and names no machine', () => {
  const before = packed();
  expect(run(process.execPath, '--import', 'tsx', 'stacks/pack-apply.ts')).toMatchObject({ status: 0, stderr: '' });
  expect(packed().equals(before)).toBe(true);
  expect(before.includes(repository)).toBe(false);
});

test('it is small, and all that it imports is in it', () => {
  const megabytes = packed().length / 1e6;
  process.stdout.write(`the function that applies topologies: ${megabytes.toFixed(1)} MB\n`);
  expect(megabytes).toBeLessThan(mostMegabytes);
  const code = readFileSync(join(repository, 'dist/lambda/apply/index.mjs'), 'utf8');
  const imported = [...code.matchAll(/(?:^|[;\n])import[^;"']*["']([\w@./:-]+)["']|\bimport\(["']([\w@./:-]+)["']\)/g)].map(
    ([, from, lazily]) => from ?? lazily!,
  );
  const { builtinModules } = process.getBuiltinModule('node:module');
  const known = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)]);
  expect([...new Set(imported)].filter((name) => !known.has(name))).toEqual([]);
});

test('an archive has its files in the order of their names, whatever order they were given in', () => {
  const [a, b] = [Buffer.from('first'), Buffer.from('second')];
  expect(zipOf({ b, a }).equals(zipOf({ a, b }))).toBe(true);
  expect(zipOf({ a, b }).equals(zipOf({ a: b, b: a }))).toBe(false);
});
