import { canonicalLine } from '../contracts/canonical-json.ts';
import type { PropertyDifference } from './driver.ts';

export type Properties = Readonly<Record<string, unknown>>;

/** The properties that are not the same, by name. Compared is the canonical JSON, so order of keys does not count; undefined is absent. */
export function differencesBetween(declared: Properties, live: Properties): PropertyDifference[] {
  const names = [...new Set([...Object.keys(declared), ...Object.keys(live)])].sort();
  return names.flatMap((property) => {
    const wanted = textOf(declared[property]);
    const found = textOf(live[property]);
    return wanted === found ? [] : [{ property, live: found, declared: wanted }];
  });
}

/** What is there of an object that is to be made: everything declared, nothing live. */
export function allOf(declared: Properties): PropertyDifference[] {
  return differencesBetween(declared, {});
}

function textOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'string' ? value : canonicalLine(value);
}
