import { Gaps } from './gaps.ts';
import type { Page } from './log.ts';
import { complement, type Range } from './ranges.ts';
import type { Aside, Hold, Mark, Progress } from './sink.ts';

/** How long marks are kept; a rewind cannot go back further. */
const markWindowMs = 90_000;

/**
 * What one life of a relay knows: how far it has read, how far it has published, and what in between is in doubt.
 *
 * Reading runs ahead of publishing, so the two have separate cursors, and a late row that was read but not yet published is a hole as a gap is.
 */
export class Position {
  readonly gaps = new Gaps();
  /** Highest id read. */
  high: number;
  /** Highest id that is published, set aside or not for this sink. */
  published: number;
  marks: Mark[];
  incarnation: string | null;
  readonly #unpublishedLate = new Set<number>();
  #aside: Aside[] = [];
  #changed = true;

  constructor(hold: Pick<Hold, 'low' | 'done' | 'incarnation' | 'marks'>) {
    this.published = (hold.done.at(-1)?.[1] ?? hold.low + 1) - 1;
    this.high = this.published;
    this.incarnation = hold.incarnation;
    this.marks = [...hold.marks];
    for (const [from, to] of complement(hold.low, this.published, hold.done)) this.gaps.add(from, to);
  }

  /** Whether a flush would tell the database anything new. */
  get changed(): boolean {
    return this.#changed || this.gaps.unbound().length > 0;
  }

  /** Takes a page in: rows that appeared leave their gaps, ids skipped between the rows become new ones. */
  absorb(page: Page): void {
    for (const row of page.late) this.#unpublishedLate.add(row.id);
    for (const row of page.rows) {
      if (row.id > this.high + 1) this.gaps.add(this.high + 1, row.id);
      this.high = row.id;
    }
  }

  /** The page is published, or set aside. */
  complete(page: Page): void {
    for (const row of page.late) this.#unpublishedLate.delete(row.id);
    this.published = page.rows.at(-1)?.id ?? this.published;
    this.#changed = true;
  }

  setAside(aside: Aside): void {
    this.#aside.push(aside);
  }

  /** Everything a flush writes, as of now; `undo` gives back what must be written again when it fails. */
  snapshot(): Progress {
    const holes = this.#holes();
    const low = Math.min(this.published, (holes[0]?.[0] ?? Number.POSITIVE_INFINITY) - 1);
    const aside = this.#aside;
    this.#aside = [];
    this.#changed = false;
    return { low, done: complement(low, this.published, holes), incarnation: this.incarnation, marks: this.marks, aside };
  }

  /** Notes where the sink stood at `nowMs` of the database clock, about once a second. */
  mark(nowMs: number, low: number): void {
    const last = this.marks.at(-1);
    if (last !== undefined && nowMs - last[0] < 1_000) return;
    // The newest mark beyond the window stays: after a silence it is the only one from before what was published since.
    const oldest = Math.max(
      0,
      this.marks.findLastIndex(([at]) => nowMs - at >= markWindowMs),
    );
    this.marks = [...this.marks.slice(oldest), [nowMs, low]];
  }

  #holes(): Range[] {
    const late = [...this.#unpublishedLate].map((id): Range => [id, id + 1]);
    const gaps = this.gaps.all().map((gap): Range => [gap.from, gap.to]);
    return [...gaps, ...late].sort((a, b) => a[0] - b[0]);
  }
}

/**
 * Where to go back to when the broker may have forgotten what it acknowledged within `windowMs` before the last mark.
 *
 * The last mark counts, not the present: a broker may fail over while no relay runs.
 */
export function rewindTarget(marks: readonly Mark[], low: number, windowMs: number): number {
  const last = marks.at(-1);
  if (last === undefined) return low;
  const before = marks.filter(([at]) => at <= last[0] - windowMs).at(-1) ?? marks[0]!;
  return Math.min(before[1], low);
}
