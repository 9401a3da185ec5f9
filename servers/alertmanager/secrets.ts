import { createHash } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SecretFile } from '../../alerts/alertmanager.ts';
import type { SecretRef } from '../../runtime/src/contracts/binding.ts';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';

/** Name of the file of a secret: what it refers to may be a path. */
export function secretName({ from, id }: SecretRef): string {
  return createHash('sha256').update(`${from}:${id}`).digest('hex').slice(0, 16);
}

/** Files in `dir` for the secrets that the configuration refers to, one each. Alertmanager reads them anew for every notification. */
export function secretFiles(dir: string, read: (ref: SecretRef) => string): { readonly file: SecretFile; removeOthers(): void } {
  makePrivateFolder(dir);
  const names = new Set<string>();
  return {
    file(ref) {
      const name = secretName(ref);
      names.add(name);
      const path = join(dir, name);
      writePrivateFile(path, read(ref));
      return path;
    },
    removeOthers() {
      for (const name of readdirSync(dir)) if (!names.has(name)) rmSync(join(dir, name));
    },
  };
}
