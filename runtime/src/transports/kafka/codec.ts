import { type Reader, Writer } from '../../connections/kafka/wire.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { attributeNames, extensionNamePattern, type MillraceEvent, specVersion } from '../../contracts/event.ts';
import type { RawRecord } from './protocol/records.ts';

/**
 * How an event lies in a message: the Kafka protocol binding of CloudEvents, binary mode. Attributes are headers `ce_NAME`, `datacontenttype` is the header
 * `content-type`, the partition key is the key as well, and the value is the data, untouched. An empty value is no data.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
 */
const prefix = 'ce_';
const contentType = 'content-type';
/** Of the media types of a whole event, or several, in the value. */
const structuredType = 'application/cloudevents';
/** Headers of our own begin with this; they are about the message, not about the event. */
const ownPrefix = 'millrace-';
/** The one group that a message is for; all others pass it over. */
const addresseeHeader = `${ownPrefix}group`;

/** Headers of our own, by what follows `millrace-`; `group` is the addressee. */
export type OwnHeaders = Readonly<Record<string, string>>;

const wireNames = attributeNames.map((name) => [name, nameBytes(name === 'datacontenttype' ? contentType : prefix + name)] as const);
const specVersionHeader = headerBytes(`${prefix}specversion`, specVersion);

function nameBytes(name: string): Buffer {
  return Buffer.from(new Writer(64).varint(name.length).raw(Buffer.from(name)).written());
}

function headerBytes(name: string, value: string): Buffer {
  return Buffer.concat([nameBytes(name), nameBytes(value)]);
}

/** Writes key, value and headers of a message that is an event. @param key @default the event's partition key */
export function writeEvent(to: Writer, event: MillraceEvent, own: OwnHeaders = {}, key: string | undefined = event.partitionkey): void {
  const { data, extensions = {} } = event;
  if (key === undefined) to.varint(-1);
  else writeText(to, key);
  if (data === undefined) to.varint(0);
  else to.varint(data.length).raw(data);
  const countAt = to.at;
  to.varint(0).raw(specVersionHeader);
  let count = 1;
  for (const [name, bytes] of wireNames) {
    const value = event[name];
    if (value === undefined) continue;
    writeText(to.raw(bytes), value);
    count += 1;
  }
  for (const name in extensions) {
    writeText(writeText(to, prefix + name), extensions[name]!);
    count += 1;
  }
  for (const name in own) {
    writeText(writeText(to, ownPrefix + name), own[name]!);
    count += 1;
  }
  putCount(to, countAt, count);
}

/** More than 63 headers need a second byte for their number. */
function putCount(to: Writer, at: number, count: number): void {
  const end = to.at;
  to.at = at;
  if (count < 64) {
    to.varint(count);
    to.at = end;
    return;
  }
  to.reserve(end - at + 4);
  const headers = Buffer.from(to.bytes.subarray(at + 1, end));
  to.varint(count).raw(headers);
}

/** Writes a message that is no event: a tombstone, or what could not be read, with its own headers. */
export function writePlain(to: Writer, key: string, value: Buffer | undefined, own: OwnHeaders, headers: readonly Header[] = []): void {
  writeText(to, key);
  if (value === undefined) to.varint(-1);
  else to.varint(value.length).raw(value);
  const about = Object.entries(own);
  to.varint(headers.length + about.length);
  for (const { name, value: text } of headers) writeText(to, name).varint(text.length).raw(text);
  for (const [name, text] of about) writeText(writeText(to, ownPrefix + name), text);
}

function writeText(to: Writer, value: string): Writer {
  const length = Buffer.byteLength(value);
  to.varint(length).reserve(length);
  to.at += to.bytes.write(value, to.at);
  return to;
}

type Draft = { -readonly [Name in keyof MillraceEvent]: MillraceEvent[Name] };

/** Attribute by header, as names come again and again. */
const attributeOf: ReadonlyMap<string, (typeof attributeNames)[number]> = new Map([
  ...attributeNames.map((name) => [prefix + name, name] as const),
  [contentType, 'datacontenttype'],
]);
const required = ['id', 'source', 'type'] as const;

export interface ReadMessage {
  readonly event: MillraceEvent | MillraceError;
  /** The one group that it is for; undefined for all. */
  readonly addressee: string | undefined;
}

/**
 * Reads a message.
 *
 * Attributes that are none of ours become extensions where their names allow, so that events of other producers lose nothing. Where they give no `time`, the
 * message's stands in; where they give no `partitionkey`, the key.
 *
 * @param hasOwnKey false for a dead letter, whose key is not that of the event.
 * @returns in place of the event a `MillraceError` EVENT_INVALID when the message is none.
 */
export function readMessage(record: RawRecord, hasOwnKey = true): ReadMessage {
  try {
    return readEvent(record, hasOwnKey);
  } catch (cause) {
    // One message that nobody can read must not end the reading of its partition.
    return { event: new MillraceError('EVENT_INVALID', `message cannot be read: ${String(cause)}`, { cause }), addressee: undefined };
  }
}

function readEvent(record: RawRecord, hasOwnKey: boolean): ReadMessage {
  const draft: Partial<Draft> = {};
  const reader = record.headers();
  let version: string | undefined;
  let addressee: string | undefined;
  const count = reader.varint();
  for (let place = 0; place < count; place++) {
    const { name, attribute } = readName(reader, place);
    const length = reader.varint();
    if (length < 0) continue;
    const text = reader.utf8(length);
    if (attribute !== undefined) draft[attribute as 'id'] = text;
    else if (name === 'ce_specversion') version = text;
    else if (name.startsWith(prefix)) addExtension(draft, name.slice(prefix.length), text);
    else if (name === addresseeHeader) addressee = text;
  }
  const time = draft.time ?? timeOf(record);
  if (time !== undefined) draft.time = time;
  const problem = problemOf(draft, version, record);
  if (problem !== undefined) return { event: new MillraceError('EVENT_INVALID', `message is no event: ${problem}`), addressee };
  const key = hasOwnKey && draft.partitionkey === undefined ? record.key() : undefined;
  if (key !== undefined) draft.partitionkey = key.toString();
  const value = record.value();
  // A part of the answer would keep all of it in memory.
  if (value !== undefined && value.length > 0) draft.data = Buffer.from(value);
  return { event: draft as MillraceEvent, addressee };
}

interface HeaderName {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly attribute: (typeof attributeNames)[number] | undefined;
}

/** Of the last message, by place: most have the same names in the same order, and to compare bytes takes a tenth of the time that it takes to make a text. */
const lastNames: HeaderName[] = [];
const mostNames = 64;

function readName(reader: Reader, place: number): HeaderName {
  const length = reader.varint();
  const last = lastNames[place];
  if (last !== undefined && last.bytes.length === length && isAt(reader, last.bytes)) {
    reader.at += length;
    return last;
  }
  const bytes = Uint8Array.from(reader.bytes.subarray(reader.at, reader.at + length));
  const name = reader.latin1(length);
  const read = { bytes, name, attribute: attributeOf.get(name) };
  if (place < mostNames) lastNames[place] = read;
  return read;
}

function isAt({ bytes, at }: Reader, expected: Uint8Array): boolean {
  for (let i = expected.length - 1; i >= 0; i--) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

/** What RFC 3339 can say: the years 0 to 9999. */
const times = { first: Date.parse('0000-01-01T00:00:00.000Z'), last: Date.parse('9999-12-31T23:59:59.999Z') };

/** The time of a message; undefined where its timestamp is none, as one in nanoseconds: brokers take any that is long past, older ones any at all. */
export function timeOf({ timestamp }: Pick<RawRecord, 'timestamp'>): string | undefined {
  return timestamp >= times.first && timestamp <= times.last ? new Date(timestamp).toISOString() : undefined;
}

function problemOf(draft: Partial<Draft>, version: string | undefined, { timestamp }: RawRecord): string | undefined {
  if (version !== undefined && version !== specVersion) return `specversion must be ${specVersion}, got ${version}`;
  const missing = required.filter((name) => !draft[name]);
  if (missing.length === 0 && draft.time === undefined) {
    return `time is missing, and the timestamp of the message is none in milliseconds, got ${timestamp}`;
  }
  if (missing.length === 0) return undefined;
  const { datacontenttype: type } = draft;
  if (type?.toLowerCase().startsWith(structuredType) === true) return `it is in structured mode (${type}); write it in binary mode`;
  return missing.map((name) => `${name} is missing`).join('; ');
}

function addExtension(draft: Partial<Draft>, name: string, value: string): void {
  if (extensionNamePattern.test(name)) draft.extensions = { ...draft.extensions, [name]: value };
}

export interface Header {
  readonly name: string;
  readonly value: Buffer;
}

/** All headers of a message, as they are. */
export function readHeaders(record: RawRecord): Header[] {
  const reader = record.headers();
  return Array.from({ length: reader.varint() }, () => {
    const name = reader.utf8(reader.varint());
    return { name, value: Buffer.from(reader.slice(Math.max(0, reader.varint()))) };
  });
}

/** Headers of our own, by what follows `millrace-`. */
export function ownHeaders(record: RawRecord): ReadonlyMap<string, string> {
  const own = readHeaders(record).filter(({ name }) => name.startsWith(ownPrefix));
  return new Map(own.map(({ name, value }) => [name.slice(ownPrefix.length), value.toString()]));
}
