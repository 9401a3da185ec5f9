import { backoffMs } from '../../connections/backoff.ts';
import { settledWithin } from '../../connections/once.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';
import { createGroupSession, type SessionParts } from './group-session.ts';
import { watchOutage } from './outage.ts';
import type { Commit } from './protocol/offsets.ts';

/** Short, so that the members notice a change together. */
const beatMs = 500;
const longestPauseMs = 1_000;
/** A coordinator that moves, or loads the group, needs a second or so. */
const patience = 5;

/** A member of a consumer group of one topic. */
export interface Member {
  /** Until when nobody else can have got the partitions, on the monotonic clock. */
  sureUntil(): number;
  /**
   * Commits offsets as this member.
   *
   * @param commits asked for each time they are sent; see `GroupSession`.
   * @param of topic. @default the one that it consumes
   * @returns the error code of each partition.
   * @throws {MillraceError} CONNECTION_FAILED and the like when the coordinator does not answer; CONSUMER_LEASE_LOST when it knows this member no more.
   */
  commit(commits: () => readonly Commit[], of?: string): Promise<ReadonlyMap<number, number>>;
  /** Joins again soon, because what it has has become less. */
  rejoin(): void;
  /** Ends the membership. @param leaves false where the partitions must not be handed on before the session ends. */
  stop(leaves: boolean): Promise<void>;
}

interface MemberParts {
  readonly consumer: SessionParts;
  /** Partitions that nobody else may get: those that are being taken over or let go of included. */
  owned(): readonly number[];
  /** Told of all partitions that this member shall have. */
  onAssigned(partitions: readonly number[]): void;
  /** Told when others may have got everything. */
  onLost(): void;
}

export function startMember({ consumer, owned, onAssigned, onLost }: MemberParts): Member {
  const { groupId: group, topicName: topic, log } = consumer;
  const session = createGroupSession(consumer);
  const outage = watchOutage(log, { topic, group }, 'membership of the group was interrupted', patience);
  const pause = new Pause();
  const ending = new AbortController();
  const { signal } = ending;
  let wantsRejoin = false;

  /** A coordinator answers when all members have joined, and waits for one that has died until its session ends. What this one has it keeps by beating. */
  const beatUntil = async (entered: Promise<unknown>): Promise<void> => {
    while (!(await settledWithin(entered, beatMs)) && !signal.aborted) await session.beat().catch(() => undefined);
  };
  const enter = async (partitions: number): Promise<void> => {
    wantsRejoin = false;
    const own = owned();
    const entering = session.enter(own, partitions);
    if (own.length > 0) void beatUntil(entering.catch(() => undefined));
    const assigned = await entering;
    if (assigned === undefined) wantsRejoin = true;
    else onAssigned(assigned);
  };
  /** Until the group changes, or the topic. */
  const beat = async (partitions: number): Promise<void> => {
    while (!signal.aborted && !wantsRejoin) {
      await pause.wait(beatMs, signal);
      if (signal.aborted || wantsRejoin || !(await session.beat())) return;
      if ((await session.countPartitions()) !== partitions) return;
    }
  };
  const stumble = (error: unknown): void => {
    if (signal.aborted) return;
    outage.failed(error);
    if (isMillraceError(error, 'CONSUMER_LEASE_LOST')) {
      session.reset();
      onLost();
    } else session.forgetCoordinator();
  };
  const run = async (): Promise<void> => {
    for (let failures = 0; !signal.aborted; ) {
      try {
        const partitions = await session.countPartitions();
        await enter(partitions);
        failures = 0;
        outage.passed();
        await beat(partitions);
      } catch (error) {
        failures += 1;
        stumble(error);
        if (failures > 1) await pause.wait(backoffMs(failures - 1, longestPauseMs), signal);
      }
    }
  };
  // What the others need is made in the same breath.
  const ended = Promise.resolve().then(run);
  return {
    sureUntil: session.sureUntil,
    commit: (commits, of = topic) => session.commit(commits, of),
    rejoin() {
      wantsRejoin = true;
      pause.poke();
    },
    async stop(leaves) {
      ending.abort(new MillraceError('CONNECTION_CLOSED', 'the subscription was closed'));
      pause.poke();
      // A coordinator that cannot be told learns it from the end of the session.
      if (leaves) {
        await session.leave().catch((error: unknown) => log.warn({ topic, group, error: String(error) }, 'could not leave the group'));
      }
      await settledWithin(ended, longestPauseMs);
    },
  };
}
