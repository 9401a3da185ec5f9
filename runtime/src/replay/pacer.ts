/** Share of a second that may go at once: timers are not finer. */
const burstSeconds = 0.05;

/** Keeps to a rate: of `most` it takes as many as may go now. Without a rate all may. */
export function createPacer(ratePerSecond: number | null): (most: number) => number {
  if (ratePerSecond === null) return (most) => most;
  const burst = Math.max(1, ratePerSecond * burstSeconds);
  let tokens = burst;
  let countedAtMs = performance.now();
  return (most) => {
    const now = performance.now();
    tokens = Math.min(burst, tokens + ((now - countedAtMs) / 1_000) * ratePerSecond);
    countedAtMs = now;
    const taken = Math.min(most, Math.floor(tokens));
    tokens -= taken;
    return taken;
  };
}
