import { Buffer } from 'node:buffer';
import type * as Amqp from 'amqplib';
import { MillraceError } from '../contracts/errors.ts';
import { isJsonContentType, type MillraceEvent } from '../contracts/event.ts';
import { uuidv7 } from '../outbox/uuid.ts';
import type { MessageOptions, Received } from './task.ts';

/** What a message carries that AMQP has no property for. */
export const header = {
  tenant: 'tenantid',
  actor: 'actorid',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  /** Copies before this one: a task that was put back must not be taken for its original, which is about to be acknowledged. */
  copies: 'x-millrace-copies',
  /** Attempts before this copy. */
  attempts: 'x-millrace-attempts',
  /** Those of them that ended without an answer, as when the process is killed. */
  unanswered: 'x-millrace-unanswered',
  /** JSON. */
  failures: 'x-millrace-failures',
  /** Milliseconds since 1970 of the sender's clock. */
  expires: 'x-millrace-expires',
  exchange: 'x-millrace-exchange',
  routingKey: 'x-millrace-routing-key',
  /** Of a dead letter: where it was given up, and why. */
  queue: 'x-millrace-queue',
  reason: 'x-millrace-reason',
  /** Of a request: as `expires`. */
  deadline: 'x-millrace-deadline',
  /** Of an answer that is none. */
  errorCode: 'x-millrace-error-code',
} as const;

/** RabbitMQ copies a message to the queues in these as well, which a repetition must not do. */
const carbonCopies = ['CC', 'BCC'];
const attributes: ReadonlySet<string> = new Set([header.tenant, header.actor, header.traceparent, header.tracestate, ...carbonCopies]);
/** All headers of a message have to fit into one frame, 128 KiB; the history of failures needs its part. */
const maxHeaderBytes = 16_384;

/** What RabbitMQ takes for `expiration`, in milliseconds, and whole ones only; for any other value it closes the channel. */
export const longestExpirationMs = 2 ** 32 - 1;

export type Headers = Readonly<Record<string, unknown>>;

/** A message ready for the wire. */
export interface Parcel {
  readonly id: string;
  readonly content: Buffer;
  readonly options: Amqp.Options.Publish & { readonly messageId: string; readonly headers: Headers };
}

/** JSON, or bytes as they are; nothing at all for undefined. */
export function encodePayload(payload: unknown): { content: Buffer; contentType?: string } {
  if (payload === undefined) return { content: Buffer.alloc(0) };
  if (payload instanceof Uint8Array) {
    return { content: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength), contentType: 'application/octet-stream' };
  }
  return { content: Buffer.from(JSON.stringify(payload)), contentType: 'application/json' };
}

/** @throws {SyntaxError} when it says that it is JSON and is not. */
export function decodePayload({ content, properties }: Pick<Amqp.Message, 'content' | 'properties'>): unknown {
  const contentType: unknown = properties.contentType;
  if (typeof contentType !== 'string' || !isJsonContentType(contentType)) return content.length === 0 ? undefined : new Uint8Array(content);
  return content.length === 0 ? undefined : JSON.parse(content.toString());
}

/** @throws {MillraceError} TASK_INVALID when a header is not the caller's to set, or they are too long together. */
export function parcel(payload: unknown, options: MessageOptions): Parcel {
  const { id = uuidv7(), type, headers = {}, tenantId, actorId, traceparent, tracestate } = options;
  requireOwn(headers);
  const { content, contentType } = encodePayload(payload);
  const own = [
    [header.tenant, tenantId],
    [header.actor, actorId],
    [header.traceparent, traceparent],
    [header.tracestate, tracestate],
  ] as const;
  const all: Record<string, unknown> = { ...headers };
  for (const [name, value] of own) if (value !== undefined) all[name] = value;
  return {
    id,
    content,
    options: {
      messageId: id,
      timestamp: Math.floor(Date.now() / 1_000),
      headers: all,
      ...(type !== undefined && { type }),
      ...(contentType !== undefined && { contentType }),
    },
  };
}

function requireOwn(headers: NonNullable<MessageOptions['headers']>): void {
  const names = Object.keys(headers);
  if (names.length === 0) return;
  const taken = names.find((name) => name.toLowerCase().startsWith('x-') || attributes.has(name));
  if (taken !== undefined) {
    throw new MillraceError('TASK_INVALID', `header ${taken} is not the caller's; use the option that it stands for, or another name`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(headers));
  if (bytes > maxHeaderBytes) {
    throw new MillraceError(
      'TASK_INVALID',
      `headers must be at most ${maxHeaderBytes} bytes together, got ${bytes}; put it into the payload`,
    );
  }
}

export function headersOf({ properties }: Pick<Amqp.Message, 'properties'>): Headers {
  return (properties.headers as Headers | undefined) ?? {};
}

export function textHeader(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

export function numberHeader(headers: Headers, name: string): number | undefined {
  const value = headers[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** Those that the sender set, without the broker's and ours. */
function ownHeaders(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-') && !attributes.has(name)));
}

/** What tasks and calls have in common; the payload is decoded already. */
export function received<T>(
  message: Amqp.ConsumeMessage,
  id: string,
  queue: string,
  payload: unknown,
  signal: () => AbortSignal,
): Received<T> {
  const headers = headersOf(message);
  const type: unknown = message.properties.type;
  const [tenantId, actorId] = [textHeader(headers, header.tenant), textHeader(headers, header.actor)];
  return {
    id,
    type: typeof type === 'string' ? type : undefined,
    payload: payload as T,
    get headers() {
      return ownHeaders(headers);
    },
    ...{ tenantId, actorId, run: '' },
    get signal() {
      return signal();
    },
    traceparent: textHeader(headers, header.traceparent),
    tracestate: textHeader(headers, header.tracestate),
    get event() {
      return eventOf(message, id, queue);
    },
  };
}

/** The message as the event that inboxes note. */
function eventOf({ content, properties, fields }: Amqp.ConsumeMessage, id: string, queue: string): MillraceEvent {
  const headers = headersOf({ properties });
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  const { timestamp } = properties as { timestamp?: unknown };
  const event: { [name in keyof MillraceEvent]?: MillraceEvent[name] | undefined } = {
    id,
    source: `/queues/${queue}`,
    type: text(properties.type) ?? queue,
    subject: textHeader(headers, header.routingKey) ?? fields.routingKey,
    time: new Date(typeof timestamp === 'number' ? timestamp * 1_000 : Date.now()).toISOString(),
    datacontenttype: text(properties.contentType),
    tenantid: textHeader(headers, header.tenant),
    actorid: textHeader(headers, header.actor),
    traceparent: textHeader(headers, header.traceparent),
    tracestate: textHeader(headers, header.tracestate),
    data: content,
  };
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined)) as unknown as MillraceEvent;
}

/** The same message once more, with `changes` to its headers: without what the broker noted on it, with which it would go astray. */
export function copyOf({ content, properties }: Amqp.ConsumeMessage, id: string, changes: Headers): Parcel {
  // RabbitMQ drops a message that expires twice in one queue, which it finds in `x-death`: the second repetition would be lost.
  const kept = Object.entries(headersOf({ properties })).filter(
    ([name]) => (!name.startsWith('x-') || name.startsWith('x-millrace-')) && !carbonCopies.includes(name),
  );
  const { contentType, contentEncoding, type, timestamp, appId, correlationId, replyTo, priority } = properties;
  const plain = { contentType, contentEncoding, type, timestamp, appId, correlationId, replyTo, priority };
  const present = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined));
  return { id, content, options: { ...present, messageId: id, headers: { ...Object.fromEntries(kept), ...changes } } };
}
