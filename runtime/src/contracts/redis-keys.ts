/** Keys beside a stream. All carry the hash tag of the stream's own key, so that one script may touch them together on a cluster. */

/** Hash of the publishers' fences: `PRODUCER:epoch` and `PRODUCER:last`. */
export function publishFenceKey(stream: string): string {
  return `${stream}:fence`;
}

/** Who holds the stream for a group: `HOLDER/FENCE`, expiring. */
export function leaseKey(stream: string, group: string): string {
  return `${stream}:lease:${group}`;
}

/** The last fence given out with a lease of the group. */
export function leaseFenceKey(stream: string, group: string): string {
  return `${stream}:fence:${group}`;
}

/** Stream of the events that a group has given up. */
export function deadLetterKey(stream: string, group: string): string {
  return `${stream}:dead:${group}`;
}

/** Set of the partition keys that are held back behind a dead letter; removing a member lets its events go on. */
export function blockedKey(stream: string, group: string): string {
  return `${stream}:blocked:${group}`;
}

/** Sorted set of the consumers of a group by the time their membership ends; shares are counted from it. */
export function consumersKey(topic: string, group: string, tenant?: string): string {
  return tenant === undefined ? `consumers:{${topic}}:${group}` : `consumers:{${topic}}:${group}:${tenant}`;
}
