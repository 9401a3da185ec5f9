import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { MillraceError } from '../../contracts/errors.ts';
import { sha256 } from '../../hash.ts';
import type { ArchiveStore } from './store.ts';

/** An archive in a folder of this machine, for the process engine. */
export function folderArchive(root: string): ArchiveStore {
  const read = (key: string): Promise<Buffer | undefined> =>
    guarded(join(root, key), async (path) => {
      try {
        return await readFile(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    });
  const list = (prefix: string): Promise<string[]> =>
    guarded(join(root, prefix), async (path) => {
      try {
        const entries = await readdir(path, { recursive: true, withFileTypes: true });
        const files = entries.filter((entry) => entry.isFile());
        return files.map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/')).sort();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    });
  return {
    location: root,
    read,
    list,
    write: (key, body) => guarded(join(root, key), (path) => replaceFile(path, body)),
    async facts(key) {
      const body = await read(key);
      return body && { bytes: body.byteLength, sha256: sha256(body) };
    },
    async purge(prefix, keep) {
      const gone = (await list(prefix)).filter((key) => !keep.has(key));
      await Promise.all(gone.map((key) => guarded(join(root, key), (path) => rm(path, { force: true }))));
      return [];
    },
    close: () => undefined,
  };
}

/** What a crash leaves behind is a file `.tmp`, or the whole file. */
async function replaceFile(path: string, body: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.tmp`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(body);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

async function guarded<T>(path: string, work: (path: string) => Promise<T>): Promise<T> {
  try {
    return await work(path);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new MillraceError('ARCHIVE_UNAVAILABLE', `archive at ${path} cannot be used (${reason}); mend its rights or make room`, {
      cause,
    });
  }
}
