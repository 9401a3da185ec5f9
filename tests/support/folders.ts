import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guardFolder } from './guard.ts';

export interface TestFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** A folder below the system's temporary one that any user may walk through, and that is removed even when the tests are killed. */
export async function testFolder(what: string): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), `millrace-test-${what}-`));
  await chmod(path, 0o711);
  const release = guardFolder(path);
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
      release();
    },
  };
}
