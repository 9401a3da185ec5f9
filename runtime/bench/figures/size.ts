import { join } from 'node:path';
import { build } from 'esbuild';
import { type Figure, round } from '../figure.ts';

const entry = `
export * from './src/binding/index.ts';
export * from './src/connections/redis.ts';
export * from './src/connections/postgres.ts';
export * from './src/health/index.ts';
export * from './src/outbox/index.ts';`;

/** What a service loads besides the client libraries it chose: zod included, minified. */
export async function sizeFigure(): Promise<Figure[]> {
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: join(import.meta.dirname, '../..'), loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    platform: 'node',
    format: 'esm',
    external: ['ioredis', 'pg', 'prom-client'],
  });
  const value = round(outputFiles[0]!.contents.byteLength / 1024, 1);
  return [{ name: 'core.bundle', value, unit: 'KiB', target: '<= 60', reached: value <= 60 }];
}
