import { join } from 'node:path';
import { runInJestFolder } from './jest-folder.ts';
import { repository } from './repository.ts';

const listed = { test: 'tests/a.test.js > skipped', reason: 'no such server on this machine' };
const passing = "test('passing', () => {});\n";
const skipping = `${passing}test.skip('skipped', () => {});\n`;

/** A run of Jest with the reporter over one file, in a folder of its own. */
function run({ file, allowed, args = [] }: { file: string; allowed: readonly object[]; args?: readonly string[] }) {
  const jest = join(repository, 'node_modules', 'jest', 'bin', 'jest.js');
  return runInJestFolder({ 'tests/a.test.js': file }, allowed, (root) => [
    ...[jest, '--rootDir', root, '--config', join(root, 'jest.config.json'), '--runInBand'],
    ...args,
  ]);
}

test('without skips the run passes and closes with its counts', () => {
  expect(run({ file: passing, allowed: [] })).toMatchObject({ status: 0, lastLine: '1 passed, 0 failed' });
});

test('an allowed skip passes and is listed with its reason', () => {
  const result = run({ file: skipping, allowed: [listed] });
  expect(result).toMatchObject({ status: 0, lastLine: '1 passed, 0 failed, 1 skipped' });
  expect(result.stdout).toContain(`${listed.test}\n    ${listed.reason}`);
});

test('fails if a skip is not listed', () => {
  const result = run({ file: skipping, allowed: [] });
  expect(result).toMatchObject({ status: 1, lastLine: '1 passed, 0 failed, 1 skipped' });
  expect(result.stdout).toContain('Skipped without leave');
});

test('fails if a listed test has gone, whether its file is there or not', () => {
  expect(run({ file: passing, allowed: [listed] })).toMatchObject({ status: 1 });
  expect(run({ file: passing, allowed: [{ ...listed, test: 'tests/b.test.js > skipped' }] })).toMatchObject({ status: 1 });
});

test('fails if one test is focused, because the others are skipped then', () => {
  expect(run({ file: `${passing}test.only('focused', () => {});\n`, allowed: [] })).toMatchObject({
    status: 1,
    lastLine: '1 passed, 0 failed, 1 skipped',
  });
});

test('a listed test that runs here is no problem', () => {
  expect(run({ file: `${passing}test('skipped', () => {});\n`, allowed: [listed] })).toMatchObject({
    status: 0,
    lastLine: '2 passed, 0 failed',
  });
});

test('tests chosen by name are not judged', () => {
  expect(run({ file: skipping, allowed: [], args: ['-t', 'passing'] })).toMatchObject({ status: 0 });
});

test('failures are counted, a file that cannot be loaded as one', () => {
  expect(run({ file: `${passing}test('failing', () => { throw new Error('x'); });\n`, allowed: [] })).toMatchObject({
    status: 1,
    lastLine: '1 passed, 1 failed',
  });
  expect(run({ file: 'not javascript', allowed: [] })).toMatchObject({ status: 1, lastLine: '0 passed, 1 failed' });
});
