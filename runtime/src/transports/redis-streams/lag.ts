import type { Redis } from 'ioredis';
import { defineScript, runScript } from './script.ts';
import { toRecord } from './xinfo.ts';

const countedPerScript = 1_000;

/** Counts entries without sending them. KEYS stream. ARGV first id, most to count. Gives the number and the last id. */
const countScript = defineScript(`
local entries = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])
return {#entries, #entries > 0 and entries[#entries][1] or ''}
`);

interface Lag {
  /** Delivered and not acknowledged. */
  readonly pending: number;
  /** Never delivered to the group. */
  readonly undelivered: number;
}

/** How far a group is behind on one stream; a group that does not exist yet is behind by all. */
export async function streamLag(client: Redis, stream: string, group: string): Promise<Lag> {
  if ((await client.exists(stream)) === 0) return { pending: 0, undelivered: 0 };
  const groups = ((await client.xinfo('GROUPS', stream)) as unknown[][]).map(toRecord);
  const found = groups.find(({ name }) => name === group);
  if (found === undefined) return { pending: 0, undelivered: await client.xlen(stream) };
  return {
    pending: Number(found.pending),
    undelivered: await undeliveredAfter(client, stream, String(found['last-delivered-id']), found.lag),
  };
}

/**
 * Redis does not know the lag (null) after deletions or a group made in the middle. A replica counts what the group has read when it first copies the
 * stream and never again: once it is promoted, the lag names events that were delivered (7.0.15: 30 after 30 that were read since the copy).
 */
async function undeliveredAfter(client: Redis, stream: string, id: string, lag: unknown): Promise<number> {
  if ((await client.xrange(stream, `(${id}`, '+', 'COUNT', 1)).length === 0) return 0;
  return lag === null ? countAfter(client, stream, id) : Math.max(1, Number(lag));
}

async function countAfter(client: Redis, stream: string, id: string): Promise<number> {
  let total = 0;
  for (let from = `(${id}`; ; ) {
    const [count, last] = (await runScript(client, countScript, [stream], [from, String(countedPerScript)])) as [number, Buffer];
    total += count;
    if (count < countedPerScript) return total;
    from = `(${String(last)}`;
  }
}
