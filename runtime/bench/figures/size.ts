import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import packageJson from '../../package.json' with { type: 'json' };
import { type Figure, round } from '../figure.ts';

const entry = `
export * from './src/binding/index.ts';
export * from './src/connections/redis/index.ts';
export * from './src/connections/postgres/index.ts';
export * from './src/health/index.ts';
export * from './src/outbox/index.ts';`;

/**
 * What a service loads when it starts, besides the client libraries it chose: zod included, minified.
 *
 * What is only loaded where a binding asks for it (cluster mode, IAM, AWS's stores) lies in chunks of its own and does not count.
 */
export async function sizeFigure(): Promise<Figure[]> {
  const { metafile } = await build({
    stdin: { contents: entry, resolveDir: join(import.meta.dirname, '../..'), loader: 'ts' },
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    outdir: 'out',
    platform: 'node',
    format: 'esm',
    external: Object.keys(packageJson.peerDependencies),
  });
  const bytes = loadedAtStart(metafile);
  const value = round(bytes / 1024, 1);
  return [{ name: 'core.bundle', value, unit: 'KiB', target: '<= 60', reached: bytes <= 60 * 1024 }];
}

/** Bytes of the entry and of every chunk that it imports by statement. */
function loadedAtStart({ outputs }: Metafile): number {
  const first = Object.keys(outputs).find((file) => outputs[file]!.entryPoint === '<stdin>')!;
  const loaded = new Set([first]);
  for (const file of loaded) {
    for (const { path, kind, external } of outputs[file]!.imports) if (kind === 'import-statement' && !external) loaded.add(path);
  }
  return [...loaded].reduce((sum, file) => sum + outputs[file]!.bytes, 0);
}
