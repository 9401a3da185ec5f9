import type { RelayTimes } from '../../../../../runtime/src/outbox/times.ts';
import type { Kind, Owed } from '../evidence.ts';

export interface WriterSettings {
  readonly name: string;
  readonly seed: number;
  /** Transactions a second that it begins by itself; 0 waits for commands. */
  readonly perSecond: number;
  /** Keys of each tenant. */
  readonly keys: number;
  /** How often a transaction is of a kind, out of 1; the rest is plain. */
  readonly shares: Partial<Record<Kind, number>>;
}

/** A transaction that a test steers: events by key and kind, in a transaction of that name, which stays open until it is ended. */
export type WriterCommand =
  | { readonly do: 'write'; readonly as: string; readonly events: readonly Draft[] }
  | { readonly do: 'commit' | 'rollback'; readonly as: string };

export interface Draft {
  readonly topic: string;
  readonly key: string;
  readonly tenant: string;
  readonly kind: Kind;
}

/** Places where a program can be killed or held. */
export type Point = 'after-read' | 'after-publish' | 'before-effect' | 'after-effect';

export type PointCommand =
  /** The next time that the point is reached. */
  { readonly do: 'arm'; readonly point: Point; readonly act: 'kill' | 'hold' } | { readonly do: 'release'; readonly point: Point };

export interface RelaySettings {
  /** Bound service that it publishes to. */
  readonly service: string;
  readonly times: Partial<RelayTimes>;
}

export interface ConsumerSettings {
  readonly name: string;
  readonly service: string;
  readonly owed: readonly Owed[];
  /** Carries out replays of this. */
  readonly replayed: Owed;
  readonly concurrency: number;
  readonly maxUnhandled: number;
  /** How long the handler takes for an event of the kind `slow`. */
  readonly slowMs: number;
}
