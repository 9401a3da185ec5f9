import type { Redis } from 'ioredis';
import { defineScript, runScript } from './script.ts';

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
  // Redis does not know the lag (null) after deletions or a group made in the middle.
  const undelivered = found.lag === null ? await countAfter(client, stream, String(found['last-delivered-id'])) : Number(found.lag);
  return { pending: Number(found.pending), undelivered };
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

function toRecord(flat: unknown[]): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (let i = 0; i < flat.length; i += 2) record[String(flat[i])] = flat[i + 1];
  return record;
}
