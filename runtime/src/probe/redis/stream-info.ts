import { replyCode } from '../../connections/redis/errors.ts';
import type { RedisClient } from '../../connections/redis/index.ts';
import { toRecord } from '../../transports/redis-streams/xinfo.ts';

/** A stream as XINFO tells it. */
export interface StreamInfo {
  readonly length: number;
  readonly added: number;
  readonly firstId: string | undefined;
  readonly lastId: string;
  readonly groups: number;
}

/** @returns undefined where there is no stream */
export async function infoOf(client: RedisClient, key: string): Promise<StreamInfo | undefined> {
  // Asked first, because INFO counts every error, and a topic without events is none.
  if ((await client.exists(key)) === 0) return undefined;
  const told = await unlessGone(client.xinfo('STREAM', key));
  if (told === undefined) return undefined;
  const { length, groups, 'entries-added': added, 'last-generated-id': lastId, 'first-entry': first } = toRecord(told as unknown[]);
  const firstId = (first as [id: string] | null)?.[0];
  return { length: Number(length), groups: Number(groups), added: Number(added), firstId, lastId: String(lastId) };
}

const gone = new Set(['ERR', 'WRONGTYPE', 'NOGROUP']);

/** What can be deleted, or made something else, between two questions. @returns undefined then */
export async function unlessGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (gone.has(replyCode(error) ?? '')) return undefined;
    throw error;
  }
}
