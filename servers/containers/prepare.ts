import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Variables } from '../find/program.ts';
import { updatePublicFile } from '../local-process/files.ts';
import { type Home, makeFolder, makeHome } from '../supervisor/home.ts';
import { type FillIn, fillerOf } from './fill-in.ts';
import type { Files, Manifest } from './manifest.ts';

/**
 * Writes what the containers of an environment read: `containers/NAME` in its folder, with passwords and keys in place.
 *
 * Users of an image have other numbers than those of this machine, so the files are open to whoever sees them. The folder that holds them is closed to
 * everybody but its owner; a container that has one of them mounted sees that one.
 *
 * @throws {MillraceError} SECRET_UNAVAILABLE when a secret that the declaration refers to is not there.
 */
export async function prepare(manifest: Manifest, home: Home, env: Variables): Promise<void> {
  makeHome(home);
  const folder = join(home.dir, 'containers');
  makeFolder(folder);
  chmodSync(folder, 0o700);
  const fillIn = fillerOf(manifest, home, env);
  for (const [name, files] of Object.entries(manifest.containers)) await writeFiles(join(folder, name), files, fillIn);
  for (const name of readdirSync(folder)) {
    if (!Object.hasOwn(manifest.containers, name)) rmSync(join(folder, name), { recursive: true });
  }
}

/** The folder itself stays: a container that runs has it mounted. */
async function writeFiles(folder: string, files: Files, fillIn: FillIn): Promise<void> {
  makeFolder(folder);
  const known = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    makeFolder(dirname(file));
    updatePublicFile(file, await fillIn(text));
  }
  for (const { parentPath, name } of known) {
    const file = join(parentPath, name);
    if (!Object.hasOwn(files, relative(folder, file))) rmSync(file);
  }
}
