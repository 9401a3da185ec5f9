import type { Redis } from 'ioredis';
import { replyCode } from '../../connections/redis/errors.ts';
import { type Entry, keyOf, ofTenant } from '../../consuming/message.ts';
import type { Worker } from '../../consuming/worker.ts';
import type { MillraceEvent } from '../../contracts/event.ts';
import { acknowledge } from './acknowledge.ts';
import { unpackEvent } from './codec.ts';
import type { Consumer } from './consumer.ts';
import { accept, type HeldStream, staysLeft, takeUpAgain } from './held-stream.ts';
import { claimScript, readScript, sweepScript } from './holder.lua.ts';
import { isSuperseded, runAsHolder } from './lease.ts';
import { createUnpacker } from './msgpack.ts';
import { addresseeOf, withoutAddressee } from './redriven.ts';

/** Ids of entries that may be passed over are cheap: 1,000 in a page are 40 kB. */
const maxPageOfLeft = 1_000;

/** Makes the group where it is missing, from the first entry on: a fail-over may have forgotten it, and nothing may be passed over. */
export async function ensureGroup(client: Pick<Redis, 'xgroup'>, stream: string, group: string): Promise<void> {
  try {
    await client.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
  } catch (error) {
    if (replyCode(error) !== 'BUSYGROUP') throw error;
  }
}

/** What is read is given to the worker. */
export type Lanes = Pick<Worker<HeldStream>, 'add' | 'pump'>;

/** Reads up to `count` entries of a held stream: first those delivered before, in the order of the stream, then new ones. */
export async function fetchEntries(consumer: Consumer, reading: Redis, held: HeldStream, count: number, worker: Lanes): Promise<void> {
  held.fetching += 1;
  try {
    if (held.phase === 'pending') await takeUp(consumer, reading, held, count, worker);
    else await readNew(consumer, reading, held, count, worker);
  } catch (error) {
    if (isSuperseded(error)) {
      consumer.lose(held);
      return;
    }
    // Entries may have been delivered in an answer that never came.
    takeUpAgain(held);
    if (replyCode(error) !== 'NOGROUP') throw error;
    consumer.log.warn(
      { stream: held.name, group: consumer.group },
      'the server has forgotten the group; it is made anew from the first entry',
    );
    await ensureGroup(consumer.control, held.name, consumer.group);
  } finally {
    held.fetching -= 1;
  }
}

async function readNew(consumer: Consumer, reading: Redis, held: HeldStream, count: number, worker: Lanes): Promise<void> {
  const { generation } = held;
  const reply = (await runAsHolder(reading, readScript, consumer, held.lease, [String(count)])) as [Buffer] | Buffer;
  if (!Array.isArray(reply)) {
    held.hasMore = false;
    held.newsAfter = String(reply);
    return;
  }
  const entries = unpackEntries(reply[0], held.tenant, () => ({ made: 0, by: consumer.consumer, orphaned: false }));
  held.hasMore = entries.length >= count;
  held.newsAfter = entries.at(-1)?.id ?? held.newsAfter;
  take(consumer, held, generation, entries, worker);
}

async function takeUp(consumer: Consumer, reading: Redis, held: HeldStream, count: number, worker: Lanes): Promise<void> {
  const { generation } = held;
  const size = Math.max(count, Math.min(held.unbegun.size, maxPageOfLeft));
  const page = (await reading.xpending(held.name, consumer.group, held.cursor, '+', size)) as [string, string, number, number][];
  if (held.generation !== generation) return;
  if (page.length === 0) return goLive(consumer, reading, held);
  const needed = page.filter(([id]) => !held.known.has(id) && !staysLeft(held, id));
  const foreign = new Map(needed.slice(0, count).map(([id, by, , deliveries]) => [id, { by, deliveries }]));
  const last = needed.length > count ? needed[count - 1]![0] : page.at(-1)![0];
  if (foreign.size > 0) {
    // As reading does, this counts the first attempt: what was released or redriven begins at none.
    const args = [...foreign].flatMap(([id, { deliveries }]) => [id, String(Math.max(1, deliveries))]);
    const [packed, gone] = (await runAsHolder(reading, claimScript, consumer, held.lease, args)) as [Buffer, Buffer[]];
    const entries = unpackEntries(packed, held.tenant, (id) => {
      const unbegun = held.unbegun.get(id)?.made;
      return { made: unbegun ?? foreign.get(id)?.deliveries ?? 0, by: foreign.get(id)?.by ?? '', orphaned: unbegun === undefined };
    });
    if (gone.length > 0) reportLoss(consumer, held.name, gone.map(String));
    take(consumer, held, generation, entries, worker);
    if (held.generation !== generation) return;
  }
  held.cursor = `(${last}`;
}

async function goLive(consumer: Consumer, reading: Redis, held: HeldStream): Promise<void> {
  held.phase = 'live';
  held.hasMore = true;
  if (held.swept) return;
  held.swept = true;
  await runAsHolder(reading, sweepScript, consumer, held.lease);
}

function take(consumer: Consumer, held: HeldStream, generation: number, entries: readonly Entry[], worker: Lanes): void {
  if (held.lost) return;
  for (const read of entries) {
    const addressee = addresseeOf(read.event);
    if (addressee !== undefined && addressee !== consumer.group) {
      acknowledge(consumer, held, read.id, worker.pump);
      continue;
    }
    const entry = addressee === undefined ? read : { ...read, event: withoutAddressee(read.event as MillraceEvent) };
    if (held.generation !== generation) held.unbegun.set(entry.id, { key: keyOf(entry), made: entry.made });
    else {
      const lane = accept(held, entry, consumer.topic.retry);
      if (lane !== undefined) worker.add(lane);
    }
  }
}

function unpackEntries(
  packed: Buffer,
  tenant: string | undefined,
  history: (id: string) => Pick<Entry, 'made' | 'by' | 'orphaned'>,
): Entry[] {
  if (packed.length === 0) return [];
  const unpacker = createUnpacker(packed);
  return Array.from({ length: unpacker.array() }, () => {
    unpacker.array();
    const id = unpacker.text();
    return { id, event: ofTenant(unpackEvent(unpacker, id), tenant, 'stream'), ...history(id) };
  });
}

function reportLoss({ topicName, group, log, onLoss }: Consumer, stream: string, positions: readonly string[]): void {
  log.error({ stream, group, positions }, 'entries vanished from the stream before the group had handled them');
  onLoss({ topic: topicName, group, stream, positions });
}
