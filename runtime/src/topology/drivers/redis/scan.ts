import type { RedisClient } from '../../../connections/redis/index.ts';
import { streamLikeKeys } from '../../../transports/redis-streams/scan.ts';

/** A stream of events by its key: it is there itself, or only dead letters of it are. */
export interface FoundStream {
  readonly key: string;
  /** Undefined where the key names none. */
  readonly topic: string | undefined;
  readonly isolation: 'shared' | 'tenant';
  readonly exists: boolean;
  /** Groups that have dead letters of it. */
  readonly deadLettersOf: readonly string[];
}

const sharedKey = /^(stream:\{([^{}]+)\})(?::dead:([^:]+))?$/;
const tenantKey = /^(tenant:\{.+\}:stream:([\w.-]+))(?::dead:([^:]+))?$/;

/** Every stream of events on the server, or on all masters of a cluster, whether a topic declares it or not. */
export async function findStreams(client: RedisClient): Promise<FoundStream[]> {
  const found = new Map<string, FoundStream>();
  for (const text of await streamLikeKeys(client)) {
    const named = nameOf(text);
    if (named === undefined) continue;
    const { key, group, ...rest } = named;
    const known = found.get(key) ?? { key, ...rest, exists: false, deadLettersOf: [] };
    found.set(
      key,
      group === undefined ? { ...known, exists: true } : { ...known, deadLettersOf: [...new Set([...known.deadLettersOf, group])].sort() },
    );
  }
  return [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function nameOf(text: string): (Pick<FoundStream, 'key' | 'topic' | 'isolation'> & { readonly group: string | undefined }) | undefined {
  const shared = sharedKey.exec(text);
  if (shared !== null) return { key: shared[1]!, topic: /^(.+):\d+$/.exec(shared[2]!)?.[1], isolation: 'shared', group: shared[3] };
  const tenant = tenantKey.exec(text);
  return tenant === null ? undefined : { key: tenant[1]!, topic: tenant[2]!, isolation: 'tenant', group: tenant[3] };
}
