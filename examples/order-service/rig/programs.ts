import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Member } from './crew.ts';

/** Folder of this service. */
export const example = fileURLToPath(new URL('../', import.meta.url));

/** The program `millrace` of the package that the service has installed. */
export async function millraceProgram(): Promise<string> {
  const manifest = fileURLToPath(import.meta.resolve('millrace/package.json'));
  const { bin } = JSON.parse(await readFile(manifest, 'utf8')) as { bin: { millrace: string } };
  return join(manifest, '..', bin.millrace);
}

/** Compiled once, because a process that is killed and started again should start fast. */
export async function buildPrograms(): Promise<void> {
  await promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: example });
}

/** A compiled program of the service, on the binding of an environment. */
export function program(name: string, file: string, bindingFile: string, env: Readonly<Record<string, string>> = {}): Member {
  return { name, script: join(example, 'dist', file), env: { ...env, MILLRACE_BINDING: bindingFile }, leash: true };
}
