/** What an event does to its handler. `flaky` fails the first attempt; `throws` and `kills` are poisoned. */
export type Kind = 'plain' | 'flaky' | 'slow' | 'throws' | 'kills';

/** An event as its writer made it; `n` counts the committed events of its key without holes. */
export interface Entry {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly n: number;
  readonly tenant: string;
  readonly amount: number;
  readonly kind: Kind;
}

/** An acknowledgement that a relay was given. */
export interface Publication {
  readonly id: string;
  readonly epoch: bigint;
  readonly sentMs: number;
  readonly ackedMs: number;
}

export interface Delivered {
  readonly id: string;
  readonly group: string;
  /** The one tenant that the consumer has asked for; empty when it has asked for all. */
  readonly bound: string;
  readonly atMs: number;
}

export interface Effect {
  readonly id: string;
  readonly group: string;
  readonly amount: number;
}

/** Who owes an effect to which events. */
export interface Owed {
  readonly group: string;
  readonly topic: string;
  /** @default every tenant's */
  readonly tenant?: string;
}

/** Everything that a run left behind: the ledger and the effects from the database, the rest from the histories that each process kept for itself. */
export interface Evidence {
  readonly owed: readonly Owed[];
  /** Committed events, as the database holds them. */
  readonly ledger: readonly Entry[];
  /** Every event that was ever enqueued, by id. */
  readonly enqueued: ReadonlyMap<string, Entry>;
  /** Ids whose commit a writer saw succeed. */
  readonly committed: ReadonlySet<string>;
  readonly published: readonly Publication[];
  readonly delivered: readonly Delivered[];
  /** Deliveries whose handler threw. */
  readonly failed: readonly Pick<Delivered, 'id' | 'group'>[];
  /** `GROUP ID` of the effects whose commit a consumer saw succeed. */
  readonly applied: ReadonlySet<string>;
  /** In the order in which they were applied. */
  readonly effects: readonly Effect[];
  readonly deadLetters: readonly { readonly id: string; readonly group: string }[];
  /** Sentences about what still waits somewhere. */
  readonly waiting: readonly string[];
  /** What a replay of a whole topic has brought. */
  readonly replayed: { readonly topic: string; readonly ids: ReadonlySet<string> };
  /** Events whose effects the database had lost, and that were given again, by a relay whose progress was lost too or by a replay; out of order, as they must. */
  readonly repaired: ReadonlySet<string>;
  /** Deliveries beyond the first that the disturbances of the run explain, for one group. */
  readonly duplicatesAllowed: number;
  /** The broker itself refuses a superseded relay. */
  readonly fencing: boolean;
  /** Commits may be lost by the database, as at the fail-over to an asynchronous standby. */
  readonly mayForget: boolean;
}
