/**
 * A run of ids that the sequence skipped between visible rows: their transactions are in flight or have rolled back.
 *
 * `from` inclusive, `to` exclusive.
 */
export interface Gap {
  readonly from: number;
  readonly to: number;
  /** A transaction id of our own, drawn after the gap was known: every owner of the gap has a lower one. */
  bound?: bigint;
  /** Transactions that held the table locked when the gap was known; its owner is among them, or has ended. */
  owners?: ReadonlySet<string>;
  /** All `owners` were seen to have ended. */
  ended: boolean;
}

export interface Reading {
  /** Ids of the rows that the statement found in the gaps, ascending. */
  readonly found: readonly number[];
  /** `pg_snapshot_xmin` of the statement: all transactions below it had ended. */
  readonly xmin: bigint;
  /** The statement's limit cut the rows of the gaps off: what is missing may only be unread. */
  readonly truncated: boolean;
}

/**
 * The gaps of one life of a relay, ascending.
 *
 * A gap is given up only when its owner has surely ended before a statement that still did not find the row: by the transaction bound, or by the locks.
 */
export class Gaps {
  #gaps: Gap[] = [];

  get size(): number {
    return this.#gaps.length;
  }

  /** Ids in doubt, which may be many more than there are gaps after a large rollback. */
  get ids(): number {
    return this.#gaps.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  }

  all(): readonly Gap[] {
    return this.#gaps;
  }

  /** Adds a gap above all others. */
  add(from: number, to: number): void {
    this.#gaps.push({ from, to, ended: false });
  }

  /** Gaps without a bound; pass them to `bindTo` with a transaction id that was drawn after this call. */
  unbound(): readonly Gap[] {
    return this.#gaps.filter((gap) => gap.bound === undefined);
  }

  static bindTo(gaps: readonly Gap[], xid: bigint): void {
    for (const gap of gaps) gap.bound ??= xid;
  }

  /** Gaps whose bound is known; pass them to `noteOwners` with the holders of a statement that was sent after this call. */
  bound(): readonly Gap[] {
    return this.#gaps.filter((gap) => gap.bound !== undefined);
  }

  /** Notes the transactions that hold the table locked, and which gaps have outlived all that did before. */
  static noteOwners(gaps: readonly Gap[], holders: ReadonlySet<string>): void {
    for (const gap of gaps) {
      if (gap.owners === undefined) gap.owners = holders;
      else gap.ended ||= ![...gap.owners].some((owner) => holders.has(owner));
    }
  }

  /**
   * Takes the outcome of a statement that read `sent` again.
   *
   * @param ended those of `sent` whose owners had ended before the statement was sent.
   */
  settle(sent: readonly Gap[], ended: ReadonlySet<Gap>, reading: Reading): void {
    if (sent.length === 0) return;
    const asked = new Set(sent);
    let next = 0;
    this.#gaps = this.#gaps.flatMap((gap) => {
      if (!asked.has(gap)) return [gap];
      const seen: number[] = [];
      for (; next < reading.found.length && reading.found[next]! < gap.to; next++) seen.push(reading.found[next]!);
      const dead = !reading.truncated && (ended.has(gap) || (gap.bound !== undefined && gap.bound <= reading.xmin));
      return dead ? [] : seen.length === 0 ? [gap] : without(gap, seen);
    });
  }
}

/** What is left of a gap when the rows `seen` have appeared in it. */
function without(gap: Gap, seen: readonly number[]): Gap[] {
  const edges = [gap.from - 1, ...seen, gap.to];
  return edges.slice(1).flatMap((to, i) => {
    const from = edges[i]! + 1;
    return from < to ? [{ ...gap, from, to }] : [];
  });
}
