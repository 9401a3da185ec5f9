import { crc32 } from 'node:zlib';

/** A day on which nothing happened: 1 January 1980, the first that the format knows. */
const noDate = { time: 0, date: 0x21 };
const readableByAll = 0o100644 << 16;
const version = 20;
/** Written by Unix, so that the rights above count. */
const madeBy = (3 << 8) | version;

interface Entry {
  readonly name: Buffer;
  readonly content: Buffer;
  readonly crc: number;
}

/**
 * A ZIP archive of `files`, the same bytes whenever and wherever it is made: in the order of the names, without dates, and stored as they are, because what
 * deflate writes differs from one zlib to the next.
 *
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export function zipOf(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const entries = Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, bytes]): Entry => ({ name: Buffer.from(name), content: Buffer.from(bytes), crc: crc32(bytes) }));
  const locals = entries.map((entry) => Buffer.concat([localHeader(entry), entry.name, entry.content]));
  const offsets = locals.map((_, index) => locals.slice(0, index).reduce((sum, { length }) => sum + length, 0));
  const central = Buffer.concat(entries.map((entry, index) => Buffer.concat([centralHeader(entry, offsets[index]!), entry.name])));
  const before = Buffer.concat(locals);
  return Buffer.concat([before, central, end(entries.length, central.length, before.length)]);
}

/** What both headers of an entry have in the same order. */
function common({ name, content, crc }: Entry): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(version, 0);
  fields.writeUInt16LE(noDate.time, 6);
  fields.writeUInt16LE(noDate.date, 8);
  fields.writeUInt32LE(crc, 10);
  fields.writeUInt32LE(content.length, 14);
  fields.writeUInt32LE(content.length, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

function localHeader(entry: Entry): Buffer {
  return Buffer.concat([Buffer.from('PK\x03\x04'), common(entry)]);
}

function centralHeader(entry: Entry, offset: number): Buffer {
  const start = Buffer.alloc(6);
  start.write('PK\x01\x02');
  start.writeUInt16LE(madeBy, 4);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(readableByAll >>> 0, 6);
  rest.writeUInt32LE(offset, 10);
  return Buffer.concat([start, common(entry), rest]);
}

function end(count: number, centralBytes: number, centralOffset: number): Buffer {
  const record = Buffer.alloc(22);
  record.write('PK\x05\x06');
  record.writeUInt16LE(count, 8);
  record.writeUInt16LE(count, 10);
  record.writeUInt32LE(centralBytes, 12);
  record.writeUInt32LE(centralOffset, 16);
  return record;
}
