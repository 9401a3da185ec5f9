import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { renderBindingTypes } from '../../environments/binding-types.ts';
import type { BoundService } from '../../runtime/src/contracts/binding.ts';

const repository = resolve(__dirname, '..', '..');
const service = (kind: BoundService['kind']): BoundService => ({
  kind,
  role: 'events',
  endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: 6379 }],
  auth: { mode: 'none' },
});

test('names are in alphabetical order, those with hyphens quoted', () => {
  expect(renderBindingTypes({ events: service('redis-sentinel'), 'audit-log': service('kafka') })).toContain(
    "interface BindingNames {\n    'audit-log': 'kafka';\n    events: 'redis-sentinel';\n  }",
  );
});

/** What the compiler says to a service of its own that asks the binding for `name`. */
function compile(name: string, types: string): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-types-'));
  try {
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
    writeFileSync(join(root, 'binding.d.ts'), types);
    writeFileSync(
      join(root, 'service.ts'),
      `import { loadBinding } from 'millrace/binding';\nexport const handle = (await loadBinding()).service('${name}');\n`,
    );
    writeFileSync(join(root, 'package.json'), '{"type":"module"}');
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: ['node'],
      allowImportingTsExtensions: true,
      paths: { 'millrace/binding': [join(repository, 'runtime', 'src', 'binding', 'index.ts')] },
    };
    writeFileSync(join(root, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['binding.d.ts', 'service.ts'] }));
    return spawnSync(process.execPath, [join(repository, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', root], { encoding: 'utf8' })
      .stdout;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('a right name compiles, a wrong one does not', () => {
  const types = renderBindingTypes({ events: service('redis-sentinel') });
  expect(compile('events', types)).toBe('');
  expect(compile('evnts', types)).toMatch(
    /service\.ts.*error TS2345: Argument of type '"evnts"' is not assignable to parameter of type '"events"'/,
  );
});
