import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';

/*
 * All tests, as `make test` runs them: `tsx tests/run.ts [Jest's arguments]`.
 *
 * Files run beside each other and share the processors, so a test may find a real server late that is not at fault. A file that fails is run once more, alone.
 * If it passes then, the run passes, and names the file and what failed in it: see docs/decisions/0029-a-second-attempt-alone.md.
 */

/** What these look for happens once in a thousand runs: to have seen it once is enough. */
const atTheFirstAttempt = ['tests/runtime/faults/', 'tests/conformance/'];
/** More are no accident. */
const filesAgain = 3;

interface Results {
  readonly testResults: readonly FileResult[];
  /** From `support/skip-reporter.cjs`: skips without leave, and leaves without a test. */
  readonly wrongSkips?: number;
}

interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
}

interface Run {
  readonly status: number;
  /** Undefined when Jest ended before it had any. */
  readonly results: Results | undefined;
}

function jest(folder: string, args: readonly string[]): Run {
  const outputFile = join(folder, 'results.json');
  rmSync(outputFile, { force: true });
  const program = createRequire(__filename).resolve('jest/bin/jest');
  const { status } = spawnSync(process.execPath, [program, ...args, '--json', '--outputFile', outputFile], { stdio: 'inherit' });
  return { status: status ?? 1, results: read(outputFile) };
}

function read(file: string): Results | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Results;
  } catch {
    return undefined;
  }
}

const pathOf = ({ name }: FileResult): string => relative(process.cwd(), name).split(sep).join('/');

/** Empty where there is no second attempt. */
function failedByAccident({ testResults, wrongSkips = 0 }: Results): readonly FileResult[] {
  const failed = testResults.filter(({ status }) => status === 'failed');
  const seenOnce = failed.some((file) => atTheFirstAttempt.some((folder) => pathOf(file).startsWith(folder)));
  return wrongSkips > 0 || failed.length > filesAgain || seenOnce ? [] : failed;
}

/** Says what failed at first, and counts each test as it was found last. */
function closingLines(first: readonly FileResult[], second: readonly FileResult[], again: readonly FileResult[]): string {
  const files = [...first.filter((file) => !again.includes(file)), ...second];
  const statuses = files.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
  const count = (...among: string[]): number => statuses.filter((status) => among.includes(status)).length;
  const broken = files.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0).length;
  const skipped = count('pending', 'todo');
  const counts = [`${count('passed')} passed`, `${count('failed') + broken} failed`, ...(skipped > 0 ? [`${skipped} skipped`] : [])];
  const failures = again.flatMap((file) => failuresOf(file).map((test) => `  ${pathOf(file)} > ${test}`));
  return ['', 'Failed beside other tests, and ran once more, alone:', ...failures, '', counts.join(', '), ''].join('\n');
}

function failuresOf({ assertionResults }: FileResult): string[] {
  const failures = assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
  return failures.length > 0 ? failures : ['the file itself'];
}

function main(args: readonly string[]): number {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-tests-'));
  try {
    const first = jest(folder, args);
    const again = first.results === undefined ? [] : failedByAccident(first.results);
    if (again.length === 0) return first.status;
    process.stderr.write(`\nOnce more, alone: ${again.map(pathOf).join(', ')}\n\n`);
    const second = jest(folder, ['--runInBand', '--runTestsByPath', ...again.map(({ name }) => name)]);
    if (second.results !== undefined) process.stdout.write(closingLines(first.results!.testResults, second.results.testResults, again));
    return second.status;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = main(process.argv.slice(2));
