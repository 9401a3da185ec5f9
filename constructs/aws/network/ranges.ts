/** An IPv4 range, `10.20.0.0/16`, as its first address and its prefix length; undefined where the text is none. */
export function parseRange(text: string): { readonly address: number; readonly prefix: number } | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const [a, b, c, d, prefix] = match.slice(1).map(Number) as [number, number, number, number, number];
  if ([a, b, c, d].some((octet) => octet > 255) || prefix > 32) return undefined;
  const address = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  return address % 2 ** (32 - prefix) === 0 ? { address, prefix } : undefined;
}

/**
 * Ranges for `count` subnets in the lower half of `cidr`, equal in size: eighths of it for up to four, sixteenths for up to eight.
 *
 * None where `cidr` is no range, which `networkRules` reports.
 */
export function subnetRanges(cidr: string, count: number): string[] {
  const range = parseRange(cidr);
  if (range === undefined) return [];
  const prefix = range.prefix + (count <= 4 ? 3 : 4);
  return Array.from({ length: count }, (_, index) => `${dotted(range.address + index * 2 ** (32 - prefix))}/${prefix}`);
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}
