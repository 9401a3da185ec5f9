import type { RedisClient } from '../../connections/redis/index.ts';
import { blockedKey, deadLetterKey } from '../../contracts/redis-keys.ts';
import { ageSeconds, isAfter, timeOf } from './ids.ts';
import { infoOf, type StreamInfo, unlessGone } from './stream-info.ts';

/** How a group fares on one stream. */
export interface GroupFacts {
  readonly name: string;
  readonly lag: number;
  readonly pending: number;
  /** Consumers with what each has not acknowledged, the most first; of many the first ones. */
  readonly consumers: readonly (readonly [name: string, pending: number])[];
  readonly oldestPendingId: string | undefined;
  /** Since it was added, not since it was delivered: what users wait for, and XPENDING tells of a delivery only entry by entry. */
  readonly oldestPendingSeconds: number;
  readonly oldestWaitingSeconds: number;
  readonly deadLetters: number;
  readonly deadLettersAdded: number;
  readonly blockedKeys: number;
}

/** A group as XINFO tells it. */
export interface ExistingGroup {
  readonly name: string;
  readonly deliveredId: string;
  readonly pending: number;
  /** Undefined where Redis does not know it. */
  readonly lag: number | undefined;
}

/** One that is declared may not exist yet. */
type KnownGroup = ExistingGroup | (Pick<ExistingGroup, 'name'> & Partial<ExistingGroup>);

/** Dead consumers stay until somebody deletes them. */
const mostConsumers = 10;

export async function groupFacts(
  client: RedisClient,
  key: string,
  group: KnownGroup,
  stream: StreamInfo | undefined,
  nowMs: number,
): Promise<GroupFacts> {
  const { name, pending = 0 } = group;
  const [open, waitingId, dead, blocked] = await Promise.all([
    pending === 0 ? undefined : unlessGone(client.xpending(key, name)),
    stream === undefined ? undefined : firstWaiting(client, key, group, stream),
    infoOf(client, deadLetterKey(key, name)),
    unlessGone(client.scard(blockedKey(key, name))),
  ]);
  const [count = 0, oldestPendingId, , consumers] = (open ?? []) as Partial<Open>;
  return {
    name,
    lag: stream === undefined || waitingId === undefined ? 0 : lagOf(group, stream, waitingId),
    pending: count,
    consumers: (consumers ?? [])
      .map(([consumer, of]) => [consumer, Number(of)] as const)
      .sort(([, a], [, b]) => b - a)
      .slice(0, mostConsumers),
    oldestPendingId: oldestPendingId ?? undefined,
    oldestPendingSeconds: oldestPendingId == null ? 0 : ageSeconds(oldestPendingId, nowMs),
    oldestWaitingSeconds: waitingId === undefined ? 0 : ageSeconds(waitingId, nowMs),
    deadLetters: dead?.length ?? 0,
    deadLettersAdded: dead?.added ?? 0,
    blockedKeys: blocked ?? 0,
  };
}

type Open = [count: number, oldest: string | null, newest: string | null, consumers: [name: string, pending: string][] | null];

/** The first entry that the group has not been given, of one that does not exist the first of all: there it will begin. */
async function firstWaiting(
  client: RedisClient,
  key: string,
  { deliveredId }: KnownGroup,
  { firstId, lastId }: StreamInfo,
): Promise<string | undefined> {
  if (firstId === undefined || deliveredId === undefined || isAfter(firstId, deliveredId)) return firstId;
  if (!isAfter(lastId, deliveredId)) return undefined;
  const [entry] = (await unlessGone(client.xrange(key, `(${deliveredId}`, '+', 'COUNT', 1))) ?? [];
  return entry?.[0];
}

/**
 * Redis does not know the lag of a group that was put at an id in the middle, or while an entry that it has not been given was deleted, as redaction does
 * (null, see XINFO GROUPS). To count would be to read what waits, so it is estimated then, as if entries came evenly: right when nothing or everything
 * waits, and it is known again when the group has read to the end.
 *
 * @see https://redis.io/docs/latest/commands/xinfo-groups/
 */
function lagOf({ deliveredId, lag }: KnownGroup, { length, firstId, lastId }: StreamInfo, waitingId: string): number {
  if (deliveredId !== undefined && lag !== undefined) return Math.min(length, lag);
  if (deliveredId === undefined || firstId === undefined || waitingId === firstId) return length;
  const span = timeOf(lastId) - timeOf(firstId);
  const share = span === 0 ? 1 : (timeOf(lastId) - timeOf(deliveredId)) / span;
  return Math.min(length, Math.max(1, Math.round(length * share)));
}
