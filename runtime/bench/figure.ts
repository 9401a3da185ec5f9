/** One measured figure. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Share of what the bare loop reaches in the same run. */
  readonly ofLimit?: number;
  /** Multiple of what it is compared with reaches in the same run: the best peer, or the run without the trouble. */
  readonly ofOthers?: number;
  readonly rssMiB?: number;
  /** What has to be reached, for people: `<= 15`. */
  readonly target?: string;
  readonly reached?: boolean;
  /** What else people want to know, in place of a target. */
  readonly note?: string;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function round(value: number, digits = 0): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
