import { setTimeout as pause } from 'node:timers/promises';
import { settledWithin } from '../../connections/once.ts';
import { abortGraceMs, until } from '../../consuming/drain.ts';
import { letGo } from '../../consuming/source.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import type { Blocked } from './blocked.ts';
import type { Committer } from './committer.ts';
import type { Consumer } from './consumer.ts';
import type { HeldPartition } from './held-partition.ts';
import type { Member } from './member.ts';
import { takeOver } from './takeover.ts';

const retryPauseMs = 200;
/** How long a commit that ends a partition is tried. */
const commitForMs = 3_000;

/** Holds the partitions that the group gives to this member, and lets them go in good order. */
export interface Holder {
  /** What is held, and what is assigned and being taken over: nobody else shall get it meanwhile. */
  owned(): readonly number[];
  /** Takes over and lets go, until what is held is what was assigned. */
  assign(partitions: readonly number[]): void;
  lose(held: HeldPartition): void;
  loseAll(): void;
  /** Lets all go. @returns whether handlers went on after all the time they had. */
  close(): Promise<boolean>;
}

interface HolderParts {
  readonly consumer: Consumer;
  readonly member: Pick<Member, 'rejoin'>;
  readonly committer: Pick<Committer, 'announce' | 'finish'>;
  readonly blocked: Pick<Blocked, 'load'>;
  onHeld(): void;
}

export function createHolder({ consumer, member, committer, blocked, onHeld }: HolderParts): Holder {
  const { held: partitions, drainMs, log, topicName: topic, group } = consumer;
  let assigned: ReadonlySet<number> = new Set();
  /** Given up while handlers were running: not taken again here before they have ended. */
  const lingering = new Set<HeldPartition>();
  const releasing = new Map<HeldPartition, Promise<void>>();
  let isTaking = false;
  let closed = false;

  const missing = (): number[] => {
    for (const held of lingering) if (held.running === 0) lingering.delete(held);
    const busy = new Set([...lingering].map(({ partition }) => partition));
    return [...assigned].filter((partition) => !partitions.has(partition) && !busy.has(partition));
  };
  const hold = async (wanted: readonly number[]): Promise<void> => {
    const taken = await takeOver(consumer, wanted);
    await blocked.load(taken);
    if (closed) return;
    const fresh = taken.filter(({ partition }) => assigned.has(partition) && !partitions.has(partition));
    for (const held of fresh) partitions.set(held.partition, held);
    try {
      // From here on nobody with an older fence can commit, nor write to an inbox that has seen this one.
      await Promise.all(fresh.map((held) => committer.announce(held, held.fedTo - 1)));
    } catch (error) {
      for (const held of fresh) drop(held);
      throw error;
    }
    onHeld();
  };
  const takeAll = async (): Promise<void> => {
    while (!closed && [...assigned].some((partition) => !partitions.has(partition))) {
      const wanted = missing();
      try {
        if (wanted.length > 0) await hold(wanted);
        else await until(() => closed || missing().length > 0, retryPauseMs);
      } catch (error) {
        if (closed) return;
        log.warn({ topic, group, partitions: wanted, error: String(error) }, 'partitions could not be taken over');
        await pause(retryPauseMs);
      }
    }
  };
  const take = (): void => {
    if (isTaking) return;
    isTaking = true;
    void takeAll().finally(() => {
      isTaking = false;
    });
  };
  const drop = (held: HeldPartition): void => {
    if (partitions.get(held.partition) === held) partitions.delete(held.partition);
    if (!held.lost) letGo(held, new MillraceError('CONSUMER_LEASE_LOST', `${held.name} has gone to another member of group ${group}`));
    if (held.running > 0) lingering.add(held);
  };
  /** Ends what has begun; what has not ended in time is told by its signal that others go on. @returns whether all has ended */
  const drain = async (held: HeldPartition): Promise<boolean> => {
    held.draining = true;
    const isIdle = (): boolean => held.running === 0;
    await until(isIdle, drainMs);
    if (!isIdle()) {
      held.abort.abort(new MillraceError('CONSUMER_LEASE_LOST', `${held.name} goes to another consumer of group ${group}`));
      await until(isIdle, abortGraceMs);
    }
    return isIdle();
  };
  const finish = async (held: HeldPartition, clean: boolean): Promise<void> => {
    for (const end = performance.now() + commitForMs; !held.lost; ) {
      try {
        // One that waits for the group to change is not waited for.
        if (await settledWithin(committer.finish(held, clean), commitForMs)) return;
        throw new MillraceError('CONNECTION_TIMEOUT', `group ${group} took no offset within ${commitForMs} ms`);
      } catch (error) {
        if (isMillraceError(error, 'CONSUMER_LEASE_LOST') || performance.now() > end) {
          log.warn({ stream: held.name, group, error: String(error) }, 'the last offset could not be committed; its events come again');
          return;
        }
        await pause(retryPauseMs);
      }
    }
  };
  const release = (held: HeldPartition): Promise<void> => {
    const known = releasing.get(held);
    if (known !== undefined) return known;
    const releases = (async () => {
      await finish(held, await drain(held));
      drop(held);
    })().finally(() => releasing.delete(held));
    releasing.set(held, releases);
    return releases;
  };
  return {
    owned: () => [...new Set([...partitions.keys(), ...assigned])],
    assign(wanted) {
      const before = assigned;
      assigned = new Set(wanted);
      const revoked = [...partitions.values()].filter(({ partition }) => !assigned.has(partition));
      const isGivenUp = [...before].some((partition) => !assigned.has(partition) && !partitions.has(partition));
      if (revoked.length > 0 || isGivenUp) {
        void Promise.all(revoked.map(release)).then(() => {
          if (!closed) member.rejoin();
        });
      }
      take();
    },
    lose(held) {
      if (held.lost) return;
      drop(held);
      log.warn({ stream: held.name, group, running: held.running }, 'partition lost');
      if (!closed) take();
    },
    loseAll() {
      assigned = new Set();
      for (const held of [...partitions.values()]) this.lose(held);
    },
    async close() {
      closed = true;
      const all = [...partitions.values()];
      await Promise.all(all.map(release));
      return [...all, ...lingering].some(({ running }) => running > 0);
    },
  };
}
