import { isMillraceError } from '../../contracts/errors.ts';
import { counted } from '../../wording.ts';
import { type Manifest, partitionPrefix } from './manifest.ts';
import { linesOf } from './part-reader.ts';
import type { ArchiveStore } from './store.ts';

/** Reads every part of an archived partition. @returns what is wrong with it, for people; empty when it could be restored */
export async function verifyArchived(store: ArchiveStore, manifest: Manifest, signal?: AbortSignal): Promise<string[]> {
  const prefix = partitionPrefix(manifest.log, manifest.partition);
  const problems: string[] = [];
  let rows = 0;
  for (const part of manifest.parts) {
    signal?.throwIfAborted();
    try {
      for await (const _line of linesOf(store, prefix, part)) rows++;
    } catch (error) {
      if (!isMillraceError(error, 'ARCHIVE_INVALID')) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length === 0 && rows !== manifest.rows) {
    problems.push(`${store.location}${prefix} has ${counted(rows, 'row')}, its manifest says ${manifest.rows}`);
  }
  return problems;
}
