/** Offsets from `from` up to, not including, `to`. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/**
 * What a group has done with in a partition: all below `low`, and ranges above it.
 *
 * A key that waits holds `low` back, for hours where it blocks, and each of its events is a hole: a busy key that blocks makes as many ranges as it has events.
 * In memory all are kept, 50 bytes or so each; the note of a commit has room for some 1,900 (see `formatNote`).
 */
export class Offsets {
  #low: number;
  /** In order, apart from each other, all above `low`. */
  readonly #done: { from: number; to: number }[];

  constructor(low: number, done: readonly OffsetRange[] = []) {
    this.#low = low;
    this.#done = [];
    for (const { from, to } of done) this.finish(from, to);
  }

  /** The lowest offset that is not done: where a successor goes on. */
  get low(): number {
    return this.#low;
  }

  get ranges(): readonly OffsetRange[] {
    return this.#done;
  }

  isDone(offset: number): boolean {
    if (offset < this.#low) return true;
    const range = this.#done[this.#firstEndingAbove(offset)];
    return range !== undefined && range.from <= offset;
  }

  /** The first offset from `offset` on that is not done. */
  nextOpen(offset: number): number {
    if (offset < this.#low) return this.#low;
    const range = this.#done[this.#firstEndingAbove(offset)];
    return range !== undefined && range.from <= offset ? range.to : offset;
  }

  /** The open offsets below `end`, as ranges. */
  openBelow(end: number): OffsetRange[] {
    const open: OffsetRange[] = [];
    let from = this.#low;
    for (const range of this.#done) {
      if (range.from >= end) break;
      open.push({ from, to: range.from });
      from = range.to;
    }
    if (from < end) open.push({ from, to: end });
    return open;
  }

  finish(from: number, to = from + 1): void {
    if (to <= this.#low || from >= to) return;
    if (from <= this.#low) {
      this.#low = to;
      this.#absorb();
      return;
    }
    // The first range that touches or follows what is added, and the last that touches it.
    const first = this.#firstEndingAbove(from - 1);
    let last = first;
    let [start, end] = [from, to];
    for (; last < this.#done.length && this.#done[last]!.from <= to; last++) {
      start = Math.min(start, this.#done[last]!.from);
      end = Math.max(end, this.#done[last]!.to);
    }
    if (last === first + 1) Object.assign(this.#done[first]!, { from: start, to: end });
    else this.#done.splice(first, last - first, { from: start, to: end });
  }

  /** Ranges that `low` has reached. */
  #absorb(): void {
    let count = 0;
    for (; count < this.#done.length && this.#done[count]!.from <= this.#low; count++)
      this.#low = Math.max(this.#low, this.#done[count]!.to);
    if (count > 0) this.#done.splice(0, count);
  }

  /** Index of the first range whose end is above `offset`. */
  #firstEndingAbove(offset: number): number {
    let [from, to] = [0, this.#done.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#done[middle]!.to > offset) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}
