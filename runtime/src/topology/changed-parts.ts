import { canonicalLine } from '../contracts/canonical-json.ts';
import type { PropertyDifference } from './driver.ts';

/** One thing that is not the same, for people: `before` and `after` are one sentence together. */
export interface ChangedPart {
  readonly property: string;
  readonly before: string;
  readonly after: string;
}

/** Up to here both values are shown whole. */
const shownCharacters = 160;
/** Of one difference; `--json` has all of it. */
const shownParts = 12;
/** Kept on either side of what differs in a long text. */
const keptCharacters = 20;

/** What differs within a difference: mappings and policies are pages of JSON, and to see both of them whole shows nothing. */
export function changedParts({ property, live, declared }: PropertyDifference): ChangedPart[] {
  if (isShort(live) && isShort(declared)) return [whole(property, live, declared)];
  const parts = partsOf(property, parsed(live), parsed(declared));
  if (parts.length <= shownParts) return parts;
  const left = parts.length - shownParts + 1;
  return [...parts.slice(0, shownParts - 1), { property, before: '', after: `${left} more differences, --json has all of them` }];
}

function partsOf(property: string, live: unknown, declared: unknown): ChangedPart[] {
  if (isRecord(live) && isRecord(declared)) {
    const keys = [...new Set([...Object.keys(live), ...Object.keys(declared)])].sort();
    const differing = keys.filter((key) => textOf(live[key]) !== textOf(declared[key]));
    return differing.flatMap((key) => partsOf(`${property}.${key}`, live[key], declared[key]));
  }
  const [found, wanted] = [textOf(live), textOf(declared)];
  if (isShort(found) && isShort(wanted)) return [whole(property, found, wanted)];
  const [before, after] = [entriesOf(live), entriesOf(declared)];
  const lists = before !== undefined && after !== undefined ? listDifference(before, after) : undefined;
  return [lists === undefined ? middle(property, found, wanted) : { property, before: '', after: lists }];
}

/** Undefined where both have the same entries in another order. */
function listDifference(live: readonly string[], declared: readonly string[]): string | undefined {
  const [added, removed] = [without(declared, live), without(live, declared)];
  const told = [
    ...(added.length === 0 ? [] : [`adds ${entriesText(added)}`]),
    ...(removed.length === 0 ? [] : [`removes ${entriesText(removed)}`]),
  ];
  return told.length === 0 ? undefined : told.join('; ');
}

function without(entries: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return entries.filter((entry) => !known.has(entry));
}

function entriesText(entries: readonly string[]): string {
  const shown = entries.slice(0, shownParts).map((entry) => cut(entry));
  return shown.length === entries.length ? shown.join(', ') : `${shown.join(', ')} and ${entries.length - shown.length} more`;
}

/** A long text from where it begins to differ to where it ceases to. */
function middle(property: string, live: string | undefined, declared: string | undefined): ChangedPart {
  if (live === undefined || declared === undefined) return whole(property, live, declared);
  const shorter = Math.min(live.length, declared.length);
  let start = 0;
  while (start < shorter && live[start] === declared[start]) start++;
  let end = 0;
  while (end < shorter - start && live.at(-1 - end) === declared.at(-1 - end)) end++;
  const [from, to] = [Math.max(0, start - keptCharacters), Math.max(0, end - keptCharacters)];
  const within = (text: string) => `${from > 0 ? '...' : ''}${cut(text.slice(from, text.length - to))}${to > 0 ? '...' : ''}`;
  return { property, before: within(live), after: ` -> ${within(declared)}` };
}

function whole(property: string, live: string | undefined, declared: string | undefined): ChangedPart {
  return { property, before: cut(live ?? 'none'), after: ` -> ${cut(declared ?? 'none')}` };
}

function cut(text: string): string {
  return text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters)}... (${text.length} characters)`;
}

function isShort(text: string | undefined): boolean {
  return text === undefined || text.length <= shownCharacters;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value of a difference is a text, or JSON. */
function parsed(text: string | undefined): unknown {
  if (text === undefined || !/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    // It only looks like JSON.
    return text;
  }
}

function textOf(value: unknown): string | undefined {
  return value === undefined || typeof value === 'string' ? value : canonicalLine(value);
}

/** Lists of JSON, and of words as rules of Redis are. */
function entriesOf(value: unknown): string[] | undefined {
  if (Array.isArray(value)) return value.map((entry) => textOf(entry)!);
  return typeof value === 'string' && value.includes(' ') ? value.split(/\s+/) : undefined;
}
