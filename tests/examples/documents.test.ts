import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { committedFiles, repository } from '../repository/repository.ts';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const documents = ['README.md', 'docs/architecture.md', 'docs/aws.md', 'docs/events.md'].map((path) => ({ path, text: read(path) }));

interface Block {
  readonly info: string;
  readonly code: string;
}

function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, info, code]) => ({ info: info!, code: code! }));
}

/** What is wrong with a block of TypeScript: it must be a piece of a file, which is compiled and run elsewhere. */
function problemOf({ info, code }: Block): string | undefined {
  const file = /^ts file=(\S+)$/.exec(info)?.[1];
  if (file === undefined) return 'names no file that it is taken from';
  if (!existsSync(join(repository, file))) return `is taken from ${file}, which is not there`;
  return read(file).includes(code) ? undefined : `differs from ${file}`;
}

/** Paths of this repository in backticks. */
function pathsIn(text: string): string[] {
  const folders = 'environments|alerts|servers|constructs|stacks|runtime|examples|tests|docs';
  return [...text.matchAll(new RegExp(`\`((?:${folders})/[\\w./-]*|\\.dependency-cruiser\\.cjs)\``, 'g'))].map(([, path]) => path!);
}

describe.each(documents)('$path', ({ path, text }) => {
  test('quotes code as it is in the files', () => {
    const code = blocksOf(text).filter(({ info }) => info.startsWith('ts'));
    expect(code.map(problemOf).filter(Boolean)).toEqual([]);
  });

  test('names only files that are there', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, target]) => join(dirname(path), target!));
    expect([...links, ...pathsIn(text)].filter((target) => !existsSync(join(repository, target)))).toEqual([]);
  });

  test('names only verbs that make knows', () => {
    const known = new Set([...read('Makefile').matchAll(/^([a-z]+):/gm)].map(([, verb]) => verb));
    const named = [...text.matchAll(/(?:`|^)make ([a-z]+)/gm)].map(([, verb]) => verb);
    expect(named.filter((verb) => !known.has(verb))).toEqual([]);
  });
});

describe('README.md', () => {
  const readme = documents[0]!.text;

  test('has a line for every top-level folder, and for none that is not there', () => {
    const tree = blocksOf(readme).find(({ code }) => code.startsWith('environments/ '))!.code;
    const described = [...tree.matchAll(/^(\w+)\/ /gm)].map(([, folder]) => folder!);
    const folders = committedFiles().flatMap((file) => (/^[^./][^/]*\//.test(file) ? [file.split('/')[0]!] : []));
    expect(described.sort()).toEqual([...new Set(folders)].sort());
  });

  test('says of each program of the package whether it is built', () => {
    const row = /programs of the package \|(.*)\|(.*)\|/.exec(readme)!;
    const listed = [...row[1]!.matchAll(/millrace (\w+)/g)].map(([, name]) => name);
    const help = execFileSync(process.execPath, ['runtime/dist/cli/main.js', '--help'], { cwd: repository, encoding: 'utf8' });
    const built = [...help.matchAll(/^ {2}(?!help)([a-z]+) /gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(built.sort());
    expect(built.filter((name) => new RegExp(`\\b${name}\\b`).test(row[2]!))).toEqual([]);
  });
});

describe('the guard of quoted code', () => {
  test('refuses code that differs from its file', () => {
    expect(problemOf({ info: 'ts file=environments/local.ts', code: 'export const local = 1;\n' })).toBe(
      'differs from environments/local.ts',
    );
  });
  test('refuses code of nowhere', () => {
    expect(problemOf({ info: 'ts', code: 'enqueue();\n' })).toBe('names no file that it is taken from');
    expect(problemOf({ info: 'ts file=gone.ts', code: '' })).toBe('is taken from gone.ts, which is not there');
  });
});
