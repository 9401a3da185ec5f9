import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import ts from 'typescript';

const source = resolve(__dirname, '../../../runtime/src/binding/index.ts');
const use = `import type { LoadedBinding } from '${source}';
declare const binding: LoadedBinding;
binding.service('evnts');
`;
const names = `declare module '${source}' { interface BindingNames { events: 'redis-sentinel' } }\n`;

/** Messages of the compiler for a program, in the file given only. */
function compile(text: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-names-'));
  try {
    const file = join(folder, 'program.ts');
    writeFileSync(file, text);
    const program = ts.createProgram([file], {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.Node20,
      typeRoots: [resolve(__dirname, '../../../node_modules/@types')],
      types: ['node'],
    });
    return ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('service() takes any name while no names are declared', () => {
  expect(compile(use)).toEqual([]);
});

test('service() does not compile with a wrong name once names are declared', () => {
  expect(compile(`${use}${names}`)).toEqual([expect.stringMatching(/"evnts".*not assignable.*"events"/)]);
  expect(compile(`${use.replace('evnts', 'events')}${names}`)).toEqual([]);
});
