import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { zipOf } from '../../stacks/zip.ts';

const repository = resolve(__dirname, '..', '..');
const functions = ['apply', 'probe'] as const;
const archives = functions.map((name) => `dist/lambda/${name}.zip`);
const { MAKEFLAGS: _flags, MAKELEVEL: _level, ...env } = process.env;

/** Each has about 4.5 MB: more than half are the clients of the servers, a good quarter the AWS SDK. Lambda takes 50 MB. */
const mostMegabytes = 6;

const run = (program: string, ...args: string[]): SpawnSyncReturns<string> =>
  spawnSync(program, args, { cwd: repository, encoding: 'utf8', env });
const packed = (name: string): Buffer => readFileSync(join(repository, 'dist', 'lambda', `${name}.zip`));

beforeAll(() => {
  expect(run('make', '--silent', ...archives)).toMatchObject({ status: 0, stderr: '' });
});

test.each(functions)('the function %s is packed again when a source has changed, and not otherwise', (name) => {
  const wouldPack = (...changed: string[]) =>
    run('make', '--question', ...changed.map((file) => `--what-if=${file}`), `dist/lambda/${name}.zip`).status === 1;
  expect(wouldPack()).toBe(false);
  for (const file of [`runtime/src/lambda/${name}.ts`, 'runtime/src/contracts/topology.ts', 'package-lock.json'])
    expect([file, wouldPack(file)]).toEqual([file, true]);
});

test('packed twice they are the same, byte for byte, and name no machine', () => {
  const before = functions.map(packed);
  expect(run(process.execPath, '--import', 'tsx', 'stacks/pack-functions.ts')).toMatchObject({ status: 0, stderr: '' });
  for (const [index, name] of functions.entries()) expect(packed(name).equals(before[index]!)).toBe(true);
  for (const content of before) expect(content.includes(repository)).toBe(false);
});

test.each(functions)('the function %s is small, and all that it imports is in it', (name) => {
  const megabytes = packed(name).length / 1e6;
  process.stdout.write(`the function ${name}: ${megabytes.toFixed(1)} MB\n`);
  expect(megabytes).toBeLessThan(mostMegabytes);
  const code = readFileSync(join(repository, 'dist', 'lambda', name, 'index.mjs'), 'utf8');
  const imported = [...code.matchAll(/(?:^|[;\n])import\b[^;"'(]*["']([\w@./:-]+)["']|\bimport\(["']([\w@./:-]+)["']\)/g)].map(
    ([, from, lazily]) => from ?? lazily!,
  );
  const { builtinModules } = process.getBuiltinModule('node:module');
  const known = new Set([...builtinModules, ...builtinModules.map((builtin) => `node:${builtin}`)]);
  expect([...new Set(imported)].filter((from) => !known.has(from))).toEqual([]);
});

test('an archive has its files in the order of their names, whatever order they were given in', () => {
  const [a, b] = [Buffer.from('first'), Buffer.from('second')];
  expect(zipOf({ b, a }).equals(zipOf({ a, b }))).toBe(true);
  expect(zipOf({ a, b }).equals(zipOf({ a: b, b: a }))).toBe(false);
});
