import type { Redis } from 'ioredis';
import { ofTenant } from '../../consuming/message.ts';
import { isMillraceError, type MillraceError } from '../../contracts/errors.ts';
import type { MillraceEvent } from '../../contracts/event.ts';
import type { Delivery } from '../../transport.ts';
import { unpackEvent } from './codec.ts';
import { createUnpacker } from './msgpack.ts';
import { addresseeOf } from './redriven.ts';
import { defineScript, runScript } from './script.ts';
import { tenantOf } from './tenants.ts';

const pageSize = 200;

/** KEYS stream. ARGV first id, count. */
const pageScript = defineScript(`return cmsgpack.pack(redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2]))`);

interface Past {
  readonly position: string;
  readonly event: MillraceEvent | MillraceError;
}

/**
 * Reads what streams keep, oldest first across them, up to their ends at the time they are reached. Entries that are no events are passed over.
 *
 * @param from a position (itself included), a time, or the beginning.
 */
export async function* readHistory(
  client: Redis,
  topic: string,
  streams: readonly string[],
  from: 'earliest' | string | Date,
  signal: AbortSignal,
): AsyncGenerator<Delivery> {
  const start = from === 'earliest' ? '-' : from instanceof Date ? `${from.getTime()}-0` : from;
  const sources = await Promise.all(
    streams.map(async (stream) => {
      const entries = entriesOf(client, stream, start);
      return { entries, head: await entries.next() };
    }),
  );
  for (;;) {
    signal.throwIfAborted();
    let first: (typeof sources)[number] | undefined;
    for (const source of sources) {
      if (source.head.done !== true && (first === undefined || isBefore(source.head.value, first.head.value as Past))) first = source;
    }
    if (first === undefined || first.head.done === true) return;
    const { position, event } = first.head.value;
    first.head = await first.entries.next();
    // What was added again for one group is in the past already, or was trimmed from it.
    if (isMillraceError(event) || addresseeOf(event) !== undefined) continue;
    yield { topic, group: '', event, position, attempt: 1, redelivered: false, run: '', signal };
  }
}

async function* entriesOf(client: Redis, stream: string, start: string): AsyncGenerator<Past, undefined> {
  const tenant = tenantOf(stream);
  for (let from = start; ; ) {
    const unpacker = createUnpacker((await runScript(client, pageScript, [stream], [from, String(pageSize)])) as Buffer);
    const length = unpacker.array();
    for (let i = 0; i < length; i++) {
      unpacker.array();
      const position = unpacker.text();
      from = `(${position}`;
      yield { position, event: ofTenant(unpackEvent(unpacker, position), tenant, 'stream') };
    }
    if (length < pageSize) return undefined;
  }
}

function isBefore(a: Past, b: Past): boolean {
  const [aMs = '', aSequence = ''] = a.position.split('-');
  const [bMs = '', bSequence = ''] = b.position.split('-');
  return Number(aMs) < Number(bMs) || (aMs === bMs && Number(aSequence) < Number(bSequence));
}
