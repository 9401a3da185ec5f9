import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';
import type { Consumer } from './consumer.ts';
import { type HeldPartition, isIdle } from './held-partition.ts';
import type { Member } from './member.ts';
import { formatNote } from './note.ts';
import { watchOutage } from './outage.ts';
import { answer, answerError } from './protocol/answers.ts';
import type { Commit } from './protocol/offsets.ts';

const intervalMs = 200;
/** A coordinator that moves needs a second or so. */
const patience = 5;
/** After so long without work a partition's window is closed: whatever ends the process then, nothing of it may have begun. */
const idleMs = 1_000;
/** Of more the attempts are counted from one again. */
const maxNotedAttempts = 50;

const remindMs = 60_000;

/** Commits what was handled, a few times a second, and what is about to begin. */
export interface Committer {
  /** Resolves when the group knows that messages up to `offset` may begin, and the attempts of `held`. @throws {MillraceError} CONSUMER_LEASE_LOST */
  announce(held: HeldPartition, offset: number): Promise<void>;
  isOwing(): boolean;
  /** Commits for the last time. @param clean nothing that has begun is unfinished. */
  finish(held: HeldPartition, clean: boolean): Promise<void>;
  stop(): Promise<void>;
}

interface Plan {
  readonly held: HeldPartition;
  readonly begunBelow: number;
  readonly commit: Commit;
  /** Ranges of what was handled for which the note had no room. */
  readonly leftOut: number;
}

/** @param onSettled told when nothing is left to commit. */
export function startCommitter(consumer: Consumer, member: Pick<Member, 'commit'>, onSettled: () => void): Committer {
  const { held: partitions, log, topicName: topic, groupId: group } = consumer;
  const pause = new Pause();
  const outage = watchOutage(log, { topic, group }, 'offsets could not be committed', patience);
  const remindAt = new WeakMap<HeldPartition, number>();
  const asked = new Map<HeldPartition, number>();
  const finished = new WeakSet<HeldPartition>();
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  let sending = 0;
  /** Somebody waits until nothing is owed. */
  let isAwaited = false;
  const isOwing = (): boolean => {
    const owing = [...partitions.values()].some(({ dirty, lost }) => dirty && !lost) || sending > 0;
    isAwaited ||= owing;
    return owing;
  };
  /** However it has come about: by a commit, or because a partition was let go of or lost. */
  const tellSettled = (): void => {
    if (!isAwaited || isOwing()) return;
    isAwaited = false;
    onSettled();
  };
  const tellLeftOut = ({ held, leftOut }: Plan): void => {
    if (leftOut === 0 || performance.now() < (remindAt.get(held) ?? 0)) return;
    remindAt.set(held, performance.now() + remindMs);
    const about = { stream: held.name, group, ranges: leftOut, from: held.offsets.low };
    log.warn(
      about,
      'a key that is held back has more events than a commit can tell of; the next holder handles later ones of other keys again',
    );
  };
  const send = async (plans: readonly Plan[]): Promise<void> => {
    for (const plan of plans) tellLeftOut(plan);
    sending += 1;
    try {
      // What has been lost meanwhile may be somebody else's.
      const own = (): Plan[] => plans.filter(({ held }) => !held.lost);
      const codes = await member.commit(() => own().map(({ commit }) => commit));
      for (const { held, begunBelow } of own()) {
        const code = codes.get(held.partition) ?? answer.unknownTopic;
        if (code !== answer.ok) throw answerError(code, `group ${group}`);
        held.begunBelow = begunBelow;
      }
    } catch (error) {
      for (const { held } of plans) held.dirty = true;
      if (isMillraceError(error, 'CONSUMER_LEASE_LOST')) for (const { held } of plans) consumer.lose(held);
      throw error;
    } finally {
      sending -= 1;
    }
  };
  const flushNow = async (): Promise<void> => {
    const open = [...partitions.values()].filter((held) => !held.lost && !finished.has(held) && (held.dirty || asked.has(held)));
    const plans = open.map((held) => planOf(consumer, held, windowOf(held, asked.get(held) ?? 0, consumer.maxUnhandled), false));
    asked.clear();
    if (plans.length > 0) await send(plans);
  };
  /** All that is dirty in one request. Whoever comes while one is under way shares the next. */
  const flush = (): Promise<void> => {
    next ??= running.then(() => {
      next = undefined;
      const flushing = flushNow();
      running = flushing.catch(() => undefined);
      return flushing;
    });
    return next;
  };
  const loop = async (): Promise<void> => {
    while (!stopped) {
      await pause.wait(intervalMs);
      if (stopped) return;
      for (const held of partitions.values()) observe(held);
      await flush().then(outage.passed, outage.failed);
      tellSettled();
    }
  };
  const ended = loop();
  return {
    async announce(held, offset) {
      asked.set(held, Math.max(asked.get(held) ?? 0, offset + 1));
      await flush();
      tellSettled();
      if (held.lost) throw new MillraceError('CONSUMER_LEASE_LOST', `${held.name} has gone to another member of group ${group}`);
    },
    isOwing,
    async finish(held, clean) {
      finished.add(held);
      await running;
      await send([planOf(consumer, held, clean ? held.fedTo : held.begunBelow, clean)]).finally(tellSettled);
    },
    async stop() {
      stopped = true;
      pause.poke();
      await ended;
    },
  };
}

/** Looks, once an interval, how fast a partition is read and whether it has come to rest. */
function observe(held: HeldPartition): void {
  const { pace } = held;
  pace.perInterval = Math.max(0, held.fedTo - pace.fedTo);
  if (!isIdle(held) || held.fedTo !== pace.fedTo) pace.idleSince = undefined;
  else pace.idleSince ??= performance.now();
  pace.fedTo = held.fedTo;
  if (isAtRest(held) && held.begunBelow > held.fedTo) held.dirty = true;
}

function isAtRest({ pace }: HeldPartition): boolean {
  return pace.idleSince !== undefined && performance.now() - pace.idleSince > idleMs;
}

/**
 * The offset below which messages may begin without another word to the group: as much as may be read until the next commit, so that nothing waits for one;
 * not more, because all that is below is begun one by one after a crash.
 */
function windowOf(held: HeldPartition, wanted: number, maxUnhandled: number): number {
  if (isAtRest(held) && isIdle(held) && wanted <= held.fedTo) return held.fedTo;
  return Math.max(wanted, held.begunBelow, held.fedTo + Math.max(maxUnhandled, 4 * held.pace.perInterval));
}

function planOf({ consumer: by }: Consumer, held: HeldPartition, begunBelow: number, clean: boolean): Plan {
  const { partition, fence, topicId, offsets, attempts, fedTo } = held;
  const open = clean ? [] : [...attempts].filter(([at]) => !offsets.isDone(at));
  const note = {
    fence,
    by,
    topicId,
    begun: begunBelow,
    fed: fedTo,
    clean,
    attempts: new Map(open.slice(-maxNotedAttempts)),
    done: offsets.ranges,
  };
  held.dirty = false;
  const { text: metadata, leftOut } = formatNote(offsets.low, note);
  return { held, begunBelow, leftOut, commit: { partition, offset: offsets.low, metadata } };
}
