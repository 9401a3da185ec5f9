import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SecretRef } from '../../runtime/src/contracts/binding.ts';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import type { Variables } from '../find/program.ts';
import type { Home } from './home.ts';

/**
 * A secret that the declaration refers to and that people put where it says: an environment variable of `up`, or a file, relative to the binding.
 *
 * @throws {MillraceError} SECRET_UNAVAILABLE when it is not there.
 */
export function readDeclared({ from, id }: SecretRef, home: Home, env: Variables): string {
  const text = from === 'env' ? env[id] : readFile(resolve(home.dir, id));
  if (text !== undefined && text.trim() !== '') return text.trim();
  const what = from === 'env' ? `environment variable ${id} is not set` : `secret file ${resolve(home.dir, id)} is empty`;
  throw new MillraceError('SECRET_UNAVAILABLE', `${what}; alerts.receivers or alerts.smtp takes a secret from it`, { retriable: false });
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new MillraceError('SECRET_UNAVAILABLE', `secret file ${path} cannot be read (${reason}); create it or grant access to it`, {
      cause,
      retriable: false,
    });
  }
}
