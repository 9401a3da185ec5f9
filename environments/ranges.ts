/** An IPv4 range: its first address as a number, and the length of its prefix. */
export interface Range {
  readonly address: number;
  readonly prefix: number;
}

/** What is written `10.20.0.0/16`; undefined where the text is no range, or begins in the middle of one. */
export function parseRange(text: string): Range | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const [a, b, c, d, prefix] = match.slice(1).map(Number) as [number, number, number, number, number];
  if ([a, b, c, d].some((octet) => octet > 255) || prefix > 32) return undefined;
  const address = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  return address % sizeOf({ prefix }) === 0 ? { address, prefix } : undefined;
}

/** Whether the text is a range whose prefix has from `least` to `most` bits. */
export function isRangeBetween(text: string, least: number, most: number): boolean {
  const range = parseRange(text);
  return range !== undefined && range.prefix >= least && range.prefix <= most;
}

/** Pairs of ranges that have an address in common, each as it was written; what is no range overlaps with nothing. */
export function overlaps(texts: readonly string[]): [one: string, other: string][] {
  return texts.flatMap((one, index) =>
    texts.slice(index + 1).flatMap((other): [string, string][] => (overlap(one, other) ? [[one, other]] : [])),
  );
}

function overlap(one: string, other: string): boolean {
  const [a, b] = [parseRange(one), parseRange(other)];
  return a !== undefined && b !== undefined && a.address < b.address + sizeOf(b) && b.address < a.address + sizeOf(a);
}

function sizeOf({ prefix }: Pick<Range, 'prefix'>): number {
  return 2 ** (32 - prefix);
}
