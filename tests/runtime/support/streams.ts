import { Redis } from 'ioredis';
import { streamKey, type Topology } from '../../../runtime/src/contracts/topology.ts';
import type { TestRedis } from '../../support/servers.ts';

/** One entry of a stream, as `key#n` of an event of `log.ts`. */
export interface Entry {
  readonly id: string;
  /** Log id that it was published with. */
  readonly sequence: string;
  readonly key: string;
  readonly n: number;
  readonly name: string;
}

/** Everything that the streams of a shared topic hold, shard by shard, each in its order. */
export async function streamEntries(
  redis: Pick<TestRedis, 'host' | 'port' | 'password'>,
  topology: Topology,
  topic = 't',
): Promise<Entry[]> {
  const client = new Redis({ host: redis.host, port: redis.port, password: redis.password, protocol: 2 });
  try {
    const entries: Entry[] = [];
    for (let shard = 0; shard < topology.topics[topic]!.shards; shard++) {
      for (const [, flat] of await client.xrange(streamKey(topic, shard), '-', '+')) entries.push(entryOf(flat));
    }
    return entries;
  } finally {
    client.disconnect();
  }
}

function entryOf(flat: readonly string[]): Entry {
  const field = (name: string): string => flat[flat.indexOf(name) + 1]!;
  const { n } = JSON.parse(field('data')) as { n: number };
  const key = field('partitionkey');
  return { id: field('id'), sequence: field('sequence'), key, n, name: `${key}#${n}` };
}

/** What the entries say about delivery, against what was committed. */
export interface Verdict {
  readonly lost: string[];
  /** Published though rolled back. */
  readonly ghosts: string[];
  /** First deliveries that came before an earlier event of their key. */
  readonly disorder: string[];
}

/** @param committed names `key#n`; of each key the `n` run from 0 without holes. */
export function judge(entries: readonly Pick<Entry, 'key' | 'n' | 'name'>[], committed: readonly string[]): Verdict {
  const all = new Set(committed);
  const seen = new Set<string>();
  const last = new Map<string, number>();
  const disorder: string[] = [];
  for (const { key, n, name } of entries) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (n !== (last.get(key) ?? -1) + 1) disorder.push(`${name} after ${last.get(key) ?? 'nothing'}`);
    last.set(key, Math.max(n, last.get(key) ?? -1));
  }
  return { lost: committed.filter((name) => !seen.has(name)), ghosts: [...seen].filter((name) => !all.has(name)), disorder };
}

export const sound: Verdict = { lost: [], ghosts: [], disorder: [] };
