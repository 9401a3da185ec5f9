import type { RedisConnection } from '../../connections/redis/index.ts';
import { abortGraceMs, until } from '../../consuming/drain.ts';
import { letGo } from '../../consuming/source.ts';
import { createWorker, type Worker } from '../../consuming/worker.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';
import type { Subscription } from '../../transport.ts';
import type { Consumer } from './consumer.ts';
import { drain } from './drain.ts';
import { type HeldStream, isDrained, takeUpAgain } from './held-stream.ts';
import { leaseLost } from './lease.ts';
import { refreshBlocked, releaseStream, renewLeases, takeStream } from './leases.ts';
import { fairShare, heartbeat } from './membership.ts';
import { streamMessages } from './messages.ts';
import { blockMs, type Reader, startReader } from './reader.ts';
import { createRedriveWatch } from './redriven.ts';

const refreshMs = 1_000;

interface SubscriptionParts {
  readonly consumer: Omit<Consumer, 'held' | 'lose'>;
  readonly reading: RedisConnection;
  /** Key of the sorted set in which the group's consumers count themselves. */
  readonly registry: string;
  readonly streams: () => Promise<readonly string[]>;
  readonly drainMs: number;
}

/**
 * Consumes a topic for a group: takes a fair share of its streams, keeps their leases, reads and hands events to the handler until closed.
 */
export function startSubscription(parts: SubscriptionParts): Subscription {
  const lingering = new Set<HeldStream>();
  const consumer: Consumer = {
    ...parts.consumer,
    held: new Map(),
    lose(held) {
      if (held.lost) return;
      letGo(held, leaseLost(held.name));
      consumer.held.delete(held.name);
      // A handler that is still running must have ended before the stream may be taken again here.
      if (held.running > 0) lingering.add(held);
      consumer.log.warn({ stream: held.name, group: consumer.group, running: held.running }, 'lease lost');
    },
  };
  const worker = createWorker(consumer, streamMessages(consumer), () => reader.progress());
  const reader = startReader(consumer, parts.reading.client, worker);
  const keeper = startKeeper(parts, consumer, reader, lingering);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= shutDown(parts, consumer, worker, reader, keeper);
    return closing;
  };
  return { close, [Symbol.asyncDispose]: close };
}

interface Keeper {
  /** Takes and hands on nothing further; leases are still renewed. */
  settle(): void;
  stop(): Promise<void>;
}

/** Keeps leases and shares in order, a few times per lease. */
function startKeeper(parts: SubscriptionParts, consumer: Consumer, reader: Reader, lingering: Set<HeldStream>): Keeper {
  const { control, log, leaseMs } = consumer;
  const stopped = new AbortController();
  let settled = false;
  let streams: readonly string[] = [];
  let refreshedAtMs = Number.NEGATIVE_INFINITY;
  let tried = 0;
  const leaving = new Set<HeldStream>();
  const watchRedriven = createRedriveWatch(consumer);

  const refresh = async (): Promise<void> => {
    if (performance.now() - refreshedAtMs < refreshMs) return;
    streams = await parts.streams();
    await Promise.all([...consumer.held.values()].map((held) => refreshBlocked(control, held, consumer.group)));
    await watchRedriven();
    reader.progress(); // what was released or redriven need not wait for the read that is under way
    refreshedAtMs = performance.now();
  };
  const release = async (held: HeldStream): Promise<void> => {
    leaving.add(held);
    const isOver = await drain(consumer, held, { drainMs: parts.drainMs, signal: stopped.signal, onDraining: () => reader.poke() });
    leaving.delete(held);
    if (!isOver) return;
    if (held.running > 0) lingering.add(held);
    await releaseStream(consumer, held);
  };
  const balance = async (): Promise<void> => {
    const standing = await heartbeat(control, parts.registry, consumer.id, leaseMs);
    const share = fairShare(streams.length, standing);
    const kept = [...consumer.held.values()].filter((held) => !leaving.has(held));
    const surplus = kept.sort((a, b) => a.running - b.running).slice(0, Math.max(0, kept.length - share));
    for (const held of surplus) void release(held);
    const busyHere = new Set([...lingering].filter(({ running }) => running > 0).map(({ name }) => name));
    let missing = share - consumer.held.size;
    const end = performance.now() + leaseMs / 8; // the leases held already must be renewed in between
    for (const stream of rotated(streams, standing.rank * share + tried)) {
      if (missing <= 0 || settled || performance.now() > end) break;
      tried += 1; // the next round goes on here where this one is cut short
      if (consumer.held.has(stream) || busyHere.has(stream) || !(await takeStream(consumer, stream))) continue;
      missing -= 1;
      reader.poke();
    }
  };
  // A new connection may lead to a server that remembers less: what was delivered is gone through again.
  const again = (): void => {
    for (const held of consumer.held.values()) takeUpAgain(held);
    reader.poke();
  };
  const round = async (): Promise<void> => {
    for (const held of lingering) if (held.running === 0) lingering.delete(held);
    if (watch(parts, reader, log)) again();
    await renewLeases(consumer);
    if (settled) return;
    await refresh();
    await balance();
  };
  const loop = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        await round();
      } catch (error) {
        log.warn({ topic: consumer.topicName, group: consumer.group, error: String(error) }, 'leases and shares could not be looked after');
      }
      await new Pause().wait(leaseMs / 8, stopped.signal);
    }
  };
  control.on('ready', again);
  const ended = loop();
  return {
    settle() {
      settled = true;
    },
    async stop() {
      stopped.abort();
      control.off('ready', again);
      await ended;
    },
  };
}

/** Begins at another place for each consumer, so that they do not all try for the same stream. */
function rotated(streams: readonly string[], by: number): string[] {
  const start = streams.length === 0 ? 0 : by % streams.length;
  return [...streams.slice(start), ...streams.slice(0, start)];
}

/** A read that is owed for longer than the server may take means a dead connection that nobody noticed. */
function watch({ reading }: SubscriptionParts, reader: Reader, log: Consumer['log']): boolean {
  const since = reader.owedSinceMs();
  if (since === undefined || performance.now() - since < 3 * blockMs) return false;
  log.warn({ owedMs: Math.round(performance.now() - since) }, 'the server owes an answer for too long; the connection is made anew');
  reader.abandon();
  reading.client.disconnect(true);
  return true;
}

async function shutDown(
  parts: SubscriptionParts,
  consumer: Consumer,
  worker: Worker<HeldStream>,
  reader: Reader,
  keeper: Keeper,
): Promise<void> {
  const { log, control } = consumer;
  worker.stop();
  keeper.settle();
  const ended = reader.stop();
  const isIdle = (): boolean => worker.active() === 0;
  await until(isIdle, parts.drainMs);
  if (!isIdle()) {
    for (const held of consumer.held.values()) held.abort.abort(new MillraceError('CONNECTION_CLOSED', 'the subscription was closed'));
    await until(isIdle, abortGraceMs);
  }
  await ended;
  await until(() => [...consumer.held.values()].every((held) => held.running > 0 || isDrained(held)), abortGraceMs);
  await keeper.stop();
  await Promise.all([...consumer.held.values()].filter(({ running }) => running === 0).map((held) => releaseStream(consumer, held)));
  for (const held of consumer.held.values()) letGo(held, leaseLost(held.name));
  await heartbeat(control, parts.registry, consumer.id, 0).catch((error: unknown) =>
    log.warn({ error: String(error) }, 'could not sign off'),
  );
  await parts.reading.close();
}
