import { setTimeout as sleep } from 'node:timers/promises';
import { isMillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';
import type { Consumer } from './consumer.ts';
import type { HeldPartition } from './held-partition.ts';
import { type Outage, watchOutage } from './outage.ts';
import { answer, answerError } from './protocol/answers.ts';
import { type FetchedPartition, fetch } from './protocol/fetch.ts';
import { unpackRecords } from './protocol/records.ts';
import { confirmTopic, doubtTopic } from './topic-id.ts';

/** How long a broker holds back an empty answer. */
const longPollMs = 500;
/** And while other partitions of the same broker have enough in memory: they may want to be asked for again soon. */
const shortPollMs = 20;
const errorPauseMs = 200;
/** For what does not pass by itself, as messages that cannot be unpacked. */
const lastingErrorPauseMs = 5_000;
/** A leader that moves needs a second or so. */
const patience = 5;
const maxAnswerBytes = 8_388_608;
const maxPartitionBytes = 1_048_576;
/** Fetched and not looked at yet, over all partitions of a subscription, from which on nothing is asked for. */
const enoughBytes = 33_554_432;
/** Records in memory that were not looked at, from which on a partition is not asked for. */
const enoughRecords = 1_000;

/** Fetches held partitions from their leaders, each leader by itself. */
export interface Fetcher {
  /** Looks at once what can be fetched: a partition was taken, went back or was looked through. */
  poke(): void;
  /** Asks for nothing further; an answer that is held back ends with its socket. */
  stop(): void;
}

interface FetcherParts {
  readonly consumer: Consumer;
  /** Something was fetched. */
  onFetched(): void;
  /** The log does not have what was asked for. */
  onOutOfRange(held: HeldPartition): Promise<void>;
}

export function startFetcher({ consumer, onFetched, onOutOfRange }: FetcherParts): Fetcher {
  const { held: partitions, nodes, leaders, topicName: topic, group, log } = consumer;
  const loops = new Map<number, Pause>();
  const outages = new WeakMap<HeldPartition, Outage>();
  const outage = watchOutage(log, { topic, group }, 'leaders of partitions are not known', patience);
  let stopped = false;

  const outageOf = (held: HeldPartition): Outage => {
    const known = outages.get(held) ?? watchOutage(log, { stream: held.name, group }, 'messages could not be fetched', patience);
    outages.set(held, known);
    return known;
  };
  /** Whether it still is what is wanted: reading may have gone back, or another leader have answered. */
  const isWanted = (held: HeldPartition, offset: number): boolean => !held.lost && held.fetchAt === offset;
  const store = async (held: HeldPartition, fetched: FetchedPartition, offset: number): Promise<void> => {
    const { records, next } = await unpackRecords(fetched, offset);
    held.logEnd = Math.max(held.logEnd, fetched.highWatermark);
    if (next === undefined || !isWanted(held, offset)) return;
    held.buffer = held.bufferAt === held.buffer.length ? records : [...held.buffer.slice(held.bufferAt), ...records];
    held.bufferAt = 0;
    held.bufferBytes = records.length === held.buffer.length ? fetched.records.length : held.bufferBytes + fetched.records.length;
    held.bufferEnd = next;
    held.fetchAt = held.offsets.nextOpen(next);
  };
  /** One partition by itself: what is wrong with it is no matter of the others. */
  const receive = async ({ held, offset, own }: Received): Promise<void> => {
    if (!isWanted(held, offset)) return;
    try {
      if (own.errorCode === answer.ok) await store(held, own, offset);
      else if (own.errorCode === answer.offsetOutOfRange) await onOutOfRange(held);
      else throw answerError(own.errorCode, held.name);
      outageOf(held).passed();
    } catch (error) {
      if (stopped || held.lost) return;
      outageOf(held).failed(error);
      const passes = isMillraceError(error) && error.retriable;
      held.fetchNotBefore = performance.now() + (passes ? errorPauseMs : lastingErrorPauseMs);
    }
  };
  const fetchOnce = async (node: number, wanted: readonly HeldPartition[], maxWaitMs: number): Promise<void> => {
    const asked = wanted.map((held) => ({ held, partition: held.partition, offset: held.fetchAt, maxBytes: maxPartitionBytes }));
    const fetched = await nodes.ask(node, fetch, { topic, partitions: asked, maxWaitMs, maxBytes: maxAnswerBytes });
    const answers = asked.flatMap(({ held, partition, offset }): Received[] => {
      const own = fetched.find((each) => each.partition === partition);
      return own === undefined ? [] : [{ held, offset, own }];
    });
    const refused = answers.filter(({ own }) => own.errorCode !== answer.ok);
    for (const { held } of refused) doubtTopic(held);
    await confirmTopic(consumer, node, wanted);
    for (const each of answers) if (each.own.errorCode === answer.ok) await receive(each);
    onFetched();
    await Promise.all(refused.map(receive));
    if (refused.length > 0) void lookForLeaders(true);
  };
  const loop = async (node: number, pause: Pause): Promise<void> => {
    const failing = watchOutage(log, { topic, group, node }, 'messages could not be fetched', patience);
    let turn = 0;
    while (!stopped) {
      const own = [...partitions.values()].filter(({ leader, lost, draining }) => leader === node && !lost && !draining);
      if (own.length === 0) return;
      const { wanted, maxWaitMs } = roundOf(partitions.values(), own, turn++);
      if (wanted.length === 0) {
        await pause.wait(maxWaitMs);
        continue;
      }
      try {
        await fetchOnce(node, wanted, maxWaitMs);
        failing.passed();
      } catch (error) {
        if (stopped) return;
        for (const held of wanted) doubtTopic(held);
        failing.failed(error);
        await sleep(errorPauseMs);
        await lookForLeaders(true);
      }
    }
  };
  const start = (node: number): void => {
    if (loops.has(node)) return;
    const pause = new Pause();
    loops.set(node, pause);
    void loop(node, pause).finally(() => {
      loops.delete(node);
      if (!stopped) void lookForLeaders(false);
    });
  };
  const lookForLeaders = async (anew: boolean): Promise<void> => {
    if (anew) leaders.forget(topic);
    try {
      const known = await leaders.of(topic);
      for (const held of partitions.values()) {
        if (held.leader !== known[held.partition]) doubtTopic(held);
        held.leader = known[held.partition];
      }
      outage.passed();
    } catch (error) {
      outage.failed(error);
    }
    if (stopped) return;
    const led = [...partitions.values()].filter(({ lost, draining }) => !lost && !draining);
    for (const { leader } of led) if (leader !== undefined) start(leader);
    // One that has no leader at present is looked for again.
    if (led.some(({ leader }) => leader === undefined)) setTimeout(() => stopped || void lookForLeaders(true), errorPauseMs).unref();
  };
  return {
    poke() {
      if ([...partitions.values()].some(({ leader }) => leader === undefined || !loops.has(leader))) void lookForLeaders(false);
      for (const pause of loops.values()) pause.poke();
    },
    stop() {
      stopped = true;
      for (const pause of loops.values()) pause.poke();
    },
  };
}

interface Received {
  readonly held: HeldPartition;
  /** What was asked for. */
  readonly offset: number;
  readonly own: FetchedPartition;
}

/**
 * What a broker is asked for: the partitions that have little in memory; another one first each time, because a broker fills its answer in the order of the
 * question.
 */
function roundOf(
  all: Iterable<HeldPartition>,
  own: readonly HeldPartition[],
  turn: number,
): { wanted: HeldPartition[]; maxWaitMs: number } {
  const now = performance.now();
  const ready = own.filter(({ fetchNotBefore }) => fetchNotBefore <= now);
  const nextMs = own.reduce((least, held) => (held.fetchNotBefore > now ? Math.min(least, held.fetchNotBefore - now) : least), longPollMs);
  const wanted = wantedOf(all, ready, turn);
  // An answer that is held back holds back those that are not asked for with it.
  const waitsForRoom = wanted.length > 0 && wanted.length < ready.length;
  return { wanted, maxWaitMs: waitsForRoom ? shortPollMs : Math.max(shortPollMs, Math.ceil(nextMs)) };
}

function wantedOf(all: Iterable<HeldPartition>, own: readonly HeldPartition[], turn: number): HeldPartition[] {
  let bytes = 0;
  for (const held of all) if (held.bufferAt < held.buffer.length) bytes += held.bufferBytes;
  if (bytes >= enoughBytes) return [];
  const wanted = own.filter((held) => held.buffer.length - held.bufferAt < enoughRecords);
  const first = turn % Math.max(1, wanted.length);
  return [...wanted.slice(first), ...wanted.slice(0, first)];
}
