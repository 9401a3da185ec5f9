import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { zipOf } from './zip.ts';

const root = join(__dirname, '..');
const folder = join(root, 'dist', 'lambda');

/** What comes from packages in CommonJS asks for modules of Node with `require`, which an ES module has not. No import, whose name another one could have. */
const require = "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);";

/** Programs of the package that plans for AWS carry along as functions, each from its file in `runtime/src/lambda`. */
const functions = ['apply', 'probe'] as const;

/**
 * Makes `dist/lambda/NAME/index.mjs` of each function, all that it imports included, and `dist/lambda/NAME.zip` of that.
 *
 * The AWS SDK is in it, a good quarter of its size: the one that Lambda brings along has whatever version AWS gave it last, and what tests ran would be another.
 * Names are kept, because libraries tell errors by them.
 */
async function pack(name: (typeof functions)[number]): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`runtime/src/lambda/${name}.ts`],
    outfile: join(folder, name, 'index.mjs'),
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    banner: { js: require },
    legalComments: 'none',
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 160,
    logLevel: 'warning',
  });
  const [{ contents } = { contents: new Uint8Array() }] = outputFiles;
  write(join(folder, name, 'index.mjs'), contents);
  write(join(folder, `${name}.zip`), zipOf({ 'index.mjs': contents }));
}

/** Whoever reads the old one meanwhile reads all of it. */
function write(path: string, content: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, content);
  renameSync(`${path}.${process.pid}`, path);
}

void Promise.all(functions.map(pack));
