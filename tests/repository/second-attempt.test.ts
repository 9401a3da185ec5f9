import { createRequire } from 'node:module';
import { join } from 'node:path';
import { runInJestFolder } from './jest-folder.ts';
import { repository } from './repository.ts';

const passing = "test('passing', () => {});\n";
const failing = "test('failing', () => { throw new Error('broken'); });\n";
/** Fails when it has not been run before. */
const unstable = `${passing}test('unstable', () => {
  const { existsSync, writeFileSync } = require('node:fs');
  const seen = __filename + '.seen';
  if (existsSync(seen)) return;
  writeFileSync(seen, '');
  throw new Error('late');
});\n`;

/** `tests/run.ts` over these files, in a folder of their own. */
function run(files: Readonly<Record<string, string>>) {
  return runInJestFolder(files, [], () => [createRequire(__filename).resolve('tsx/cli'), join(repository, 'tests', 'run.ts')]);
}

const again = 'Once more, alone';

test('what passes alone passes, is counted once, and is named with its file', () => {
  const result = run({ 'tests/a.test.js': unstable, 'tests/b.test.js': passing });
  expect(result).toMatchObject({ status: 0, lastLine: '3 passed, 0 failed' });
  expect(result.stdout).toContain('  tests/a.test.js > unstable\n');
  expect(result.stderr).toContain('late');
});

test('what fails alone as well fails', () => {
  const result = run({ 'tests/a.test.js': passing + failing, 'tests/b.test.js': unstable });
  expect(result).toMatchObject({ status: 1, lastLine: '3 passed, 1 failed' });
});

test('a file that cannot be loaded fails', () => {
  expect(run({ 'tests/a.test.js': "require('./absent');\n", 'tests/b.test.js': passing })).toMatchObject({
    status: 1,
    lastLine: '1 passed, 1 failed',
  });
});

test('when all pass nothing runs again', () => {
  const result = run({ 'tests/a.test.js': passing });
  expect(result).toMatchObject({ status: 0, lastLine: '1 passed, 0 failed' });
  expect(result.stderr).not.toContain(again);
});

test.each(['tests/runtime/faults/a.test.js', 'tests/conformance/a.test.js'])('%s has one attempt', (path) => {
  const result = run({ [path]: unstable });
  expect(result).toMatchObject({ status: 1, lastLine: '1 passed, 1 failed' });
  expect(result.stderr).not.toContain(again);
});

test('four files that fail have one attempt', () => {
  const files = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [`tests/${name}.test.js`, unstable]));
  expect(run(files)).toMatchObject({ status: 1, lastLine: '4 passed, 4 failed' });
});

test('a skip without leave fails, whatever a second attempt would say', () => {
  const result = run({ 'tests/a.test.js': unstable, 'tests/b.test.js': "test.skip('skipped', () => {});\n" });
  expect(result).toMatchObject({ status: 1, lastLine: '1 passed, 1 failed, 1 skipped' });
  expect(result.stderr).not.toContain(again);
});
