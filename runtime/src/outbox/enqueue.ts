import type { ClientBase } from 'pg';
import { MillraceError } from '../contracts/errors.ts';
import { attributeNames, extensionNamePattern, isJsonContentType, plainTenant, plainTenantRule } from '../contracts/event.ts';
import type { Topology } from '../contracts/topology.ts';
import { isObserved } from '../telemetry/observed.ts';
import { pgTransaction } from './executors/pg.ts';
import type { DatabaseFunction, Transaction } from './executors/transaction.ts';
import { isUuidv7, uuidv7 } from './uuid.ts';

/** An event as a service hands it in. */
export interface NewEvent {
  readonly topic: string;
  /** What happened, `order.created`. */
  readonly type: string;
  /** URI reference of the producer. @default the `source` of `EnqueueOptions` */
  readonly source?: string;
  /** A value for JSON content types, bytes for any. */
  readonly data?: unknown;
  /** Events of one key are delivered in commit order; an event without one is ordered with none. */
  readonly key?: string;
  readonly subject?: string;
  /** Begins with a letter or digit, and has only letters, digits and . _ : @ + = ~ - */
  readonly tenantId?: string;
  readonly actorId?: string;
  /** @default 'application/json' */
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** Further CloudEvents extension attributes: names of lower-case letters and digits. */
  readonly extensions?: Readonly<Record<string, string>>;
  /** A UUIDv7, when the caller has drawn it already. @default a new one */
  readonly id?: string;
}

export interface EnqueueOptions {
  /** Source of events that name none. */
  readonly source?: string;
  /** Checks topics, sizes and tenants before anything is written; without it the relay finds out. */
  readonly topology?: Topology;
  /** False lets writers of one key go on side by side, and gives up their order. @default true */
  readonly ordered?: boolean;
  /** With an OpenTelemetry SDK: false lets events carry the active span itself, instead of a `create` span each. @default true */
  readonly createSpans?: boolean;
}

/** @default of `maxBytes` where no topology is passed; the database refuses above 16 MiB whatever the topology says. */
const hardLimitBytes = 16 * 1024 * 1024;

const enqueueFunction: DatabaseFunction = {
  name: 'enqueue',
  types: ['uuid[]', ...Array<string>(7).fill('text[]'), 'bytea[]', 'text[]', 'jsonb[]', 'boolean'],
};

/**
 * Writes events into the outbox within the caller's transaction: they are published if it commits, and never otherwise.
 *
 * Takes a lock per key until the end of the transaction, so that ids of one key are in commit order; two transactions that lock keys in opposite orders
 * over several calls get an ordinary deadlock error (40P01): repeat the transaction.
 *
 * @param transaction the client of `pg` on which the transaction runs, or what `millrace/outbox/drizzle`, `knex`, `kysely`, `prisma` or `typeorm` makes of
 * the transaction of such a library.
 * @returns the ids, in the order of `events`. Await them before the transaction is ended.
 * @throws {MillraceError} OUTBOX_NO_TRANSACTION, EVENT_INVALID, EVENT_TOO_LARGE, TENANT_REQUIRED or TOPIC_UNKNOWN; nothing is written then.
 * @example
 * await client.query('begin');
 * await client.query('insert into orders (id, total) values ($1, $2)', [id, total]);
 * await enqueue(client, [{ topic: 'orders.created', type: 'order.created', key: id, tenantId, data: { id, total } }], { source: '/orders' });
 * await client.query('commit');
 */
export async function enqueue(
  transaction: ClientBase | Transaction,
  events: readonly NewEvent[],
  options: EnqueueOptions = {},
): Promise<string[]> {
  const joined = 'callFunction' in transaction ? transaction : pgTransaction(transaction);
  joined.requireOpen();
  if (events.length === 0) return [];
  const write = async (all: readonly NewEvent[]): Promise<string[]> => {
    const rows = all.map((event) => toColumns(event, options));
    const columns = rows[0]!.map((_, column) => rows.map((row) => row[column]!));
    await joined.callFunction(enqueueFunction, [...columns, options.ordered ?? true]);
    return columns[0] as string[];
  };
  return isObserved() ? (await import('../telemetry/create.ts')).createEvents(events, options, write) : write(events);
}

function toColumns(event: NewEvent, options: EnqueueOptions): readonly (string | Buffer | null)[] {
  const { topic, type, key, subject, tenantId, actorId } = event;
  const source = event.source ?? options.source;
  const contentType = event.datacontenttype ?? 'application/json';
  for (const [name, value] of Object.entries({ topic, type, source })) {
    if (typeof value !== 'string' || value === '') throw invalid(`${name} must be a non-empty string, ${got(value)}`);
  }
  // In the caller's transaction, because a relay could only park the event.
  if (tenantId !== undefined && !plainTenant.test(tenantId)) throw invalid(`tenantId ${plainTenantRule}, ${got(tenantId)}`);
  const data = toBytes(event.data, contentType);
  checkTopology(event, data, options.topology);
  const id = event.id ?? uuidv7();
  if (!isUuidv7(id)) throw invalid(`id must be a UUIDv7, ${got(id)}`);
  const texts = [id, topic, key, type, source!, subject, tenantId, actorId].map((text) => text ?? null);
  return [...texts, data ?? null, data === undefined ? null : contentType, headersOf(event)];
}

/** @throws {MillraceError} EVENT_INVALID when data and content type contradict each other. */
function toBytes(data: unknown, contentType: string): Buffer | undefined {
  if (data === undefined) return undefined;
  const json = isJsonContentType(contentType);
  if (data instanceof Uint8Array) {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    try {
      if (json) JSON.parse(bytes.toString());
    } catch (cause) {
      throw invalid(`data contradicts its content type ${contentType}: the bytes are no JSON`, { cause });
    }
    return bytes;
  }
  if (json) {
    const text = JSON.stringify(data);
    if (text === undefined) throw invalid(`data must be a JSON value, got a ${typeof data}`);
    return Buffer.from(text);
  }
  if (typeof data === 'string' && contentType.startsWith('text/')) return Buffer.from(data);
  throw invalid(`data of content type ${contentType} must be bytes, got ${data === null ? 'null' : `a ${typeof data}`}`);
}

function checkTopology(event: NewEvent, data: Buffer | undefined, topology: Topology | undefined): void {
  const topic = topology?.topics[event.topic];
  if (topology !== undefined && topic === undefined) {
    throw new MillraceError(
      'TOPIC_UNKNOWN',
      `topic ${event.topic} is not in the topology; declared are ${Object.keys(topology.topics).join(', ')}`,
      { retriable: false },
    );
  }
  const limit = topic?.maxBytes ?? hardLimitBytes;
  if (data !== undefined && data.byteLength > limit) {
    throw new MillraceError('EVENT_TOO_LARGE', `data of ${event.topic} must be at most ${limit} bytes, got ${data.byteLength}`);
  }
  if (topic !== undefined && !topic.tenantless && event.tenantId === undefined) {
    throw new MillraceError('TENANT_REQUIRED', `topic ${event.topic} belongs to tenants: pass tenantId, or declare the topic tenantless`);
  }
}

const reservedNames: readonly string[] = [...attributeNames, 'specversion', 'data', 'extensions'];

function headersOf(event: NewEvent): string | null {
  const { dataschema, traceparent, tracestate, extensions } = event;
  for (const [name, value] of Object.entries(extensions ?? {})) {
    if (!extensionNamePattern.test(name)) throw invalid(`extension names are lower-case letters and digits, at most 20, ${got(name)}`);
    if (reservedNames.includes(name)) throw invalid(`extension ${name} has the name of an attribute: choose another`);
    if (typeof value !== 'string') throw invalid(`extension ${name} must be a string, got a ${typeof value}`);
  }
  const headers = JSON.stringify({ ...extensions, dataschema, traceparent, tracestate }); // leaves out what is undefined
  return headers === '{}' ? null : headers;
}

function got(value: unknown): string {
  return `got ${JSON.stringify(value)}`;
}

function invalid(message: string, options?: { cause: unknown }): MillraceError {
  return new MillraceError('EVENT_INVALID', message, options);
}
