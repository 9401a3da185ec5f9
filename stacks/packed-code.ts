import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../runtime/src/contracts/errors.ts';

/**
 * The archive of a function that `pack-functions.ts` made: beside the bundle of the plan, and as far from this file.
 *
 * @throws {MillraceError} RUNTIME_NOT_BUILT when it is not there.
 */
export function packedCode(name: 'apply' | 'probe'): string {
  const path = join(__dirname, '..', 'dist', 'lambda', `${name}.zip`);
  if (existsSync(path)) return path;
  throw new MillraceError('RUNTIME_NOT_BUILT', `the function ${name} is not packed; run make dist/lambda/${name}.zip, or make synth`);
}
