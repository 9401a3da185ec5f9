import type { Sample } from '../contracts/signals.ts';

/** Work that comes round: what keeps a store within its retention. Several janitors may run the same task at once, so it must stand that. */
export interface Task {
  /** Unique among the tasks of a janitor, lower-case words: `trim streams of events`. */
  readonly name: string;
  /** Pause after a run has ended. */
  readonly everyMs: number;
  /**
   * One run, resumable after a kill at any point. Throws when the run as a whole failed; the next one is made all the same.
   *
   * @param signal ends it at the next safe place
   */
  run(signal: AbortSignal): Promise<TaskReport>;
}

/** What a run did, and what it left undone on purpose. */
export interface TaskReport {
  /** For people, without final period: `trimmed 1200 entries of 4 streams`. */
  readonly sentence: string;
  /** For programs, printed by `--json`; no secrets, and no big integers, which JSON has not. */
  readonly details: Readonly<Record<string, unknown>>;
  /** What is over its retention and was kept; with `--once` any of it makes the outcome 2. */
  readonly held: readonly Held[];
  /** What was removed unread, by the rules and yet a loss: told as a warning. @default none */
  readonly lost?: readonly Held[] | undefined;
  /** Values of signals, shown on `/metrics` until the next run. @default none */
  readonly gauges?: readonly Sample[] | undefined;
}

export interface Held {
  /** What is kept: a stream, a partition. */
  readonly name: string;
  /** For people, with the reason and what ends it. */
  readonly sentence: string;
}
