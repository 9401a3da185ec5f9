import { type Entry, keyOf } from '../consuming/message.ts';
import { enter, forget, type Lane, openSource, type Source } from '../consuming/source.ts';
import type { Topic } from '../contracts/topology.ts';
import type { LogRow } from '../outbox/log.ts';
import type { Claim } from './claims.ts';
import { Window } from './window.ts';

/** A replay under way, as the worker sees it: one ordered sequence that this process has to itself. */
export interface ReplaySource extends Source<ReplaySource> {
  readonly claim: Claim;
  readonly window: Window;
  /** On the clock of `performance.now()`: until then nobody else can have taken it over. */
  sureUntilMs: number;
  /** The event that was begun last while the one is looked for that killed the holder before. */
  suspect: Claim['suspect'];
  /** Events that wait behind one of their key that is tried again; read again when their turn comes, so that one failing key does not fill the memory. */
  readonly left: Map<string, number[]>;
  /** Keys of `left` whose turn has come. */
  readonly due: Set<string>;
  /** Keys of which an event was given up, on a topic whose keys wait then. */
  readonly blocked: Set<string>;
  /** Events behind those, to be kept as failures. */
  readonly behind: LogRow['event'][];
}

export type ReplayLane = Lane<ReplaySource>;

export function openReplaySource(claim: Claim, sureUntilMs: number): ReplaySource {
  const { suspect } = claim;
  const own = { left: new Map(), due: new Set<string>(), blocked: new Set<string>(), behind: [] };
  return { ...openSource<ReplaySource>(`replay:${claim.run}`), ...own, claim, window: new Window(claim), sureUntilMs, suspect };
}

/** @returns the lane when the event is the first in it and can be handled; undefined too for one that is left or kept as a failure. */
export function feed(source: ReplaySource, { id, event }: Pick<LogRow, 'id' | 'event'>, retry: Topic['retry']): ReplayLane | undefined {
  const entry = entryOf(source, id, event);
  const key = keyOf(entry);
  if (source.blocked.has(key)) {
    source.behind.push(event);
    return undefined;
  }
  const left = source.left.get(key);
  if (left !== undefined || source.lanes.get(key)?.state === 'waiting') {
    if (left === undefined) source.left.set(key, [id]);
    else left.push(id);
    return undefined;
  }
  return enter(source, entry, retry);
}

/** Takes up events of `key` that were left. @returns as `feed`, of the first that can be handled; what must wait again stays left. */
export function feedAgain(source: ReplaySource, key: string, rows: readonly LogRow[], retry: Topic['retry']): ReplayLane | undefined {
  const left = source.left.get(key);
  if (left === undefined || source.lanes.has(key)) return undefined;
  const read = new Set(rows.map(({ id }) => id));
  const rest = left.filter((id) => !read.has(id));
  source.left.delete(key);
  let ready: ReplayLane | undefined;
  for (const row of rows) {
    const lane = feed(source, row, retry);
    ready ??= lane;
  }
  if (rest.length > 0) source.left.set(key, [...(source.left.get(key) ?? []), ...rest]);
  return ready;
}

function entryOf({ claim }: ReplaySource, id: number, event: LogRow['event']): Entry {
  const { unclean, reach, suspect, before } = claim;
  const made = suspect?.id === id ? suspect.attempts : 0;
  return { id: String(id), event, made, by: before, orphaned: made > 0, careful: made > 0 || (unclean && id <= reach) };
}

/** Leaves everything behind the first message of a lane that waits for another attempt. */
export function leaveFollowers({ key, source, queue }: ReplayLane): void {
  const followers = queue.splice(1);
  if (followers.length === 0) return;
  for (const message of followers) forget(source, message);
  source.left.set(key, [...followers.map(({ id }) => Number(id)), ...(source.left.get(key) ?? [])]);
}

/** Whether events must be begun one by one, each noted before: one of them may kill its process. */
export function isCareful({ claim }: ReplaySource, id: number): boolean {
  return claim.suspect?.id === id || (claim.unclean && id <= claim.reach);
}
