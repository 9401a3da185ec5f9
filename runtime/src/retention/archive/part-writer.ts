import { once } from 'node:events';
import { createGzip, type Gzip } from 'node:zlib';
import { sha256 } from '../../hash.ts';
import type { Part } from './manifest.ts';
import type { ArchiveStore } from './store.ts';

/** Bytes of lines a part; compressed they are a fifth to a tenth of it. One part at a time is in memory. */
export const defaultPartBytes = 64 * 1024 * 1024;
/** Lines are handed to the compressor in pieces of this size. */
const pieceBytes = 256 * 1024;

/** Cuts lines into compressed parts of a store. The same lines give the same bytes: no time and no name are in them. */
export class PartWriter {
  readonly parts: Part[] = [];
  readonly #store: ArchiveStore;
  readonly #prefix: string;
  readonly #partBytes: number;
  #open: OpenPart | undefined;

  constructor(store: ArchiveStore, prefix: string, partBytes: number) {
    this.#store = store;
    this.#prefix = prefix;
    this.#partBytes = partBytes;
  }

  async add(id: number, line: string): Promise<void> {
    this.#open ??= new OpenPart(id);
    await this.#open.add(id, line);
    if (this.#open.lineBytes >= this.#partBytes) await this.end();
  }

  /** Writes what is left. */
  async end(): Promise<void> {
    if (this.#open === undefined) return;
    const object = `part-${String(this.parts.length).padStart(5, '0')}.ndjson.gz`;
    const { body, ...facts } = await this.#open.end();
    this.#open = undefined;
    const part = { object, ...facts, bytes: body.byteLength, sha256: sha256(body) };
    await writeUnlessThere(this.#store, `${this.#prefix}${object}`, body, part.sha256);
    this.parts.push(part);
  }
}

/** A repeated run finds the parts of the one before. */
async function writeUnlessThere(store: ArchiveStore, key: string, body: Buffer, sha256: string): Promise<void> {
  const there = await store.facts(key);
  if (there?.sha256 === sha256 && there.bytes === body.byteLength) return;
  await store.write(key, body, sha256);
}

/** A part that is being compressed. */
export class OpenPart {
  lineBytes = 0;
  readonly #gzip: Gzip = createGzip({ level: 6 });
  readonly #chunks: Buffer[] = [];
  readonly #firstId: number;
  #lastId: number;
  #rows = 0;
  #piece: string[] = [];
  #pieceBytes = 0;

  constructor(firstId: number) {
    this.#firstId = firstId;
    this.#lastId = firstId;
    this.#gzip.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
  }

  async add(id: number, line: string): Promise<void> {
    const bytes = Buffer.byteLength(line) + 1;
    this.#piece.push(line, '\n');
    this.#pieceBytes += bytes;
    this.lineBytes += bytes;
    this.#lastId = id;
    this.#rows++;
    if (this.#pieceBytes >= pieceBytes) await this.#flush();
  }

  async end(): Promise<{ body: Buffer; rows: number; firstId: number; lastId: number }> {
    const ended = once(this.#gzip, 'end');
    await this.#flush();
    this.#gzip.end();
    await ended;
    return { body: Buffer.concat(this.#chunks), rows: this.#rows, firstId: this.#firstId, lastId: this.#lastId };
  }

  async #flush(): Promise<void> {
    const text = this.#piece.join('');
    this.#piece = [];
    this.#pieceBytes = 0;
    if (!this.#gzip.write(text)) await once(this.#gzip, 'drain');
  }
}
