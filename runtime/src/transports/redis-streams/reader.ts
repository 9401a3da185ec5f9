import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { roomIn } from '../../consuming/room.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';
import type { Consumer } from './consumer.ts';
import { fetchEntries, type Lanes } from './fetch.ts';
import type { HeldStream } from './held-stream.ts';

/** Longest time one read waits on the server. */
export const blockMs = 1_000;
const maxEntriesPerRead = 200;
const errorPauseMs = 200;

/** What was asked of the server and is not answered yet. */
interface Flight {
  /** Absent when it only asks for news. */
  readonly held?: HeldStream;
  readonly entries: number;
}

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

/**
 * Each stream is read again as soon as there is room for it, whatever the others do: while the server collects the entries of one, the handlers of
 * another run. Waiting for all of them before any is read again had both take turns, at two thirds of the rate (`npm run bench -- --only consume`).
 *
 * @param reading a connection of its own, because reads block.
 */
export function startReader(consumer: Consumer, reading: Redis, worker: Lanes): Reader {
  const flights = new Set<Flight>();
  let stopped = false;
  let owedSince: number | undefined;
  let blocked = false;
  let needed = 0; // room that is waited for; 0 when there is enough
  let turn = 0;
  let connectionId: number | undefined;
  const waiting = new Pause();

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
    const names = [...quiet.map(({ name }) => name), ...quiet.map(({ newsAfter }) => newsAfter)];
    const reply = mayBlock
      ? await reading.xread('COUNT', 1, 'BLOCK', blockMs, 'STREAMS', ...names)
      : await reading.xread('COUNT', 1, 'STREAMS', ...names);
    blocked = false;
    const fresh = new Set((reply ?? []).map(([stream]) => stream));
    for (const held of quiet) if (fresh.has(held.name)) held.hasMore = true;
  };
  const launch = (flight: Flight, work: Promise<void>): void => {
    flights.add(flight);
    owedSince ??= performance.now();
    const end = (): void => {
      if (!flights.delete(flight)) return;
      owedSince = flights.size > 0 ? performance.now() : undefined;
      waiting.poke();
    };
    work
      .catch(async (error: unknown) => {
        consumer.log.warn({ topic: consumer.topicName, group: consumer.group, error: String(error) }, 'reading failed');
        blocked = false;
        await pause(errorPauseMs);
      })
      .then(end, end);
  };
  /** Asks for entries of every stream that has some, is not asked already and finds room; for news of the others. */
  const ask = (): void => {
    const streams = [...consumer.held.values()].filter(({ draining, lost }) => !draining && !lost);
    const [busy, quiet] = [streams.filter(hasEntries), streams.filter((held) => !hasEntries(held))];
    const share = Math.max(1, Math.min(maxEntriesPerRead, Math.floor(consumer.maxUnhandled / Math.max(1, busy.length))));
    const asked = new Set([...flights].map(({ held }) => held));
    let room = roomLeft();
    let asks = false;
    needed = 0;
    for (const held of rotated(busy, turn)) {
      if (asked.has(held)) continue;
      // Half a share at least: reading whenever a single handler has ended would read one by one.
      if (room < share / 2) {
        needed = share / 2;
        break;
      }
      const entries = Math.min(share, room);
      room -= entries;
      asks = true;
      turn += 1;
      launch({ held, entries }, fetchEntries(consumer, reading, held, entries, worker));
    }
    const mayBlock = flights.size === 0;
    if (quiet.length === 0 || room <= 0 || !(asks || mayBlock) || asked.has(undefined)) return;
    launch({ entries: 0 }, news(quiet, mayBlock));
  };
  const loop = async (): Promise<void> => {
    while (!stopped) {
      ask();
      await waiting.wait(blockMs);
    }
    while (flights.size > 0) await waiting.wait(blockMs);
  };
  const roomLeft = (): number => {
    let room = roomIn(consumer.held.values(), consumer.maxUnhandled);
    for (const { entries } of flights) room -= entries;
    return room;
  };
  const ended = loop();
  const poke = (): void => {
    waiting.poke();
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
      if (needed > 0 && roomLeft() >= needed) {
        needed = 0;
        waiting.poke();
      } else if (blocked && [...consumer.held.values()].some(({ phase }) => phase === 'pending')) poke();
    },
    owedSinceMs: () => owedSince,
    abandon() {
      flights.clear();
      owedSince = undefined;
      blocked = false;
      waiting.poke();
    },
    async stop() {
      stopped = true;
      poke();
      await ended;
      reading.off('ready', askId);
    },
  };
}

function hasEntries({ phase, hasMore }: HeldStream): boolean {
  return phase === 'pending' || hasMore;
}

/** Begins with another one each time, so that none is always served last. */
function rotated(streams: readonly HeldStream[], by: number): HeldStream[] {
  const start = streams.length === 0 ? 0 : by % streams.length;
  return [...streams.slice(start), ...streams.slice(0, start)];
}
