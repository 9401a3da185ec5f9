import type { MillraceEvent } from './contracts/event.ts';

/** One failed attempt, as dead letters tell it. */
export interface Failure {
  readonly attempt: number;
  /** RFC 3339; absent where the process that failed could not say. */
  readonly at?: string;
  readonly message: string;
  /** Name of the consumer that made the attempt. */
  readonly consumer: string;
}

/** An event that a group has given up. */
export interface DeadLetter {
  /** Names it to `redrive` and `drop`; of the broker's making. */
  readonly id: string;
  readonly topic: string;
  readonly group: string;
  /** Where it was in the topic. */
  readonly position: string;
  /** RFC 3339, when it was given up. */
  readonly at: string;
  /** Absent where the entry is no event. */
  readonly event?: MillraceEvent;
  readonly failures: readonly Failure[];
  /** Whether later events of its key wait for it. */
  readonly blocking: boolean;
}

/** What a group has given up of a topic, oldest first within a shard. */
export interface DeadLetters {
  list(options?: { readonly signal?: AbortSignal }): AsyncIterable<DeadLetter>;
  /**
   * Delivers them again, to this group alone, with their attempts counted anew; in the order given. Where one blocks its key, its later events follow it.
   *
   * Not guaranteed where nothing is blocked: their place among the later events of their keys, which have gone on without them.
   *
   * @returns how many were there. One that was interrupted can leave a dead letter that was redriven already; the inbox drops the second delivery.
   */
  redrive(ids: readonly string[]): Promise<number>;
  /** Forgets them. Where one blocks its key, its later events go on without it. @returns how many were there */
  drop(ids: readonly string[]): Promise<number>;
}
