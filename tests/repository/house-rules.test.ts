import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorGuide } from '../../runtime/src/contracts/error-guide.ts';
import { faultGuide } from '../../runtime/src/contracts/fault-guide.ts';
import { committedFiles, repository } from './repository.ts';

interface Rule {
  readonly name: string;
  readonly forbidden: RegExp;
  readonly files: RegExp;
  readonly except?: RegExp;
  /** A line that breaks the rule. */
  readonly planted: string;
}

const code = /\.(ts|cjs|mjs|js)$/;
const rules: readonly Rule[] = [
  {
    name: 'no path of one machine',
    forbidden: /(?<![\w.:*-])\/(?:work|root|farm|home\/\w+|Users\/\w+)\//,
    files: /./,
    planted: `cd '/${'root'}/project'`,
  },
  {
    name: 'no address of a package registry',
    forbidden:
      /https?:\/\/[^\s"'`)]*(?:registry\.npmjs|registry\.yarnpkg|pypi\.org\/simple|files\.pythonhosted|proxy\.golang|repo1?\.maven|artifactory|nexus)/,
    files: /./,
    planted: `"resolved": "https://registry.${'npmjs'}.org/zod"`,
  },
  {
    name: 'no focused or disabled test',
    forbidden: /\b(?:(?:it|test|describe)\.(?:only|todo)|[fx](?:it|describe)|xtest)\s*[.(]/,
    files: /\.test\.ts$/,
    except: /^tests\/repository\/skips\.test\.ts$/,
    planted: "test.only('x', () => {})",
  },
  {
    name: 'no swallowed error',
    forbidden: /catch\s*(?:\(\w*\))?\s*\{\s*\}|\.catch\(\(\)\s*=>\s*\{\s*\}\)/,
    files: code,
    planted: '} catch {}',
  },
  {
    name: 'nothing left to do',
    forbidden: /\b(?:TODO|FIXME|XXX|HACK)\b/,
    files: /\.(?:ts|cjs|sql|sh)$|Makefile$/,
    planted: '// TODO later',
  },
  {
    name: 'within constructs and stacks only stacks/main.ts reads the process environment',
    forbidden: /\bprocess\s*\.\s*env\b|\bprocess\[['"]env|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/,
    files: /^(?:constructs|stacks)\/.*\.ts$/,
    except: /^stacks\/main\.ts$/,
    planted: 'const name = process.env.ENV;',
  },
];

/** This file quotes what it forbids. */
const files = committedFiles().filter((path) => path !== 'tests/repository/house-rules.test.ts');
const linesOf = (path: string) => readFileSync(join(repository, path), 'utf8').split('\n');

describe.each(rules)('$name', ({ forbidden, files: which, except, planted }) => {
  test('a planted line is found', () => expect(forbidden.test(planted)).toBe(true));

  test('no committed file breaks the rule', () => {
    const chosen = files.filter((path) => which.test(path) && except?.test(path) !== true);
    const broken = chosen.flatMap((path) =>
      linesOf(path).flatMap((line, index) => (forbidden.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    );
    expect(broken).toEqual([]);
  });
});

test.each([
  ['any', 'export const x: any = 1;\n', 'noExplicitAny'],
  ['an unused import', "import 'node:fs';\nimport { join } from 'node:path';\n", 'noUnusedImports'],
])('biome refuses %s', (_, planted, rule) => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-biome-'));
  try {
    copyFileSync(join(repository, 'biome.json'), join(root, 'biome.json'));
    writeFileSync(join(root, 'planted.ts'), planted);
    const biome = join(repository, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
    const { status, stderr } = spawnSync(process.execPath, [biome, 'lint', '--error-on-warnings', '--vcs-enabled=false'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(status).not.toBe(0);
    expect(stderr).toContain(rule);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test.each([
  ['error is thrown', errorGuide],
  ['fault is found', faultGuide],
])('every code of an %s somewhere', (_, guide) => {
  const sources = files.filter(
    (path) =>
      /^(?:runtime\/src|environments|alerts|servers|constructs|stacks)\/.*\.ts$/.test(path) &&
      !/^runtime\/src\/contracts\/(?:error-guide|fault-guide|errors)\.ts$/.test(path),
  );
  const text = sources.map((path) => readFileSync(join(repository, path), 'utf8')).join('\n');
  expect(Object.keys(guide).filter((name) => !text.includes(`'${name}'`))).toEqual([]);
});

test('every fault has one sentence as its way out, and a runbook that exists', () => {
  const faults = Object.entries<{ wayOut: string; runbook?: string }>(faultGuide);
  expect(faults.filter(([, { wayOut }]) => !/^[A-Z][^.]*(?:\.[^ .][^.]*)*\.$/.test(wayOut)).map(([code]) => code)).toEqual([]);
  expect(faults.filter(([, { runbook }]) => runbook !== undefined && !files.includes(`docs/runbooks/${runbook}.md`))).toEqual([]);
});
