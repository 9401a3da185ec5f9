import type { Topic } from '../contracts/topology.ts';

/** Pause after failed attempt `attempt` (from 1): doubling from `initialDelayMs` up to `maxDelayMs`, of which a random half is taken off. */
export function retryDelayMs(
  { initialDelayMs, maxDelayMs }: Pick<Topic['retry'], 'initialDelayMs' | 'maxDelayMs'>,
  attempt: number,
): number {
  const full = Math.min(maxDelayMs, initialDelayMs * 2 ** Math.min(attempt - 1, 30));
  return full * (0.5 + Math.random() / 2);
}

/**
 * How many attempts may have been begun by processes that ended during them before the event is set aside unhandled. At least 2, because an entry
 * that was read counts as begun once, though its process may have ended before it came to it.
 */
export function attemptsBeforeSetAside({ attempts }: Topic['retry']): number {
  return Math.max(attempts, 2);
}
