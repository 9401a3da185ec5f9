import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { MillraceError } from '../../contracts/errors.ts';
import { type Part, sha256Of } from './manifest.ts';
import type { ArchiveStore } from './store.ts';

/** The lines of a part, which is compared with its manifest before the first line is given. @throws {MillraceError} ARCHIVE_INVALID with the object */
export async function* linesOf(store: ArchiveStore, prefix: string, part: Part): AsyncGenerator<string> {
  const key = `${prefix}${part.object}`;
  const body = await store.read(key);
  const address = `${store.location}${key}`;
  if (body === undefined) throw new MillraceError('ARCHIVE_INVALID', `${address} is missing`);
  const found = sha256Of(body);
  if (found !== part.sha256)
    throw new MillraceError('ARCHIVE_INVALID', `${address} has SHA-256 ${found}, its manifest says ${part.sha256}`);
  const lines = createInterface({ input: Readable.from([body]).pipe(createGunzip()), crlfDelay: Number.POSITIVE_INFINITY });
  let rows = 0;
  for await (const line of lines) {
    rows++;
    yield line;
  }
  if (rows !== part.rows) throw new MillraceError('ARCHIVE_INVALID', `${address} has ${rows} rows, its manifest says ${part.rows}`);
}
