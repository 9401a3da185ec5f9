/** Ids `[from, to)`, as PostgreSQL's `int8range` has them. */
export type Range = readonly [from: number, to: number];

/** Text of an `int8multirange`. */
export function formatRanges(ranges: readonly Range[]): string {
  return `{${ranges.map(([from, to]) => `[${from},${to})`).join(',')}}`;
}

export function parseRanges(text: string): Range[] {
  return [...text.matchAll(/\[(\d+),(\d+)\)/g)].map((match) => [Number(match[1]), Number(match[2])]);
}

/** What lies between `low` (exclusive) and `high` (inclusive) beside the `holes`, which are ascending and do not overlap. */
export function complement(low: number, high: number, holes: readonly Range[]): Range[] {
  const ranges: Range[] = [];
  let from = low + 1;
  for (const [holeFrom, holeTo] of holes) {
    if (holeFrom > high) break;
    if (from < holeFrom) ranges.push([from, holeFrom]);
    from = holeTo;
  }
  if (from <= high) ranges.push([from, high + 1]);
  return ranges;
}
