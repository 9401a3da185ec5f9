import type { Redis } from 'ioredis';
import type { RedisClient } from '../../connections/redis/index.ts';

/** Keys that one call of SCAN looks at: others wait about 0.2 ms. */
const keysPerCall = 1_000;

/**
 * Keys of what may be streams of events, or dead letters of them, on the server or on all masters of a cluster, declared or not. Walks over all keys, those
 * of others too; a key may come twice, as SCAN gives it while the table of keys grows.
 */
export async function streamLikeKeys(client: RedisClient): Promise<string[]> {
  const masters = 'nodes' in client ? client.nodes('master') : [client];
  return (await Promise.all(masters.map(keysOn))).flat();
}

async function keysOn(master: Redis): Promise<string[]> {
  const keys: string[] = [];
  for (let cursor: string | undefined = '0'; cursor !== undefined; ) {
    const [next, page]: [string, string[]] = await master.scan(cursor, 'MATCH', '[st]*:{*', 'COUNT', keysPerCall, 'TYPE', 'stream');
    keys.push(...page);
    cursor = next === '0' ? undefined : next;
  }
  return keys;
}
