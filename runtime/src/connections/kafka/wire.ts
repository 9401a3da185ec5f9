import type { Protocol } from './asker.ts';

/** Writes the basic types of Kafka's protocol, one behind the other. @see https://kafka.apache.org/protocol#protocol_types */
export class Writer {
  bytes: Buffer;
  at = 0;

  constructor(size = 512) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  int8(value: number): this {
    this.reserve(1);
    this.at = this.bytes.writeInt8(value, this.at);
    return this;
  }

  int16(value: number): this {
    this.reserve(2);
    this.at = this.bytes.writeInt16BE(value, this.at);
    return this;
  }

  int32(value: number): this {
    this.reserve(4);
    this.at = this.bytes.writeInt32BE(value, this.at);
    return this;
  }

  /** Up to 2^53, which no offset and no time reaches. */
  int64(value: number): this {
    this.reserve(8);
    this.at = this.bytes.writeInt32BE(Math.floor(value / 2 ** 32), this.at);
    this.at = this.bytes.writeUInt32BE(value >>> 0, this.at);
    return this;
  }

  text(value: string | null): this {
    if (value === null) return this.int16(-1);
    const length = Buffer.byteLength(value);
    this.int16(length).reserve(length);
    this.at += this.bytes.write(value, this.at);
    return this;
  }

  buffer(value: Uint8Array): this {
    return this.int32(value.length).raw(value);
  }

  raw(value: Uint8Array): this {
    this.reserve(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
    return this;
  }

  list<T>(items: readonly T[], write: (item: T) => void): this {
    this.int32(items.length);
    for (const item of items) write(item);
    return this;
  }

  /** Zigzag, as in records. */
  varint(value: number): this {
    this.reserve(10);
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.bytes[this.at++] = (rest % 0x80) | 0x80;
    this.bytes[this.at++] = rest;
    return this;
  }

  /** Length of a compact list or text, plus one. */
  compactLength(length: number): this {
    this.reserve(5);
    let rest = length + 1;
    for (; rest >= 0x80; rest >>>= 7) this.bytes[this.at++] = (rest & 0x7f) | 0x80;
    this.bytes[this.at++] = rest;
    return this;
  }

  compactText(value: string): this {
    const bytes = Buffer.from(value);
    return this.compactLength(bytes.length).raw(bytes);
  }

  reserve(more: number): void {
    if (this.at + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + more));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  written(): Buffer {
    return this.bytes.subarray(0, this.at);
  }
}

/** What Node has and does not tell TypeScript of; `toString` takes twice as long for a short text. */
type TextBuffer = Buffer & { utf8Slice(from: number, to: number): string; latin1Slice(from: number, to: number): string };

/** Reads what `Writer` writes. */
export class Reader {
  readonly bytes: TextBuffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes as TextBuffer;
    this.at = at;
  }

  utf8(length: number): string {
    this.at += length;
    return this.bytes.utf8Slice(this.at - length, this.at);
  }

  latin1(length: number): string {
    this.at += length;
    return this.bytes.latin1Slice(this.at - length, this.at);
  }

  left(): number {
    return this.bytes.length - this.at;
  }

  int8(): number {
    return this.bytes.readInt8(this.at++);
  }

  int16(): number {
    this.at += 2;
    return this.bytes.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.bytes.readInt32BE(this.at - 4);
  }

  int64(): number {
    this.at += 8;
    return this.bytes.readInt32BE(this.at - 8) * 2 ** 32 + this.bytes.readUInt32BE(this.at - 4);
  }

  text(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.utf8(length);
  }

  /** Empty where there is none. */
  buffer(): Buffer {
    return this.slice(Math.max(0, this.int32()));
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }

  varint(): number {
    const first = this.bytes[this.at++]!;
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let value = first & 0x7f;
    for (let factor = 0x80; ; factor *= 0x80) {
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  }

  compactLength(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value - 1;
    }
  }

  compactText(): string {
    return this.utf8(Math.max(0, this.compactLength()));
  }

  compactList<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.compactLength()) }, read);
  }

  /** Fields that newer versions add; none is asked for here. */
  skipTags(): void {
    for (let count = this.compactLength() + 1; count > 0; count--) {
      this.compactLength();
      const length = this.compactLength() + 1;
      this.at += length;
    }
  }

  slice(length: number): Buffer {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

interface Api {
  readonly key: number;
  readonly version: number;
  readonly name: string;
  /** Versions with tagged fields have a tag list behind the header, too, which kafkajs does not know of. */
  readonly flexible?: boolean;
  /** See `Protocol`. */
  readonly heldBack?: boolean;
}

/** A request and the answer to it, byte by byte: for versions that kafkajs does not speak, or speaks slowly. */
export function wireProtocol<Options, Answer>(
  { key, version, name, flexible = false, heldBack = false }: Api,
  write: (writer: Writer, options: Options) => void,
  read: (reader: Reader) => Answer,
): Protocol<Options, Answer> {
  return {
    heldBack,
    request: (options) => ({
      apiKey: key,
      apiVersion: version,
      apiName: name,
      async encode() {
        const writer = new Writer();
        if (flexible) writer.compactLength(-1);
        write(writer, options);
        const bytes = writer.written();
        return { buf: bytes, buffer: bytes };
      },
    }),
    async decode(bytes) {
      const reader = new Reader(bytes);
      if (flexible) reader.skipTags();
      return read(reader);
    },
  };
}
