import type { ConsumerLogger } from '../../consuming/consumer.ts';
import type { QueueSource } from './source.ts';

/** Looks after what time does to a consumer. */
export interface Watch {
  /** Whether this process has been running all the time: the broker takes one that was stopped for dead, and gives its queues to others. */
  isSteady(): boolean;
  stop(): void;
}

interface WatchParts {
  readonly sources: () => readonly QueueSource[];
  readonly holdMs: number;
  readonly log: ConsumerLogger;
  readonly handBack: (source: QueueSource) => Promise<void>;
}

const tickMs = 1_000;
/** A stop of this length may have cost the connection: the broker misses two heartbeats of 5 s, and says so where this process does not look yet. */
const longestStopMs = 7_500;
/** Running handlers have this part of the time that a message may be held, on top of it, before they are given up. */
const patience = 0.4;

export function startWatch({ sources, holdMs, log, handBack }: WatchParts): Watch {
  const handingBack = new Set<QueueSource>();
  /** When a source is given back that has held a message for too long, whatever has become of that message meanwhile: what came after it was not taken in. */
  const due = new WeakMap<QueueSource, number>();
  let tickedAt = performance.now();
  const isSteady = (): boolean => performance.now() - tickedAt < longestStopMs;
  const look = (source: QueueSource): void => {
    const [oldest] = source.held.values();
    if (oldest === undefined) source.attempts.tidy(() => false);
    if (handingBack.has(source)) return;
    const now = performance.now();
    if (oldest !== undefined && now - oldest.arrivedAt >= holdMs && !due.has(source)) {
      source.draining = true;
      due.set(source, oldest.arrivedAt + holdMs * (1 + patience));
    }
    const dueAt = due.get(source);
    if (dueAt === undefined || (source.running > 0 && now < dueAt)) return;
    handingBack.add(source);
    log.info({ stream: source.name, messages: source.held.size }, 'messages were held for long and are given back; they come again');
    void handBack(source).finally(() => handingBack.delete(source));
  };
  const tick = (): void => {
    const steady = isSteady();
    tickedAt = performance.now();
    for (const source of sources()) {
      if (steady) look(source);
      else source.renew();
    }
  };
  const timer = setInterval(tick, Math.min(tickMs, holdMs / 4)).unref();
  return { isSteady, stop: () => clearInterval(timer) };
}
