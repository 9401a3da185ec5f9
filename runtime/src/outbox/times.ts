/** Sizes and times of a relay; the defaults hold the figures of docs/benchmarks.md. */
export interface RelayTimes {
  /** Rows a page; a page is one statement and one script call a stream. @default 1_000 */
  readonly pageSize: number;
  /** Pause after a page that was not full; doubles up to `maxPollMs` while nothing comes. @default 5 */
  readonly minPollMs: number;
  /** @default 100 */
  readonly maxPollMs: number;
  /** A crash publishes at most this window again. @default 100 */
  readonly flushMs: number;
  /** How long a dead relay keeps others out; an idle one renews it 1.7 times a second. @default 1_500 */
  readonly leaseMs: number;
  /** What is published again after a fail-over of the broker. Longer than its replicas may lag. @default 30_000 */
  readonly rewindMs: number;
  /** Ceiling of the backoff while the broker is away. @default 1_000 */
  readonly maxRetryMs: number;
  /** How often the broker is asked who it is while nothing is published. @default 1_000 */
  readonly watchMs: number;
  /** How often parked events are looked at, while there are any. @default 1_000 */
  readonly parkedMs: number;
  /** How often `pg_locks` is asked about gaps that outlive their bound. @default 250 */
  readonly ownersMs: number;
}

export const defaultTimes: RelayTimes = {
  pageSize: 1_000,
  minPollMs: 5,
  maxPollMs: 100,
  flushMs: 100,
  leaseMs: 1_500,
  rewindMs: 30_000,
  maxRetryMs: 1_000,
  watchMs: 1_000,
  parkedMs: 1_000,
  ownersMs: 250,
};
