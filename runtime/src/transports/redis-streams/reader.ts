import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { isMillraceError } from '../../contracts/errors.ts';
import type { Consumer } from './consumer.ts';
import { fetchEntries } from './fetch.ts';
import type { HeldStream, Lane } from './held-stream.ts';

/** Longest time one read waits on the server. */
export const blockMs = 1_000;
const maxEntriesPerRead = 200;
/** Events that wait for another attempt keep only themselves in memory; beyond this many times `maxUnhandled` reading stops. */
const waitingShare = 20;
const errorPauseMs = 200;

/** Reads all held streams over one connection, as far as there is room. */
export interface Reader {
  /** Looks at once whether there is something else to read than what it waits for. */
  poke(): void;
  /** A handler has ended: there may be room again, or left-over events may go on. */
  progress(): void;
  /** Since when the server has owed an answer; undefined while none is owed. */
  owedSinceMs(): number | undefined;
  /** Takes no answer of the present connection into account any more. */
  abandon(): void;
  /** Ends, after the read that is under way. */
  stop(): Promise<void>;
}

/** @param reading a connection of its own, because reads block. */
export function startReader(consumer: Consumer, reading: Redis, add: (lane: Lane) => void): Reader {
  let stopped = false;
  let owedSince: number | undefined;
  let blocked = false;
  let full = false;
  let connectionId: number | undefined;
  let wake = (): void => undefined;
  let abandon = (): void => undefined;

  const askId = (): void => {
    connectionId = undefined;
    reading.client('ID').then(
      (id) => {
        connectionId = id;
      },
      (error: unknown) => consumer.log.warn({ error: String(error) }, 'the connection gave no id; news of other streams may take a second'),
    );
  };
  reading.on('ready', askId);
  askId();

  const news = async (quiet: readonly HeldStream[], mayBlock: boolean): Promise<void> => {
    blocked = mayBlock;
    const names = [...quiet.map(({ stream }) => stream), ...quiet.map(({ newsAfter }) => newsAfter)];
    const reply = mayBlock
      ? await reading.xread('COUNT', 1, 'BLOCK', blockMs, 'STREAMS', ...names)
      : await reading.xread('COUNT', 1, 'STREAMS', ...names);
    blocked = false;
    const fresh = new Set((reply ?? []).map(([stream]) => stream));
    for (const held of quiet) if (fresh.has(held.stream)) held.hasMore = true;
  };
  const readOnce = async (streams: readonly HeldStream[], room: number): Promise<void> => {
    const busy = streams.filter(({ phase, hasMore }) => phase === 'pending' || hasMore);
    const quiet = streams.filter(({ phase, hasMore }) => phase === 'live' && !hasMore);
    const count = Math.max(1, Math.min(maxEntriesPerRead, Math.floor(room / busy.length)));
    const fetches = busy.map((held) => fetchEntries(consumer, reading, held, count, add));
    if (quiet.length > 0) fetches.push(news(quiet, busy.length === 0));
    await Promise.all(fetches);
  };
  const idle = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, blockMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const loop = async (): Promise<void> => {
    while (!stopped) {
      const room = roomIn(consumer);
      const streams = [...consumer.held.values()].filter(({ draining, lost }) => !draining && !lost);
      if (room <= 0 || streams.length === 0) {
        full = room <= 0;
        await idle();
        full = false;
        continue;
      }
      owedSince = performance.now();
      const given = new Promise<void>((resolve) => {
        abandon = resolve;
      });
      try {
        await Promise.race([readOnce(streams, room), given]);
      } catch (error) {
        consumer.log.warn({ topic: consumer.topicName, group: consumer.group, error: String(error) }, 'reading failed');
        await pause(errorPauseMs);
      }
      owedSince = undefined;
      blocked = false;
    }
  };
  const ended = loop();
  const poke = (): void => {
    wake();
    if (!blocked || connectionId === undefined) return;
    consumer.control.client('UNBLOCK', connectionId).catch((error: unknown) => {
      // A user of one tenant may not, because it could end the reads of all others.
      if (isMillraceError(error, 'ACCESS_DENIED')) return;
      consumer.log.warn({ error: String(error) }, 'the blocked read could not be woken; it ends by itself within a second');
    });
  };
  return {
    poke,
    progress() {
      // Half at a time: waking for every single event would read one by one.
      if (full && roomIn(consumer) >= consumer.maxUnhandled / 2) wake();
      else if (blocked && [...consumer.held.values()].some(({ phase }) => phase === 'pending')) poke();
    },
    owedSinceMs: () => owedSince,
    abandon: () => abandon(),
    async stop() {
      stopped = true;
      poke();
      await ended;
      reading.off('ready', askId);
    },
  };
}

/** How many entries may be read now. */
function roomIn({ held, maxUnhandled }: Consumer): number {
  let load = 0;
  let waiting = 0;
  for (const stream of held.values()) {
    load += stream.load;
    waiting += stream.waiting;
  }
  return Math.min(maxUnhandled - load, maxUnhandled * waitingShare - waiting);
}
