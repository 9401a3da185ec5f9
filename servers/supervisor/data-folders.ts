import { randomBytes } from 'node:crypto';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import type { Owner } from '../local-process/launch.ts';
import { type Home, makeFolder, removeIfEmpty } from './home.ts';

/** Where data lies whose server cannot reach the environment's own folder; unlike the temporary folder it survives a reboot. */
const sharedFolder = '/var/lib/millrace';

/**
 * Folder of one server's data: below the environment's, unless `owner` may not walk there (a checkout in root's home), in which case below /var/lib.
 *
 * A name drawn at random keeps two checkouts apart, and a new environment from what a removed one left.
 */
export function chooseDataFolder(home: Home, id: string, owner: Owner | undefined): string {
  if (owner === undefined || isOpenToAll(home.data)) return join(home.data, id);
  const folder = join(sharedFolder, randomBytes(6).toString('hex'));
  makeFolder(folder);
  for (const path of [sharedFolder, folder]) chmodSync(path, 0o711);
  return join(folder, id);
}

/** Removes a folder that `chooseDataFolder` gave outside of the environment's own. */
export function removeOutside(home: Home, dir: string): void {
  if (dir.startsWith(home.dir + sep)) return;
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  for (const parent of [dirname(dir), sharedFolder]) removeIfEmpty(parent);
}

function isOpenToAll(path: string): boolean {
  const open = (statSync(path).mode & 0o001) !== 0;
  return open && (dirname(path) === path || isOpenToAll(dirname(path)));
}
