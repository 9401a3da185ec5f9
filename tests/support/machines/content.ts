import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

type Reader = (client: Redis, key: string) => Promise<unknown>;

const sorted = (values: readonly string[]): string[] => values.toSorted();

/** How to read a value of each type so that two servers with the same content give the same text. */
const readers: Readonly<Record<string, Reader>> = {
  string: (client, key) => client.get(key),
  list: (client, key) => client.lrange(key, 0, -1),
  hash: async (client, key) => sorted(Object.entries(await client.hgetall(key)).map((pair) => JSON.stringify(pair))),
  set: async (client, key) => sorted(await client.smembers(key)),
  zset: (client, key) => client.call('ZRANGE', key, '0', '-1', 'WITHSCORES'),
  stream: async (client, key) => [digestOf(await client.xrange(key, '-', '+')), await groupsOf(client, key)],
};

/** Groups of a stream with what each has not acknowledged; not `entries-read` and `lag`, which a server that got the group by replication may not know. */
async function groupsOf(client: Redis, key: string): Promise<unknown> {
  const groups = (await client.call('XINFO', 'GROUPS', key)) as (string | number | null)[][];
  return Promise.all(
    groups.map(async (fields) => {
      const fieldOf = (field: string) => fields[fields.indexOf(field) + 1];
      const pending = (await client.call('XPENDING', key, fieldOf('name') as string, '-', '+', '1000')) as unknown[][];
      return [fieldOf('name'), fieldOf('last-delivered-id'), pending.map(([id, consumer, , deliveries]) => [id, consumer, deliveries])];
    }),
  );
}

/** Short values as they are. */
function digestOf(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? createHash('sha256').update(text).digest('hex') : text;
}

/** A digest of every key: type, value, whether it expires. Two of these differ in the keys that differ. */
export async function contentOf(client: Redis): Promise<Readonly<Record<string, string>>> {
  const names: string[] = [];
  for await (const page of client.scanStream({ count: 1_000 })) names.push(...(page as string[]));
  const entries = await Promise.all(
    sorted(names).map(async (key) => {
      const type = await client.type(key);
      const expires = (await client.pttl(key)) > 0;
      const value = await readers[type]!(client, key);
      return [key, JSON.stringify([type, expires, type === 'stream' ? value : digestOf(value)])] as const;
    }),
  );
  return Object.fromEntries(entries);
}

/** Some keys of every type. */
export async function writeSamples(client: Redis, count: number): Promise<void> {
  for (let from = 0; from < count; from += 500) {
    await Promise.all(Array.from({ length: Math.min(500, count - from) }, (_, index) => writeSample(client, from + index)));
  }
  await client.xgroup('CREATE', 'sample:stream', 'readers', '0');
  await client.xreadgroup('GROUP', 'readers', 'first', 'COUNT', 5, 'STREAMS', 'sample:stream', '>');
}

async function writeSample(client: Redis, n: number): Promise<void> {
  await client.set(`sample:string:${n}`, `value ${n}`, 'EX', 86_400);
  await client.rpush('sample:list', String(n));
  await client.hset(`sample:hash:${n % 10}`, String(n), 'x'.repeat(n % 50));
  await client.sadd('sample:set', String(n));
  await client.zadd('sample:zset', n / 7, String(n));
  await client.xadd('sample:stream', '*', 'n', String(n));
}
