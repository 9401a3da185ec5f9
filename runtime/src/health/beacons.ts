/** Sign of life of a loop: liveness fails when it was silent for too long. */
export interface Beacon {
  readonly name: string;
  readonly maxSilenceMs: number;
  silentForMs(): number;
}

/**
 * A beacon that a loop of your own lights.
 *
 * Light it once an iteration, whether the iteration succeeded or not: a dependency that is away must not make the process look dead.
 *
 * @example
 * const beacon = createBeacon('import loop', 60_000);
 * for (;;) { beacon.beat(); await importNext(); }
 */
export function createBeacon(name: string, maxSilenceMs: number): Beacon & { beat(): void } {
  let beatAt = performance.now();
  return {
    name,
    maxSilenceMs,
    silentForMs: () => performance.now() - beatAt,
    beat() {
      beatAt = performance.now();
    },
  };
}
