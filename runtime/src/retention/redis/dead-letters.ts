import type { RedisClient } from '../../connections/redis/index.ts';
import { blockedKey, deadLetterKey } from '../../contracts/redis-keys.ts';
import { type Tally, withKey } from './tally.ts';
import { trimStream } from './trim.ts';

const msPerHour = 3_600_000;
/** Of which one page is in memory. */
const pageEntries = 100;

export interface DeadLetters {
  readonly stream: string;
  readonly group: string;
  readonly hours: number;
}

/**
 * Nobody consumes them, so only a group that somebody made to look at them can hold them, and a key that is still blocked: its dead letter is what a person
 * decides by.
 */
export function trimDeadLetters(client: RedisClient, letters: DeadLetters, tally: Tally, signal: AbortSignal): Promise<void> {
  const { stream, group, hours } = letters;
  const key = deadLetterKey(stream, group);
  return withKey(tally, key, async () => {
    const neededFrom = await firstBlocking(client, letters);
    const { removed, held, crowd } = await trimStream(client, key, { windowMs: hours * msPerHour, groups: [], neededFrom, signal });
    tally.deadLetters += removed;
    if (held !== undefined) {
      const { reason, group: holder } = held;
      const why =
        reason === 'needed'
          ? `the key of one is blocked: decide, and release it from ${blockedKey(stream, group)}`
          : `group ${holder} has not taken them: destroy the group if nobody uses it`;
      tally.held.push({ name: key, sentence: `${key} keeps dead letters of more than ${hours} hours, because ${why}` });
    }
    if (crowd !== undefined) tally.held.push({ name: key, sentence: `${key} has ${crowd} groups, too many to look at: destroy them` });
    if (removed > 0)
      tally.lost.push({ name: key, sentence: `${removed} dead letters of ${key} were older than ${hours} hours and are gone` });
  });
}

/** The oldest dead letter over its time whose key is blocked. */
async function firstBlocking(client: RedisClient, { stream, group, hours }: DeadLetters): Promise<string | undefined> {
  const key = deadLetterKey(stream, group);
  const blocked = blockedKey(stream, group);
  if ((await client.scard(blocked)) === 0) return undefined;
  const [seconds] = await client.time();
  const last = Math.max(0, Number(seconds) * 1_000 - hours * msPerHour);
  for (let from = '-'; ; ) {
    const entries = await client.xrange(key, from, last, 'COUNT', pageEntries);
    if (entries.length === 0) return undefined;
    const blocks = await client.smismember(blocked, ...entries.map(([, fields]) => keyOf(fields)));
    const first = blocks.indexOf(1);
    if (first >= 0) return entries[first]![0];
    from = `(${entries.at(-1)![0]}`;
  }
}

/** Events without a key block none, and no key is empty. */
function keyOf(fields: readonly string[]): string {
  const at = fields.findIndex((name, index) => index % 2 === 0 && name === 'partitionkey');
  return at < 0 ? '' : fields[at + 1]!;
}
