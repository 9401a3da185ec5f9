import { basename, dirname } from 'node:path';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { tryLock } from '../local-process/lock.ts';
import { type Home, makeFolder, removeIfEmpty } from './home.ts';

/**
 * Takes the environment for this process alone.
 *
 * @returns what gives it back.
 * @throws {MillraceError} STATE_LOCKED naming the process that holds it.
 */
export function lockHome({ lockFile }: Home, environment: string): () => void {
  const folder = dirname(lockFile);
  makeFolder(folder);
  const lock = tryLock(lockFile);
  if ('holder' in lock) {
    const { pid } = lock.holder;
    throw new MillraceError(
      'STATE_LOCKED',
      `environment ${environment} is being changed by process ${pid}; wait until it has ended, or stop it`,
    );
  }
  return () => {
    lock.release();
    if (basename(folder) === '.millrace') removeIfEmpty(folder);
  };
}
