import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repository } from './repository.ts';

const rules = join(repository, '.dependency-cruiser.cjs');

/** File that breaks a rule, with the import that breaks it. */
const planted: Readonly<Record<string, readonly (readonly [file: string, specifier: string])[]>> = {
  'environments-are-the-base': [
    ['environments/a.ts', '../servers/ok.ts'],
    ['environments/d.ts', '../alerts/ok.ts'],
  ],
  'alerts-know-no-host': [
    ['alerts/a.ts', '../servers/ok.ts'],
    ['alerts/c.ts', '../constructs/ok.ts'],
  ],
  'servers-know-no-host': [['servers/a.ts', '../constructs/ok.ts']],
  'constructs-know-no-stack': [['constructs/a.ts', '../stacks/ok.ts']],
  'provisioning-and-runtime-share-contracts-only': [
    ['environments/b.ts', '../runtime/src/ok.ts'],
    ['alerts/b.ts', '../runtime/src/ok.ts'],
    ['servers/b.ts', '../runtime/src/ok.ts'],
    ['constructs/b.ts', '../runtime/src/ok.ts'],
    ['stacks/b.ts', '../runtime/src/ok.ts'],
  ],
  'runtime-imports-nothing-of-ours': [['runtime/src/a.ts', '../../environments/ok.ts']],
  'contracts-import-only-zod': [
    ['runtime/src/contracts/a.ts', '../ok.ts'],
    ['runtime/src/contracts/b.ts', 'pg'],
    ['runtime/src/contracts/c.ts', 'node:fs'],
  ],
  'nothing-imports-tests': [
    ['servers/c.ts', '../tests/ok.ts'],
    ['runtime/src/c.ts', '../../tests/ok.ts'],
    ['examples/one/c.ts', '../../tests/ok.ts'],
  ],
  'examples-import-published-entry-points': [
    ['examples/one/a.ts', '../../runtime/src/ok.ts'],
    ['examples/one/b.ts', '../../environments/ok.ts'],
    ['examples/one/d.ts', '../two/ok.ts'],
  ],
  'examples-import-by-package-name': [['examples/one/e.ts', '../../runtime/dist/ok.js']],
  'nothing-imports-examples': [['stacks/c.ts', '../examples/two/ok.ts']],
  'no-provider-barrel': [['constructs/c.ts', '@cdktf/provider-aws']],
  'framework-in-constructs-and-stacks-only': [
    ['servers/d.ts', 'cdktf'],
    ['environments/c.ts', 'constructs'],
    ['runtime/src/d.ts', '@cdktf/provider-aws/lib/vpc'],
  ],
  'no-cycles': [['servers/cycle-back.ts', './cycle.ts']],
  'everything-resolves': [['stacks/d.ts', './missing.ts']],
};

/** What each rule must let pass: the other side of its boundary. */
const allowed: readonly (readonly [file: string, specifier: string])[] = [
  ['alerts/fine.ts', '../environments/ok.ts'],
  ['servers/fine.ts', '../environments/ok.ts'],
  ['servers/fine-alerts.ts', '../alerts/ok.ts'],
  ['constructs/fine.ts', '../servers/ok.ts'],
  ['stacks/fine.ts', '../constructs/ok.ts'],
  ['stacks/fine-framework.ts', 'cdktf'],
  ['constructs/fine-deep.ts', '@cdktf/provider-aws/lib/vpc'],
  ['environments/fine.ts', '../runtime/src/contracts/ok.ts'],
  ['runtime/src/contracts/fine.ts', 'zod/mini'],
  ['examples/one/fine.ts', './ok.ts'],
  ['examples/one/fine-package.ts', 'millrace/binding'],
  ['tests/fine.ts', '../runtime/src/ok.ts'],
];

const library = { 'index.js': 'module.exports = {};' };
const packages: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  zod: { ...library, 'mini/index.js': 'module.exports = {};' },
  pg: library,
  cdktf: library,
  constructs: library,
  '@cdktf/provider-aws': { 'package.json': '{"main":"lib/index.js"}', 'lib/index.js': '', 'lib/vpc/index.js': '' },
  millrace: { 'package.json': '{"exports":{"./binding":"./dist/binding.js"}}', 'dist/binding.js': '' },
};

const folders = [
  'environments',
  'alerts',
  'servers',
  'constructs',
  'stacks',
  'runtime/src',
  'runtime/src/contracts',
  'examples/one',
  'examples/two',
  'tests',
];

function plantTree(root: string): void {
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const folder of folders) write(`${folder}/ok.ts`, 'export const ok = true;\n');
  write('runtime/dist/ok.js', 'export const ok = true;\n');
  write('servers/cycle.ts', "export * from './cycle-back.ts';\n");
  write('tsconfig.json', '{"compilerOptions":{"module":"node20","allowImportingTsExtensions":true,"noEmit":true}}');
  write('package.json', '{}');
  for (const [name, files] of Object.entries(packages)) {
    for (const [file, text] of Object.entries(files)) write(`node_modules/${name}/${file}`, text);
  }
  for (const [file, specifier] of [...Object.values(planted).flat(), ...allowed]) write(file, `import '${specifier}';\n`);
}

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
}

function violationsIn(root: string, ...paths: string[]): Violation[] {
  const program = join(repository, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const { stdout, stderr } = spawnSync(process.execPath, [program, '--config', rules, '--output-type', 'json', ...paths], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (stdout === '') throw new Error(`dependency-cruiser ended without a result: ${stderr}`);
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations;
}

describe('on a tree with a violation of each rule', () => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-rules-'));
  let violations: Violation[] = [];
  beforeAll(() => {
    plantTree(root);
    violations = violationsIn(root, 'environments', 'alerts', 'servers', 'constructs', 'stacks', 'runtime', 'examples', 'tests');
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test.each(Object.entries(planted))('%s fires', (rule, files) => {
    const found = new Set(violations.filter((violation) => violation.rule.name === rule).map(({ from }) => from));
    for (const [file] of files) expect(found).toContain(file);
  });

  test('what is allowed is not reported', () => {
    const fine = allowed.map(([file]) => file);
    expect(violations.filter(({ from }) => fine.includes(from))).toEqual([]);
  });

  test('every rule has a violation planted', () => {
    const { forbidden } = require(rules) as { forbidden: { name: string }[] };
    expect(forbidden.map(({ name }) => name).toSorted()).toEqual(Object.keys(planted).toSorted());
  });
});

test('the repository itself breaks no rule', () => {
  const paths = ['environments', 'alerts', 'servers', 'constructs', 'stacks', 'runtime/src', 'runtime/bench', 'examples', 'tests'];
  expect(violationsIn(repository, ...paths).map(({ rule, from }) => `${rule.name}: ${from}`)).toEqual([]);
});
