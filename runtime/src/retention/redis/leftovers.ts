import { replyCode } from '../../connections/redis/errors.ts';
import type { RedisClient } from '../../connections/redis/index.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import type { Held } from '../task.ts';
import { presentStreams, topicOfKey } from './present.ts';

const lookEveryMs = 3_600_000;

/** The streams of a service, looked up once an hour. Undefined when the user may not look for them. */
export type Look = (client: RedisClient) => Promise<Set<string> | undefined>;

/** Runs take away from the set what they come to: the rest is left over, until the next look. */
export function createLook(): Look {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let present: Set<string> | undefined;
  return async (client) => {
    if (performance.now() - lookedAt < lookEveryMs) return present;
    present = await unlessRefused(presentStreams(client));
    lookedAt = performance.now();
    return present;
  };
}

/** Undefined when the user has no right to do it. */
export async function unlessRefused<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isMillraceError(error, 'ACCESS_DENIED') || replyCode(error) === 'NOPERM') return undefined;
    throw error;
  }
}

/** One sentence a topic: isolated ones may have left a stream a tenant. */
export function toldLeftovers(keys: ReadonlySet<string>): Held[] {
  const byTopic = new Map<string, { readonly first: string; others: number }>();
  for (const key of [...keys].sort()) {
    const topic = topicOfKey(key) ?? key;
    const known = byTopic.get(topic);
    if (known === undefined) byTopic.set(topic, { first: key, others: 0 });
    else known.others += 1;
  }
  return [...byTopic].map(([topic, { first, others }]) => {
    const which = others === 0 ? `${first} belongs` : `${first} and ${others} more of topic ${topic} belong`;
    const sentence = `${which} to no topic, shard, tenant or group there is, so nothing is removed: take out what is needed and delete the rest`;
    return { name: `leftovers of ${topic}`, sentence };
  });
}
