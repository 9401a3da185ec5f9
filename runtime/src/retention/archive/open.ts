import { resolve } from 'node:path';
import type { ArchiveStore } from './store.ts';

/** The store at the `archive.location` of a binding. @throws {MillraceError} CLIENT_NOT_INSTALLED without `@aws-sdk/client-s3` for an address in S3. */
export async function openArchive(location: string, baseDir: string): Promise<ArchiveStore> {
  const address = location.endsWith('/') ? location : `${location}/`;
  if (address.startsWith('s3://')) return (await import('../../aws/s3-archive.ts')).s3Archive(address);
  return (await import('./folder.ts')).folderArchive(`${resolve(baseDir, address)}/`);
}
