import { MillraceError } from '../../contracts/errors.ts';
import { attributeNames, extensionNamePattern, type MillraceEvent, specVersion } from '../../contracts/event.ts';
import type { Packer, Unpacker } from './msgpack.ts';

/**
 * How an event lies in a stream entry: one field per CloudEvents attribute, under the attribute's name, so that any client can read it. Extensions of
 * the producer's own are one field of JSON; the data is the field `data`, untouched. An empty field means an absent attribute.
 *
 * Entries of one topic are given the same fields in the same order as far as possible, because Redis then stores the names once per 100 entries.
 */
export const fieldNames = [...attributeNames, 'extensions', 'data'] as const;
export type FieldName = (typeof fieldNames)[number];

/** The fields that at least one of `events` needs, as a set of bits over `fieldNames`, added to those in `bits`. */
export function fieldsUsed(events: readonly MillraceEvent[], bits: number): number {
  let used = bits;
  for (const event of events) {
    for (let i = 0; i < fieldNames.length; i++) {
      if (event[fieldNames[i]!] !== undefined) used |= 1 << i;
    }
  }
  return used;
}

/** The field names that `bits` stand for, in the order of the wire. */
export function fieldsOf(bits: number): FieldName[] {
  return fieldNames.filter((_, i) => (bits & (1 << i)) !== 0);
}

/** Packs the values of `fields` of one event. */
export function packEvent(event: MillraceEvent, fields: readonly FieldName[], packer: Packer): void {
  for (const field of fields) {
    if (field === 'data') packer.bytes(event.data ?? none);
    else if (field === 'extensions') packer.text(event.extensions === undefined ? '' : JSON.stringify(event.extensions));
    else packer.text(event[field] ?? '');
  }
}

const none = new Uint8Array(0);
const attributes: ReadonlySet<string> = new Set(attributeNames);
const required = ['id', 'source', 'type'] as const;

type Draft = { -readonly [Name in keyof MillraceEvent]: MillraceEvent[Name] };

/**
 * Reads one entry, packed as an array of names and values.
 *
 * Fields that are no attribute of ours become extensions where their names allow, so that events of other producers lose nothing; where they give no
 * `time`, the broker's stands in.
 *
 * @param position id of the entry, `1763700000000-0`.
 * @returns the event, or a `MillraceError` EVENT_INVALID when the entry is none; the unpacker stands behind the entry either way.
 */
export function unpackEvent(unpacker: Unpacker, position: string): MillraceEvent | MillraceError {
  const draft: Partial<Draft> = {};
  const problems: string[] = [];
  for (let pairs = unpacker.array() / 2; pairs > 0; pairs--) {
    const name = unpacker.text();
    if (name === 'data') {
      const data = unpacker.bytes();
      if (data.length > 0) draft.data = data;
      continue;
    }
    const value = unpacker.text();
    if (value === '') continue;
    if (attributes.has(name)) draft[name as (typeof required)[number]] = value;
    else if (name === 'extensions') addExtensions(draft, value, problems);
    else if (name !== 'specversion') addExtension(draft, name, value);
    else if (value !== specVersion) problems.push(`specversion must be ${specVersion}, got ${value}`);
  }
  for (const name of required) if (draft[name] === undefined) problems.push(`${name} is missing`);
  draft.time ??= new Date(Number(position.split('-', 1)[0])).toISOString();
  return problems.length === 0 ? (draft as MillraceEvent) : new MillraceError('EVENT_INVALID', `entry is no event: ${problems.join('; ')}`);
}

function addExtension(draft: Partial<Draft>, name: string, value: string): void {
  if (extensionNamePattern.test(name)) draft.extensions = { ...draft.extensions, [name]: value };
}

function addExtensions(draft: Partial<Draft>, json: string, problems: string[]): void {
  const parsed = parseObject(json);
  if (parsed === undefined) problems.push('extensions must be a JSON object of strings');
  else draft.extensions = { ...draft.extensions, ...parsed };
}

function parseObject(json: string): Record<string, string> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return Object.values(value).every((entry) => typeof entry === 'string') ? (value as Record<string, string>) : undefined;
}
