/** One master and two replicas: the least that still has a replica after a fail-over. */
export const nodeCount = 3;
export const sentinelCount = 3;

/** How many sentinels must agree. */
export function majority(sentinels: number): number {
  return Math.floor(sentinels / 2) + 1;
}
