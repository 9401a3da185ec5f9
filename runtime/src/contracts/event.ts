/**
 * The event: CloudEvents 1.0 in binary mode, plus the extensions that a multi-tenant product needs.
 *
 * Plain interfaces and constants only: events are built and read on the hot path, where a schema library costs more than the transport.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export interface MillraceEvent {
  /** UUIDv7 drawn at `enqueue`; the identity that inboxes decide on. */
  readonly id: string;
  /** URI reference of the producer, `/services/orders`. */
  readonly source: string;
  /** What happened, `com.example.order.created`. */
  readonly type: string;
  readonly subject?: string;
  /** RFC 3339, UTC, of the database clock at `enqueue`. */
  readonly time: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly tenantid?: string;
  readonly actorid?: string;
  /** Events of one partition key are delivered in commit order. */
  readonly partitionkey?: string;
  /** Position in the producer's log, decimal. For diagnosis only: it is drawn again after a restore of the database. */
  readonly sequence?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** Further CloudEvents extension attributes, lower-case letters and digits. */
  readonly extensions?: Readonly<Record<string, string>>;
  readonly data?: Uint8Array;
}

export const specVersion = '1.0';

/** Names of the attributes that have a place of their own, in the order of the wire encodings. */
export const attributeNames = [
  'id',
  'source',
  'type',
  'subject',
  'time',
  'datacontenttype',
  'dataschema',
  'tenantid',
  'actorid',
  'partitionkey',
  'sequence',
  'traceparent',
  'tracestate',
] as const satisfies readonly (keyof MillraceEvent)[];

export type AttributeName = (typeof attributeNames)[number];

/** Name of a CloudEvents extension attribute: lower-case letters and digits, at most 20 as the specification advises. */
export const extensionNamePattern = /^[a-z0-9]{1,20}$/;

/**
 * Id of a tenant. It is part of keys, of channels and of the patterns by which users are bound to a tenant: in them it must mean itself, and end where it ends.
 * So it has none of `{ } * ? [ ] \\ ^ / % | & , "`, no spaces and no letters beyond ASCII, and begins with a letter or digit.
 */
export const plainTenant = /^[A-Za-z0-9][A-Za-z0-9._:@+=~-]*$/;

/** Its sentence for people, between the name of what must and what it is instead. */
export const plainTenantRule = 'must begin with a letter or digit and have only letters, digits and . _ : @ + = ~ -';

/** Whether a media type says that the data is JSON: `application/json`, `text/json` or any `+json`. */
export function isJsonContentType(contentType: string): boolean {
  return /^[a-z]+\/(?:[^;\s]+\+)?json(?:\s*;.*)?$/i.test(contentType);
}

/**
 * The data of a JSON event, parsed.
 *
 * @throws {SyntaxError} when the bytes are no JSON, which `enqueue` refuses but a foreign producer may send.
 */
export function jsonData<T = unknown>(event: MillraceEvent): T | undefined {
  if (event.data === undefined || event.data.byteLength === 0) return undefined;
  return JSON.parse(new TextDecoder().decode(event.data)) as T;
}
