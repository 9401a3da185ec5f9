import { blockedKey, deadLetterKey } from '../../contracts/redis-keys.ts';
import { count, namedKey, remain, type StreamSearch, searched } from './redis-place.ts';

/** As one command takes them. */
const idsAtOnce = 1_000;

export interface DeadLetterPlace {
  readonly key: string;
  readonly topic: string;
  /** Set of the keys that wait behind the dead letters. */
  readonly blocked: string;
}

export function deadLettersOf(stream: string, group: string, topic: string): DeadLetterPlace {
  return { key: deadLetterKey(stream, group), topic, blocked: blockedKey(stream, group) };
}

/**
 * Removes dead letters, and releases the keys that waited behind them: with its dead letter gone a key would wait for ever, and stay in the set by which
 * it waits, be it the address of a person.
 *
 * Keys are released first: after an interruption the dead letters are found again.
 */
export async function redactDeadLetters(search: StreamSearch, { key, topic, blocked }: DeadLetterPlace): Promise<void> {
  const { client, dryRun } = search;
  const ids: string[] = [];
  const released = new Set<string>();
  const others = new Set<string>();
  // All of them, in a second look too: an older one of somebody else keeps its key blocked.
  for await (const page of searched(search, key, topic, '-')) {
    for (const { id, attributes } of page.meant) {
      ids.push(id);
      if (attributes.partitionkey !== undefined) released.add(attributes.partitionkey);
    }
    for (const { partitionkey } of page.others) if (partitionkey !== undefined) others.add(partitionkey);
  }
  const free = [...released].filter((each) => !others.has(each));
  if (!dryRun) {
    for (let at = 0; at < free.length; at += idsAtOnce) await client.srem(blocked, ...free.slice(at, at + idsAtOnce));
    for (let at = 0; at < ids.length; at += idsAtOnce) await client.xdel(key, ...ids.slice(at, at + idsAtOnce));
  }
  count(search, topic, ids.length);
  await tellBlocked(search, topic, blocked, free);
}

/** Keys that are the text that was sought, and wait behind something else. */
async function tellBlocked(search: StreamSearch, topic: string, blocked: string, free: readonly string[]): Promise<void> {
  const { client, sought } = search;
  const texts = [...new Set([sought.actor, sought.subject, sought.key])].filter((text) => text !== undefined && !free.includes(text));
  if (texts.length === 0) return;
  const waiting = (await client.smismember(blocked, ...(texts as string[]))).some((isMember) => isMember === 1);
  if (waiting) remain(search, `the key that was sought is blocked in ${namedKey(search, blocked, topic)}: release it`);
}
