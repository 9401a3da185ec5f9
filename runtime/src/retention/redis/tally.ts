import { replyCode } from '../../connections/redis/errors.ts';
import type { Sample } from '../../contracts/signals.ts';
import type { Held, TaskReport } from '../task.ts';

/** What a run over the streams of a service has found so far. */
export interface Tally {
  readonly service: string;
  streams: number;
  removed: number;
  deadLetters: number;
  readonly held: Held[];
  readonly lost: Held[];
  /** How long streams overstep their window, one for each topic and shard. */
  readonly gauges: Map<string, Sample>;
  /** The streams of the server that the run has not come to yet; undefined when its user may not look. */
  readonly unseen: Set<string> | undefined;
}

export function reportOf({ streams, removed, deadLetters, held, lost, gauges, unseen }: Tally): TaskReport {
  return {
    sentence: `removed ${removed} entries of ${streams} streams, kept more than the window in ${held.length}`,
    details: { streams, removed, deadLetters, ...(unseen === undefined && { leftovers: 'not looked for: the user may not SCAN' }) },
    held,
    lost,
    gauges: [...gauges.values()],
  };
}

/** The streams of all tenants of a topic share a shard, and the longest of them counts: who the tenants are is nothing for a dashboard. */
export function noteOverstep({ service, gauges }: Tally, topic: string, shard: string, ms: number): void {
  const value = Math.ceil(ms / 1_000);
  const place = `${topic} ${shard}`;
  if ((gauges.get(place)?.value ?? 0) >= value) return;
  gauges.set(place, { signal: 'redis.stream.retention_held', labels: { service, topic, shard }, value });
}

/** Codes of replies that tell of one key: whoever may write it can make it something else than a stream. */
const ofKeys = new Set(['WRONGTYPE', 'ERR']);

/** Why one key cannot be looked at. @throws `error` itself when it tells of the server, and so of all keys. */
export function faultOfKey(error: unknown): string {
  if (!ofKeys.has(replyCode(error) ?? '')) throw error;
  // A script adds where it stood.
  return (error as Error).message.split(' script: ', 1)[0]!;
}

/** Does what is about one key; when the key is at fault that is told, and the others go on. */
export async function withKey(tally: Tally, key: string, work: () => Promise<void>): Promise<void> {
  tally.unseen?.delete(key);
  try {
    await work();
  } catch (error) {
    tally.held.push({ name: key, sentence: `${key} is not kept within its window (${faultOfKey(error)}): mend or delete the key` });
  }
}
