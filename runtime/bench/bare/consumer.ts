import type { Redis } from 'ioredis';
import type { ClientBase, Pool } from 'pg';
import { streamKey } from '../../src/contracts/topology.ts';

type Entry = readonly [id: Buffer, fields: readonly Buffer[]];
type Page = readonly [stream: Buffer, entries: readonly Entry[]][];

/** An event as far as the handlers of the bench need it. */
export interface BareEvent {
  readonly id: string;
  readonly data: Buffer;
}

/**
 * Milliseconds from the first event until the last of `events` is handled and acknowledged, by a consumer as one writes it by hand: XREADGROUP in pages, the
 * next being read while one is handled, and XACK. No lease, no order of keys over consumers, no attempts, no dead letters.
 *
 * @param handle is given a page.
 */
export async function consumeByHand(
  { reading, acknowledging }: { readonly reading: Redis; readonly acknowledging: Redis },
  {
    topic,
    shards,
    events,
    pageSize,
  }: { readonly topic: string; readonly shards: number; readonly events: number; readonly pageSize: number },
  handle: (page: readonly BareEvent[]) => Promise<void>,
): Promise<number> {
  const streams = Array.from({ length: shards }, (_, shard) => streamKey(topic, shard));
  for (const stream of streams) await acknowledging.xgroup('CREATE', stream, 'by-hand', '0');
  const count = Math.ceil(pageSize / shards);
  const ids = streams.map(() => '>');
  const next = () => reading.xreadgroupBuffer('GROUP', 'by-hand', 'one', 'COUNT', count, 'BLOCK', 1_000, 'STREAMS', ...streams, ...ids);
  let coming = next();
  let handled = 0;
  const startedAt = performance.now();
  while (handled < events) {
    const page = (await coming) as unknown as Page;
    coming = next();
    const entries = page.flatMap(([, of]) => of);
    await handle(entries.map(([, fields]) => eventOf(fields)));
    await Promise.all(page.map(([stream, of]) => acknowledging.xack(stream, 'by-hand', ...of.map(([id]) => id))));
    handled += entries.length;
  }
  coming.catch(() => undefined);
  return performance.now() - startedAt;
}

function eventOf(fields: readonly Buffer[]): BareEvent {
  const event: Record<string, string | Buffer> = {};
  for (let i = 0; i < fields.length; i += 2) {
    const name = String(fields[i]);
    event[name] = name === 'data' ? fields[i + 1]! : String(fields[i + 1]);
  }
  return event as unknown as BareEvent;
}

/** Effects once for each id, the least that does it: a row of an inbox and the effect in one transaction. */
export async function effectOnce(
  pool: Pool,
  events: readonly BareEvent[],
  effect: (client: ClientBase, events: readonly BareEvent[]) => Promise<void>,
): Promise<void> {
  const client = await pool.connect();
  await client.query('begin');
  const text = 'insert into bare_inbox (event_id) select unnest($1::uuid[]) on conflict do nothing returning event_id';
  const { rows } = await client.query<{ event_id: string }>({ name: 'bare-inbox', text, values: [events.map(({ id }) => id)] });
  const fresh = new Set(rows.map(({ event_id }) => event_id));
  if (fresh.size > 0)
    await effect(
      client,
      events.filter(({ id }) => fresh.has(id)),
    );
  await client.query('commit');
  client.release();
}
