import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from '../local-process/files.ts';
import type { Home } from './home.ts';

const passwordBytes = 24;

/** The password in its file, made at random the first time. */
export function secretOf({ secrets }: Home, id: string): string {
  const existing = knownSecret(secrets, id);
  if (existing !== undefined && existing !== '') return existing;
  const made = randomBytes(passwordBytes).toString('base64url');
  writePrivateFile(join(secrets, id), made);
  return made;
}

/** The password in its file, if there is one. */
export function knownSecret(folder: string, id: string): string | undefined {
  try {
    return readFileSync(join(folder, id), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
