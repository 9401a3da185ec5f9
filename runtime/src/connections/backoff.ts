/** Delay before attempt `attempt` (from 1): doubling from 50 ms up to `capMs`, of which a random half is taken off, so that a fleet does not return in step. */
export function backoffMs(attempt: number, capMs: number): number {
  const full = Math.min(capMs, 50 * 2 ** Math.min(attempt - 1, 16));
  return Math.ceil(full * (0.5 + Math.random() / 2));
}
