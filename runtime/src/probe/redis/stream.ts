import type { RedisClient } from '../../connections/redis/index.ts';
import { maxGroups } from '../../retention/redis/trim.ts';
import { toRecord } from '../../transports/redis-streams/xinfo.ts';
import { type ExistingGroup, type GroupFacts, groupFacts } from './group.ts';
import { isAfter, timeOf } from './ids.ts';
import { infoOf, type StreamInfo, unlessGone } from './stream-info.ts';

/** How one stream fares. */
export interface StreamFacts {
  readonly length: number;
  /** Ever; deleted and trimmed ones too. */
  readonly added: number;
  /** By how much the oldest entry is over the window, for a group that has not acknowledged it. */
  readonly heldSeconds: number;
  readonly groups: readonly GroupFacts[];
  /** How many groups there are, where that is more than are looked at: `groups` is empty then. */
  readonly crowd?: number;
}

/** What an entry is judged by. */
export interface Terms {
  readonly nowMs: number;
  readonly windowMs: number;
  /** Declared groups that come here, whether they exist yet or not. */
  readonly awaited: readonly string[];
  /** Whether groups that nobody declared are told too. */
  readonly others: boolean;
}

/** Of groups that nobody declared the first ones: who may consume a stream can make any number of them. */
const mostOthers = 20;

/** Asks a few things of constant cost, whatever the stream holds. Of a key that somebody made something else the janitor tells. */
export async function streamFacts(client: RedisClient, key: string, terms: Terms): Promise<StreamFacts> {
  const info = await infoOf(client, key);
  const { length = 0, added = 0, groups: count = 0 } = info ?? {};
  if (count > maxGroups) return { length, added, heldSeconds: 0, groups: [], crowd: count };
  const known = count === 0 ? [] : await groupsOf(client, key);
  const others = known.filter(({ name }) => !terms.awaited.includes(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const told = [
    ...terms.awaited.map((name) => known.find((group) => group.name === name) ?? { name }),
    ...(terms.others ? others.slice(0, mostOthers) : []),
  ];
  const groups = await Promise.all(told.map((group) => groupFacts(client, key, group, info, terms.nowMs)));
  return { length, added, heldSeconds: heldSeconds(info, terms, known, groups), groups };
}

async function groupsOf(client: RedisClient, key: string): Promise<ExistingGroup[]> {
  const told = (await unlessGone(client.xinfo('GROUPS', key))) ?? [];
  return (told as unknown[][]).map(toRecord).map(({ name, pending, lag, 'last-delivered-id': deliveredId }) => ({
    name: String(name),
    deliveredId: String(deliveredId),
    pending: Number(pending),
    lag: lag === null ? undefined : Number(lag),
  }));
}

/** As the janitor sees it: an entry goes when every group has acknowledged it, and one that is declared and does not exist yet has acknowledged nothing. */
function heldSeconds(
  info: StreamInfo | undefined,
  { nowMs, windowMs, awaited }: Terms,
  known: readonly ExistingGroup[],
  groups: readonly GroupFacts[],
): number {
  const first = info?.firstId;
  if (first === undefined) return 0;
  const overMs = nowMs - windowMs - timeOf(first);
  if (overMs <= 0) return 0;
  const isMissing = awaited.some((name) => !known.some((group) => group.name === name));
  const isUnread = known.some(({ deliveredId }) => isAfter(first, deliveredId));
  const isPending = groups.some(({ oldestPendingId }) => oldestPendingId !== undefined && !isAfter(oldestPendingId, first));
  return isMissing || isUnread || isPending ? overMs / 1_000 : 0;
}
