import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = join(__dirname, '..');
const outFile = join(root, 'dist', 'synth.cjs');

/**
 * cdktf writes down for every token which calls led to it, for the text of errors that hardly occur. That is a third of the time of a large plan, so the
 * bundle leaves it out; `npm run synth` still has it.
 */
const withoutTraces: Plugin = {
  name: 'without-traces',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]cdktf[\\/]lib[\\/]tokens[\\/]private[\\/]stack-trace\.js$/ }, () => ({
      contents: 'exports.captureStackTrace = () => [];',
    }));
  },
};

/**
 * cdktf packs assets that are folders by starting its own file as a program, which a bundle has not: such an asset fails either way, and no construct of ours
 * has one. So the packer, a sixth of the bundle, is left out.
 */
const withoutArchives: Plugin = {
  name: 'without-archives',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]cdktf[\\/]lib[\\/]private[\\/]fs\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace('require("archiver")', 'undefined'),
    }));
  },
};

/** What a construct reads from files beside it stays where it is, and is found from the bundle. */
const filesBesideSources: Plugin = {
  name: 'files-beside-sources',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]constructs[\\/](aws|core)[\\/].*\.ts$/ }, ({ path }) => {
      const folder = JSON.stringify(relative(dirname(outFile), dirname(path)));
      return {
        contents: readFileSync(path, 'utf8').replaceAll('__dirname', `require('node:path').join(__dirname, ${folder})`),
        loader: 'ts',
      };
    });
  },
};

/**
 * Makes `dist/synth.cjs` of `main.ts` and all that it imports: one file, which node starts without looking for a thousand others and without compiling
 * TypeScript. The Makefile does it again when a source has changed.
 */
async function bundle(): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['stacks/main.ts'],
    outfile: outFile,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    legalComments: 'none',
    // Half as much to read and to compile; names stay, and lines stay short enough for an error that shows one.
    minifyWhitespace: true,
    lineLimit: 160,
    logLevel: 'warning',
    plugins: [withoutTraces, withoutArchives, filesBesideSources],
  });
  mkdirSync(dirname(outFile), { recursive: true });
  // Whoever starts the old one meanwhile reads all of it.
  for (const { path, contents } of outputFiles) {
    writeFileSync(`${path}.${process.pid}`, contents);
    renameSync(`${path}.${process.pid}`, path);
  }
}

void bundle();
