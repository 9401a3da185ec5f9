import type { Redis } from 'ioredis';
import { replyCode } from '../../connections/redis/errors.ts';
import { unpackEvent } from './codec.ts';
import type { Consumer } from './consumer.ts';
import { accept, type Entry, type HeldStream, type Lane, takeUpAgain } from './held-stream.ts';
import { claimScript, readScript, sweepScript } from './holder.lua.ts';
import { isSuperseded, runAsHolder } from './lease.ts';
import { createUnpacker } from './msgpack.ts';

/** Makes the group where it is missing, from the first entry on: a fail-over may have forgotten it, and nothing may be passed over. */
export async function ensureGroup(client: Pick<Redis, 'xgroup'>, stream: string, group: string): Promise<void> {
  try {
    await client.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
  } catch (error) {
    if (replyCode(error) !== 'BUSYGROUP') throw error;
  }
}

/** Reads up to `count` entries of a held stream: first those delivered before, in the order of the stream, then new ones. */
export async function fetchEntries(
  consumer: Consumer,
  reading: Redis,
  held: HeldStream,
  count: number,
  add: (lane: Lane) => void,
): Promise<void> {
  held.fetching += 1;
  try {
    if (held.phase === 'pending') await takeUp(consumer, reading, held, count, add);
    else await readNew(consumer, reading, held, count, add);
  } catch (error) {
    if (isSuperseded(error)) {
      consumer.lose(held);
      return;
    }
    // Entries may have been delivered in an answer that never came.
    takeUpAgain(held);
    if (replyCode(error) !== 'NOGROUP') throw error;
    consumer.log.warn(
      { stream: held.stream, group: consumer.group },
      'the server has forgotten the group; it is made anew from the first entry',
    );
    await ensureGroup(consumer.control, held.stream, consumer.group);
  } finally {
    held.fetching -= 1;
  }
}

async function readNew(consumer: Consumer, reading: Redis, held: HeldStream, count: number, add: (lane: Lane) => void): Promise<void> {
  const { generation } = held;
  const reply = (await runAsHolder(reading, readScript, consumer, held.lease, [String(count)])) as [Buffer] | Buffer;
  if (!Array.isArray(reply)) {
    held.hasMore = false;
    held.newsAfter = String(reply);
    return;
  }
  const entries = unpackEntries(reply[0], () => ({ made: 0, by: consumer.consumer, orphaned: false }));
  held.hasMore = entries.length >= count;
  held.newsAfter = entries.at(-1)?.id ?? held.newsAfter;
  take(consumer, held, generation, entries, add);
}

async function takeUp(consumer: Consumer, reading: Redis, held: HeldStream, count: number, add: (lane: Lane) => void): Promise<void> {
  const { generation } = held;
  const page = (await reading.xpending(held.stream, consumer.group, held.cursor, '+', count)) as [string, string, number, number][];
  if (held.generation !== generation) return;
  const last = page.at(-1);
  if (last === undefined) return goLive(consumer, reading, held);
  const foreign = new Map(page.filter(([id]) => !held.known.has(id)).map(([id, by, , deliveries]) => [id, { by, deliveries }]));
  if (foreign.size > 0) {
    const args = [...foreign].flatMap(([id, { deliveries }]) => [id, String(deliveries)]);
    const [packed, gone] = (await runAsHolder(reading, claimScript, consumer, held.lease, args)) as [Buffer, Buffer[]];
    const entries = unpackEntries(packed, (id) => {
      const unbegun = held.unbegun.get(id);
      return { made: unbegun ?? foreign.get(id)?.deliveries ?? 0, by: foreign.get(id)?.by ?? '', orphaned: unbegun === undefined };
    });
    if (gone.length > 0) reportLoss(consumer, held.stream, gone.map(String));
    if (held.generation !== generation) return;
    take(consumer, held, generation, entries, add);
  }
  held.cursor = `(${last[0]}`;
}

async function goLive(consumer: Consumer, reading: Redis, held: HeldStream): Promise<void> {
  held.phase = 'live';
  held.hasMore = true;
  if (held.swept) return;
  held.swept = true;
  await runAsHolder(reading, sweepScript, consumer, held.lease);
}

function take(consumer: Consumer, held: HeldStream, generation: number, entries: readonly Entry[], add: (lane: Lane) => void): void {
  if (held.lost) return;
  for (const entry of entries) {
    if (held.generation !== generation) held.unbegun.set(entry.id, entry.made);
    else {
      const lane = accept(held, entry, consumer.topic.retry);
      if (lane !== undefined) add(lane);
    }
  }
}

function unpackEntries(packed: Buffer, history: (id: string) => Pick<Entry, 'made' | 'by' | 'orphaned'>): Entry[] {
  if (packed.length === 0) return [];
  const unpacker = createUnpacker(packed);
  return Array.from({ length: unpacker.array() }, () => {
    unpacker.array();
    const id = unpacker.text();
    return { id, event: unpackEvent(unpacker, id), ...history(id) };
  });
}

function reportLoss({ topicName, group, log, onLoss }: Consumer, stream: string, positions: readonly string[]): void {
  log.error({ stream, group, positions }, 'entries vanished from the stream before the group had handled them');
  onLoss({ topic: topicName, group, stream, positions });
}
