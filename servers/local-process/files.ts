import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Owner } from './launch.ts';

/** Creates a folder for a server's own files, which nobody else may read. */
export function makePrivateFolder(path: string, owner?: Owner): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
  if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
}

/** Creates the folder and its parents, one after the other: Node's own way of doing so never ends on a file system that takes no folders, such as /proc. */
export function makeFolders(path: string, mode = 0o755): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  makeFolders(dirname(path));
  try {
    mkdirSync(path);
    chmodSync(path, mode);
  } catch (error) {
    // Somebody else may have made it at the same moment; a file of that name is in the way.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}

/** Replaces the file in one step, so that no reader and no crash sees half of it; only its owner may read it. */
export function writePrivateFile(path: string, text: string, owner?: Owner): void {
  replaceFile(path, text, 0o600, owner);
}

/** Like `writePrivateFile`, unless the file says so already. @returns whether it has changed */
export function updatePrivateFile(path: string, text: string): boolean {
  return updateFile(path, text, 0o600);
}

/** Like `updatePrivateFile`, for what everybody may read. */
export function updatePublicFile(path: string, text: string): boolean {
  return updateFile(path, text, 0o644);
}

function updateFile(path: string, text: string, mode: number): boolean {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
  replaceFile(path, text, mode);
  return true;
}

function replaceFile(path: string, text: string, mode: number, owner?: Owner): void {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, text, { mode });
  // The umask may have taken from it.
  chmodSync(draft, mode);
  if (owner !== undefined) chownSync(draft, owner.uid, owner.gid);
  renameSync(draft, path);
}
