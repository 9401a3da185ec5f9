/** Something of what was sought that is still there. */
export interface Remains {
  readonly where: string;
  /** For people: why, and when or how it goes. Never the texts that were sought. */
  readonly sentence: string;
}

/** What was done in one place. */
export interface PlaceOutcome {
  /** Events redacted or removed there, by table, object, stream or index; in a dry run those that would be. */
  readonly counts: Readonly<Record<string, number>>;
  readonly remains: readonly Remains[];
}

/** Told as places are done. */
export type Progress = (place: string, events: number) => void;
