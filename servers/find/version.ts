import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import type { Program } from './program.ts';

/** Version that the program found at `path` prints, `7.0.15`. @throws {MillraceError} SERVER_NOT_FOUND when it does not run. */
export async function versionOf(program: Program, path: string): Promise<string> {
  if (program.readVersion !== undefined) return program.readVersion(path) ?? 'unknown';
  const file = program.kind === 'file' ? path : join(path, program.names[0]!);
  try {
    const { stdout } = await promisify(execFile)(file, [...program.versionArgs], { timeout: 10_000 });
    return /\d+(\.\d+)+/.exec(stdout)?.[0] ?? 'unknown';
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1);
    const what = said ? `${file} does not run (${said})` : `${file} does not run`;
    throw new MillraceError('SERVER_NOT_FOUND', `${what}; install ${program.title} or set ${program.variable}`, { cause });
  }
}

/** `17` of `17.0.15`; `8` of `1.8.0`, as Java counted once. */
export function majorOf(version: string): number {
  const [first, second] = version.split('.').map(Number);
  return first === 1 && second !== undefined ? second : (first ?? Number.NaN);
}
