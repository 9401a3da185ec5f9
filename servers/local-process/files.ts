import { chmodSync, chownSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import type { Owner } from './launch.ts';

/** Creates a folder for a server's own files, which nobody else may read. */
export function makePrivateFolder(path: string, owner?: Owner): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
  if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
}

/** Replaces the file in one step, so that no reader and no crash sees half of it; only its owner may read it. */
export function writePrivateFile(path: string, text: string, owner?: Owner): void {
  replaceFile(path, text, 0o600, owner);
}

/** Like `writePrivateFile`, for what everybody may read. */
export function writePublicFile(path: string, text: string): void {
  replaceFile(path, text, 0o644);
}

function replaceFile(path: string, text: string, mode: number, owner?: Owner): void {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, text, { mode });
  if (owner !== undefined) chownSync(draft, owner.uid, owner.gid);
  renameSync(draft, path);
}
