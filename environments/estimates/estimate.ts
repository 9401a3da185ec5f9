import type { Environment } from '../declaration.ts';

/** The parts of a declaration that an estimate is made of. */
export type Estimated = Pick<Environment, 'engine' | 'size' | 'services' | 'topology'>;

/** What one topic or index needs of the place. */
export interface Contribution {
  readonly name: string;
  readonly bytes: number;
  /** How long it is kept; shortened, it needs less. */
  readonly period: Period;
}

export interface Period {
  /** Where it is declared, `topology.topics.chat.retentionHours`. */
  readonly path: string;
  readonly length: number;
  /** The shortest that can be declared. */
  readonly least: number;
  readonly bytesPerUnit: number;
}

/** What a service is expected to hold of what its topics or indices keep, against the place that it has. */
export interface Estimate {
  readonly service: string;
  /** Where it keeps it: `in memory`, `on the disk of each broker`. */
  readonly place: string;
  readonly neededBytes: number;
  /** What of the place may be filled; undefined where it has no end. */
  readonly allowedBytes: number | undefined;
  /** How `allowedBytes` comes of the declared size, for people. */
  readonly allowance: string;
  /** The biggest first. */
  readonly contributions: readonly Contribution[];
  /** What to set to make it fit, as clauses of which one is enough; none where it fits. */
  readonly remedies: readonly string[];
}

export const bytesPerMiB = 1_048_576;
export const bytesPerGiB = 1_073_741_824;

/** `82 MiB`, `1.4 GiB`: as exact as an estimate is. */
export function inWords(bytes: number): string {
  const [value, unit] = bytes < bytesPerGiB ? [bytes / bytesPerMiB, 'MiB'] : [bytes / bytesPerGiB, 'GiB'];
  return `${value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 })} ${unit}`;
}

/** @param larger the clause for a place that has room for so many bytes. */
export function estimateOf(
  place: Pick<Estimate, 'service' | 'place' | 'allowedBytes' | 'allowance'>,
  contributions: readonly Contribution[],
  larger: (neededBytes: number) => string,
): Estimate {
  const sorted = contributions.toSorted((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  const neededBytes = sorted.reduce((sum, { bytes }) => sum + bytes, 0);
  const excessBytes = neededBytes - (place.allowedBytes ?? Number.POSITIVE_INFINITY);
  const [biggest] = sorted;
  const remedies = biggest !== undefined && excessBytes > 0 ? [...shorter(biggest.period, excessBytes), larger(neededBytes)] : [];
  return { ...place, neededBytes, contributions: sorted, remedies };
}

/** Nothing when that alone cannot be enough. */
function shorter({ path, length, least, bytesPerUnit }: Period, excessBytes: number): string[] {
  const enough = Math.floor(length - excessBytes / bytesPerUnit);
  return enough >= least ? [`${path} to at most ${enough}`] : [];
}
