import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { MillraceError } from '../../contracts/errors.ts';
import { sha256 } from '../../hash.ts';
import { counted } from '../../wording.ts';
import type { Part } from './manifest.ts';
import type { ArchiveStore } from './store.ts';

const lineFeed = 0x0a;
/** What is uncompressed at a time. */
const chunkBytes = 256 * 1024;

/** The lines of a part, which is compared with its manifest before the first line is given. @throws {MillraceError} ARCHIVE_INVALID with the object */
export async function* linesOf(store: ArchiveStore, prefix: string, part: Part): AsyncGenerator<string> {
  const key = `${prefix}${part.object}`;
  const body = await store.read(key);
  const address = `${store.location}${key}`;
  if (body === undefined) throw new MillraceError('ARCHIVE_INVALID', `${address} is missing`);
  const found = sha256(body);
  if (found !== part.sha256)
    throw new MillraceError('ARCHIVE_INVALID', `${address} has SHA-256 ${found}, its manifest says ${part.sha256}`);
  let rows = 0;
  for await (const line of splitLines(uncompressed(body, address))) {
    rows++;
    yield line;
  }
  if (rows !== part.rows)
    throw new MillraceError('ARCHIVE_INVALID', `${address} has ${counted(rows, 'row')}, its manifest says ${part.rows}`);
}

async function* uncompressed(body: Buffer, address: string): AsyncGenerator<Buffer> {
  try {
    yield* Readable.from([body]).pipe(createGunzip({ chunkSize: chunkBytes })) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new MillraceError('ARCHIVE_INVALID', `${address} cannot be uncompressed`, { cause });
  }
}

/** At line feeds alone: JSON may hold U+2028 and U+2029, at which `node:readline` ends a line as well, depending on its version. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let open: Buffer[] = [];
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, from)) {
      open.push(chunk.subarray(from, end));
      yield Buffer.concat(open).toString('utf8');
      open = [];
      from = end + 1;
    }
    if (from < chunk.length) open.push(chunk.subarray(from));
  }
  if (open.length > 0) yield Buffer.concat(open).toString('utf8');
}
