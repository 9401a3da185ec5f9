import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** The program `millrace`, compiled; used by path, because the engine and the package share contracts only. */
export const builtProgram = resolve(__dirname, '../runtime/dist/cli/main.js');

/** Version of the package that it is of. */
export function builtVersion(): string {
  const { version } = JSON.parse(readFileSync(resolve(__dirname, '../runtime/package.json'), 'utf8')) as { version: string };
  return version;
}
