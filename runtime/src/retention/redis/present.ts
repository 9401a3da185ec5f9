import type { Redis } from 'ioredis';
import type { RedisClient } from '../../connections/redis/index.ts';

/** Keys that one call of SCAN looks at: others wait about 0.2 ms. */
const keysPerCall = 1_000;

/** The streams and dead letters that are on a service, whether anybody declared them or not. Walks over all keys, those of others too. */
export async function presentStreams(client: RedisClient): Promise<Set<string>> {
  const found = new Set<string>();
  for (const node of 'nodes' in client ? client.nodes('master') : [client]) await scan(node, found);
  return found;
}

async function scan(node: Redis, found: Set<string>): Promise<void> {
  for (let cursor = '0'; ; ) {
    const [next, keys] = await node.scan(cursor, 'MATCH', '[st]*:{*', 'COUNT', keysPerCall, 'TYPE', 'stream');
    for (const key of keys) if (topicOfKey(key) !== undefined) found.add(key);
    if (next === '0') return;
    cursor = next;
  }
}

const shared = /^stream:\{([^:{}]+):\d+\}/;
const isolated = /^tenant:\{.*\}:stream:([^:{}]+)/;

/** The topic whose events a stream or its dead letters have; undefined for a key of somebody else. */
export function topicOfKey(key: string): string | undefined {
  return (shared.exec(key) ?? isolated.exec(key))?.[1];
}
