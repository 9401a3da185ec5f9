import type { RedisClient } from '../../connections/redis/index.ts';
import { blockedKey, deadLetterKey } from '../../contracts/redis-keys.ts';
import { runScript } from '../../transports/redis-streams/script.ts';
import { blockedScript, openScript } from './trim.lua.ts';

/** An id from which on nothing goes, and for whom. */
export type Needed = readonly [id: string, group: string, reason: 'pending' | 'unread' | 'blocked' | 'needed'];

/** Of which each call looks at so many: others wait for about 1 ms. */
const pageEntries = 500;

/**
 * What groups have acknowledged because it was set aside, and whose key waits for it: redriven it must be handled before what is behind it, so it keeps its
 * place in the stream. One that is set aside meanwhile was pending or not read at the beginning, so that is kept as well.
 */
export async function neededByBlocked(client: RedisClient, stream: string, maxGroups: number): Promise<readonly Needed[]> {
  const open = (await runScript(client, openScript, [stream], [String(maxGroups)])) as [Buffer, Buffer, Buffer][];
  const groups = open.map((texts) => texts.map(String) as [name: string, pending: string, given: string]);
  const blocked = await Promise.all(groups.map(([group]) => blockedPositions(client, stream, group)));
  return groups.flatMap(([group, pending, given], index): Needed[] => [
    pending === '' ? [given, group, 'unread'] : [pending, group, 'pending'],
    ...blocked[index]!.map((id): Needed => [id, group, 'blocked']),
  ]);
}

async function blockedPositions(client: RedisClient, stream: string, group: string): Promise<readonly string[]> {
  const keys = [deadLetterKey(stream, group), blockedKey(stream, group)];
  const positions: string[] = [];
  for (let from = '-'; ; ) {
    const [last, page] = (await runScript(client, blockedScript, keys, [from, String(pageEntries)])) as [Buffer, Buffer[]];
    positions.push(...page.map(String));
    if (last.length === 0) return positions;
    from = `(${String(last)}`;
  }
}
