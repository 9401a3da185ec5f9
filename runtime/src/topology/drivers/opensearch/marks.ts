import { canonicalJson } from '../../../contracts/canonical-json.ts';
import { sha256 } from '../../../hash.ts';
import type { Properties } from '../../differences.ts';

/** Short enough for a description that people read; a collision would hide one change made by hand. */
const markLength = 16;

/** What an object is known by later: whether it still is what Millrace wrote. */
export function markFor(properties: Properties): string {
  return sha256(canonicalJson(properties)).slice(0, markLength);
}

/** A description with the mark, for objects that have room for nothing else. */
export function describe(sentence: string, mark: string): string {
  return `${sentence} [millrace ${mark}]`;
}

/** The mark in a description; undefined where Millrace did not write it. */
export function markIn(description: unknown): string | undefined {
  return typeof description === 'string' ? /\[millrace ([0-9a-f]{16})\]$/.exec(description)?.[1] : undefined;
}
