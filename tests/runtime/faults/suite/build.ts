import { existsSync, symlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = join(__dirname, '../../../..');

/** What comes from packages in CommonJS asks for modules of Node with `require`, which an ES module has not. */
const banner = "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);";

export const programs = ['writer', 'relay', 'consumer'] as const;
export type Program = (typeof programs)[number];

/** Files of the programs, compiled from the sources as they are. */
export type Built = Readonly<Record<Program, string>>;

/** A change of one source file of the runtime. */
export interface Patch {
  /** Below `runtime/src`. */
  readonly file: string;
  /** What stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/**
 * Compiles the programs below `folder`, with the bug in them when one is given.
 *
 * @throws when no program contains what the bug replaces, or not exactly once
 */
export async function buildPrograms(folder: string, name: string, bug?: Patch): Promise<Built> {
  const outdir = join(folder, 'build', name);
  // The package finds its migrations two folders above the code.
  const sql = join(folder, 'sql');
  if (!existsSync(sql)) symlinkSync(join(root, 'runtime/sql'), sql);
  const patched = new Set<string>();
  const outcome = await build({
    absWorkingDir: root,
    entryPoints: programs.map((program) => join(__dirname, 'programs', `${program}.mts`)),
    outdir,
    outExtension: { '.js': '.mjs' },
    ...{ bundle: true, platform: 'node', target: 'node20', format: 'esm', banner: { js: banner }, logLevel: 'silent' },
    external: ['pg-native'],
    plugins: bug === undefined ? [] : [patch(bug, () => patched.add(bug.file))],
  });
  if (outcome.errors.length > 0) throw new Error(`the programs do not compile: ${outcome.errors[0]!.text}`);
  if (bug !== undefined && patched.size === 0) throw new Error(`no program contains ${bug.file}`);
  return Object.fromEntries(programs.map((program) => [program, join(outdir, `${program}.mjs`)])) as Built;
}

function patch({ file, find, replace }: Patch, done: () => void): Plugin {
  return {
    name: 'seeded bug',
    setup(building) {
      building.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (relative(join(root, 'runtime/src'), path) !== file) return undefined;
        const source = await readFile(path, 'utf8');
        const found = source.split(find).length - 1;
        if (found !== 1) throw new Error(`${file} must contain ${JSON.stringify(find)} once, found it ${found} times`);
        done();
        return { contents: source.replace(find, () => replace), loader: 'ts' };
      });
    },
  };
}
