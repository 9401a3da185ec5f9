import { parseRange } from '../../../environments/ranges.ts';

/** Letters of the zones that a region may have. A range has a place for each, whichever of them are used. */
const letters = 'abcdefgh';

/**
 * The range of the private subnet in `zone`: a sixteenth of the lower half of `cidr`, the first of zone a, the second of zone b.
 *
 * It depends on the zone alone, so that a zone more or less moves no other subnet. Nothing where `cidr` is no range or `zone` no zone, which
 * `networkRules` reports.
 */
export function subnetRange(cidr: string, zone: string): string {
  const range = parseRange(cidr);
  const place = letters.indexOf(zone.slice(-1));
  if (range === undefined || place === -1) return '';
  const prefix = range.prefix + 4;
  return `${dotted(range.address + place * 2 ** (32 - prefix))}/${prefix}`;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}
