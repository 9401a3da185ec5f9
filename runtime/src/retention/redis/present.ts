import type { RedisClient } from '../../connections/redis/index.ts';
import { streamLikeKeys } from '../../transports/redis-streams/scan.ts';

/** The streams and dead letters that are on a service, whether anybody declared them or not. Walks over all keys, those of others too. */
export async function presentStreams(client: RedisClient): Promise<Set<string>> {
  return new Set((await streamLikeKeys(client)).filter((key) => topicOfKey(key) !== undefined));
}

const shared = /^stream:\{([^:{}]+):\d+\}/;
const isolated = /^tenant:\{.*\}:stream:([^:{}]+)/;

/** The topic whose events a stream or its dead letters have; undefined for a key of somebody else. */
export function topicOfKey(key: string): string | undefined {
  return (shared.exec(key) ?? isolated.exec(key))?.[1];
}
