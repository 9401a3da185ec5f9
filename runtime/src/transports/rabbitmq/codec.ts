import { Buffer } from 'node:buffer';
import type * as Amqp from 'amqplib';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { attributeNames, extensionNamePattern, type MillraceEvent, specVersion } from '../../contracts/event.ts';

/**
 * How an event lies in a message: the AMQP binding of CloudEvents, binary mode, with the headers of AMQP 0.9.1 for application properties. Attributes are
 * headers `cloudEvents:NAME`, `datacontenttype` is the property content-type, the id is the property message-id as well, and the content is the data,
 * untouched. No content is no data.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
 */
const prefix = 'cloudEvents:';
/** The binding allows this too; clients of JMS cannot write a colon. */
const foreignPrefix = 'cloudEvents_';
const structuredType = 'application/cloudevents+json';

const wireNames = attributeNames.filter((name) => name !== 'datacontenttype').map((name) => [name, prefix + name] as const);
const specVersionName = `${prefix}specversion`;

/** Headers of our own, about the message and not about the event, begin with this. */
export const ownPrefix = 'millrace-';

export type Headers = Readonly<Record<string, unknown>>;

export interface Parcel {
  readonly content: Buffer;
  readonly options: Amqp.Options.Publish & { readonly messageId: string; readonly headers: Headers };
}

/** A message that is the event. */
export function parcelOf(event: MillraceEvent): Parcel {
  const headers: Record<string, string> = { [specVersionName]: specVersion };
  for (const [name, wireName] of wireNames) {
    const value = event[name];
    if (value !== undefined) headers[wireName] = value;
  }
  const { data, datacontenttype, extensions } = event;
  if (extensions !== undefined) for (const name of Object.keys(extensions)) headers[prefix + name] = extensions[name]!;
  const content = data === undefined ? none : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const options = { messageId: event.id, headers };
  return { content, options: datacontenttype === undefined ? options : { ...options, contentType: datacontenttype } };
}

const none = Buffer.alloc(0);

type Draft = { -readonly [Name in keyof MillraceEvent]: MillraceEvent[Name] };

const attributes: ReadonlySet<string> = new Set(attributeNames);
const required = ['id', 'source', 'type'] as const;

type Received = Pick<Amqp.Message, 'content' | 'properties'>;

/**
 * Reads a message, also one that another program wrote, in binary mode or as JSON (structured mode).
 *
 * Attributes that are none of ours become extensions where their names allow, so that events of other producers lose nothing. Where they give no `time`, the
 * property timestamp or now stands in.
 *
 * @returns in place of the event a `MillraceError` EVENT_INVALID when the message is none.
 */
export function readEvent({ content, properties }: Received): MillraceEvent | MillraceError {
  const contentType = textOf(properties.contentType as unknown);
  const isStructured = contentType?.toLowerCase().startsWith(structuredType) === true;
  const draft = isStructured ? structured(content) : binary(content, headersOf(properties), contentType);
  if (isMillraceError(draft)) return draft;
  const { specversion, ...event } = draft;
  const problem = problemOf(event, specversion);
  if (problem !== undefined) return noEvent(problem);
  event.time ??= timeOf(properties.timestamp as unknown);
  return event as MillraceEvent;
}

export function headersOf({ headers }: Amqp.MessageProperties): Headers {
  return headers ?? {};
}

interface RawDraft extends Partial<Draft> {
  specversion?: string;
}

function binary(content: Buffer, headers: Headers, contentType: string | undefined): RawDraft {
  const draft: RawDraft = {};
  for (const header in headers) {
    if (!header.startsWith(prefix) && !header.startsWith(foreignPrefix)) continue;
    const value = textOf(headers[header]);
    if (value !== undefined && value !== '') put(draft, header.slice(prefix.length), value);
  }
  if (contentType !== undefined && contentType !== '') draft.datacontenttype = contentType;
  if (content.length > 0) draft.data = content;
  return draft;
}

function structured(content: Buffer): RawDraft | MillraceError {
  const document = parsed(content);
  if (document === undefined) return noEvent(`content of type ${structuredType} must be a JSON object`);
  const draft: RawDraft = {};
  const { data, data_base64: base64, ...named } = document;
  for (const name of Object.keys(named)) {
    const value = textOf(named[name]);
    if (value !== undefined && value !== '') put(draft, name, value);
  }
  if (typeof base64 === 'string') draft.data = Buffer.from(base64, 'base64');
  else if (data !== undefined) draft.data = Buffer.from(JSON.stringify(data));
  if (data !== undefined) draft.datacontenttype ??= 'application/json';
  return draft;
}

function parsed(content: Buffer): Record<string, unknown> | undefined {
  try {
    const document: unknown = JSON.parse(content.toString());
    return typeof document === 'object' && document !== null && !Array.isArray(document) ? { ...document } : undefined;
  } catch {
    return undefined;
  }
}

function put(draft: RawDraft, name: string, value: string): void {
  if (attributes.has(name)) draft[name as 'id'] = value;
  else if (name === 'specversion') draft.specversion = value;
  else if (extensionNamePattern.test(name)) draft.extensions = { ...draft.extensions, [name]: value };
}

/** A header's value as CloudEvents writes it in text; other programs send numbers, booleans and times as such. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (Buffer.isBuffer(value)) return value.toString();
  const { '!': type, value: wrapped } = (value ?? {}) as { '!'?: unknown; value?: unknown };
  return type === 'timestamp' ? timeOf(wrapped) : undefined;
}

/** @param seconds since 1970, as AMQP has them. */
function timeOf(seconds: unknown): string {
  const milliseconds = typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : Date.now();
  return new Date(Math.min(milliseconds, latestTime)).toISOString();
}

const latestTime = Date.UTC(9999, 11, 31);

function problemOf(draft: Partial<Draft>, version: string | undefined): string | undefined {
  if (version !== undefined && version !== specVersion) return `specversion must be ${specVersion}, got ${version}`;
  const missing = required.filter((name) => draft[name] === undefined);
  return missing.length === 0 ? undefined : missing.map((name) => `${name} is missing`).join('; ');
}

function noEvent(problem: string): MillraceError {
  return new MillraceError('EVENT_INVALID', `message is no event: ${problem}`);
}
