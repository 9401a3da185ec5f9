import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repository } from './repository.ts';

/** Runs a program of Node over tests in a folder of their own, where Jest has our reporter. @param files by their paths within the folder */
export function runInJestFolder(
  files: Readonly<Record<string, string>>,
  allowedSkips: readonly object[],
  program: (root: string) => readonly string[],
) {
  const root = mkdtempSync(join(tmpdir(), 'millrace-jest-'));
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  try {
    for (const [path, text] of Object.entries(files)) put(path, text);
    put('tests/allowed-skips.json', JSON.stringify(allowedSkips));
    const reporters = ['default', join(repository, 'tests', 'support', 'skip-reporter.cjs')];
    put('jest.config.json', JSON.stringify({ reporters, transform: {} }));
    const { status, stdout, stderr } = spawnSync(process.execPath, [...program(root)], { encoding: 'utf8', cwd: root });
    return { status, stdout, stderr, lastLine: stdout.trimEnd().split('\n').at(-1) };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
