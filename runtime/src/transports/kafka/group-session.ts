import { isMillraceError } from '../../contracts/errors.ts';
import { assignGroup, type Claim, noTopic, packClaim, unpackAssignment, unpackClaim } from './assignment.ts';
import type { Consumer } from './consumer.ts';
import { findGroupNode } from './coordinator.ts';
import { answer, answerError, requireOk } from './protocol/answers.ts';
import { heartbeat, type JoinAnswer, joinGroup, leaveGroup, type Membership, syncGroup } from './protocol/group.ts';
import { type Commit, commitOffsets } from './protocol/offsets.ts';

const protocol = 'millrace-cooperative';
/** Of the session, that a member relies on: clocks differ, and answers take time. */
const sureShare = 0.9;
/** For answers that a coordinator holds back until all members have joined. */
const answerTimeMs = 5_000;
/** Within so many sessions a member has to join again, however it beats: enough to try twice. Whoever has died is gone after one. */
const rebalanceSessions = 3;

/** With the topic `noTopic` a member consumes nothing. */
export type SessionParts = Pick<Consumer, 'nodes' | 'leaders' | 'groupId' | 'topicName' | 'sessionTimeoutMs' | 'log'>;

/** One process in a consumer group, as its coordinator knows it. */
export interface GroupSession {
  /** How many partitions the topic has. */
  countPartitions(): Promise<number>;
  /**
   * Joins, or joins again.
   *
   * @param owned partitions that this member has.
   * @returns those that it shall have; undefined when the group changed again meanwhile.
   * @throws {MillraceError} CONSUMER_LEASE_LOST when the group knows this member no more; CONNECTION_FAILED and the like.
   */
  enter(owned: readonly number[], partitions: number): Promise<readonly number[] | undefined>;
  /** Tells that it is there, also while it waits for `enter`. @returns whether the group is as it was. @throws as `enter` */
  beat(): Promise<boolean>;
  /**
   * Also while a group changes: nobody else gets what this member has claimed in `enter`.
   *
   * @param commits asked for each time offsets are sent, which is once more when the group has changed meanwhile.
   * @returns the error code of each partition. @throws as `enter`
   */
  commit(commits: () => readonly Commit[], topic: string): Promise<ReadonlyMap<number, number>>;
  leave(): Promise<void>;
  /** Until when nobody else can have got the partitions, on the monotonic clock. */
  sureUntil(): number;
  /** Begins as somebody new. */
  reset(): void;
  /** Asks for the coordinator again. */
  forgetCoordinator(): void;
}

export function createGroupSession({
  nodes,
  leaders,
  groupId: group,
  topicName: topic,
  sessionTimeoutMs,
  log,
}: SessionParts): GroupSession {
  let coordinator: number | undefined;
  let current: Membership = { group, generation: -1, memberId: '' };
  let counted: number | undefined;
  const rebalanceTimeoutMs = rebalanceSessions * sessionTimeoutMs;
  let sure = Number.NEGATIVE_INFINITY;
  /** When it was last known that the group does not wait for this member. */
  let agreedAt = Number.NEGATIVE_INFINITY;
  let isEntering = false;
  let joining: Promise<unknown> = Promise.resolve();
  /** Pending between the answers to `JoinGroup` and `SyncGroup`, when a coordinator takes no offsets. */
  let syncing: Promise<unknown> = Promise.resolve();

  const count = async (name: string): Promise<number> => (name === noTopic ? 0 : (await leaders.of(name)).length);
  /** A topic that is gone, or that this member may not see, must not keep the others from their partitions: of it, what its members know has to do. */
  const countOr = async (name: string, known: number): Promise<number> => {
    try {
      return await count(name);
    } catch (error) {
      if (!isMillraceError(error, 'TOPIC_UNKNOWN') && !isMillraceError(error, 'ACCESS_DENIED')) throw error;
      log.warn({ topic: name, group, partitions: known, error: String(error) }, 'a topic of the group could not be looked at');
      return known;
    }
  };
  const node = async (): Promise<number> => {
    coordinator ??= await findGroupNode(nodes, group);
    return coordinator;
  };
  const agreed = (askedAt: number): void => {
    agreedAt = Math.max(agreedAt, askedAt);
    sure = Math.max(sure, askedAt + sessionTimeoutMs * sureShare);
  };
  /** A group that changes keeps a member that beats; one that has not joined again, only until its time for that is over. */
  const present = (askedAt: number): void => {
    sure = Math.max(sure, Math.min(askedAt + sessionTimeoutMs * sureShare, agreedAt + rebalanceTimeoutMs * sureShare));
  };
  const join = async (metadata: Buffer): Promise<JoinAnswer> => {
    for (;;) {
      const asked = { group, sessionTimeoutMs, rebalanceTimeoutMs, memberId: current.memberId, protocol, metadata };
      const joined = await nodes.ask(await node(), joinGroup, asked, sessionTimeoutMs + answerTimeMs);
      if (joined.errorCode !== answer.memberIdRequired) return joined;
      current = { ...current, memberId: joined.memberId };
    }
  };
  /** What each member gets, if this one leads the group. */
  const assignmentsOf = async ({ leaderId, memberId, members }: JoinAnswer) => {
    if (leaderId !== memberId) return [];
    const claims = members.map(({ id, metadata }) => unpackClaim(id, metadata));
    const topics = [...new Set(claims.map((claim) => claim.topic))];
    const counts = await Promise.all(topics.map(async (name) => [name, await countOr(name, claimed(claims, name))] as const));
    return assignGroup(claims, new Map(counts));
  };
  const sync = async (joined: JoinAnswer): Promise<readonly number[] | undefined> => {
    const assignments = await assignmentsOf(joined);
    const askedAt = performance.now();
    const synced = await nodes.ask(await node(), syncGroup, { ...current, assignments }, sessionTimeoutMs + answerTimeMs);
    if (synced.errorCode === answer.rebalancing) return undefined;
    requireOk(synced.errorCode, `group ${group}`);
    agreed(askedAt);
    return unpackAssignment(topic, synced.assignment);
  };
  return {
    async countPartitions() {
      // Who has a place in the group keeps it while the topic is away: the others would wait for the end of its session.
      counted = await (counted === undefined || current.memberId === '' ? count(topic) : countOr(topic, counted));
      return counted;
    },
    async enter(owned, partitions) {
      const entering = join(packClaim(topic, owned, partitions)).then((joined) => {
        requireOk(joined.errorCode, `group ${group}`);
        current = { group, generation: joined.generation, memberId: joined.memberId };
        const assigned = sync(joined);
        syncing = assigned.catch(() => undefined);
        return { assigned };
      });
      joining = entering.catch(() => undefined);
      isEntering = true;
      try {
        return await (await entering).assigned;
      } finally {
        isEntering = false;
      }
    },
    async beat() {
      const askedAt = performance.now();
      const { memberId } = current;
      const errorCode = await nodes.ask(await node(), heartbeat, current);
      const isChanging = errorCode === answer.rebalancing;
      // A request to join that is under way may learn it later, or never.
      if (errorCode === answer.unknownMember && memberId === current.memberId) sure = Number.NEGATIVE_INFINITY;
      if (!isChanging) requireOk(errorCode, `group ${group}`);
      (isChanging || isEntering ? present : agreed)(askedAt);
      return !isChanging;
    },
    async commit(commits, of) {
      for (;;) {
        await syncing;
        // Of nobody in particular a coordinator takes offsets, too, while the group is empty.
        if (current.memberId === '') throw answerError(answer.unknownMember, `group ${group}`);
        const asked = current;
        const answers = await nodes.ask(await node(), commitOffsets, { ...asked, topic: of, commits: commits() });
        if (answers.some(({ errorCode }) => errorCode === answer.notCoordinator)) coordinator = undefined;
        const superseding = answers.find(({ errorCode }) => answer.superseding.includes(errorCode));
        if (superseding === undefined) return new Map(answers.map(({ partition, errorCode }) => [partition, errorCode]));
        // The group may have changed while they were on their way, and its answer may be still.
        if (superseding.errorCode === answer.illegalGeneration) await joining;
        if (current.memberId !== asked.memberId || current.generation === asked.generation)
          throw answerError(superseding.errorCode, `group ${group}`);
      }
    },
    async leave() {
      if (current.memberId !== '') await nodes.ask(await node(), leaveGroup, current);
    },
    sureUntil: () => sure,
    reset() {
      current = { group, generation: -1, memberId: '' };
    },
    forgetCoordinator() {
      coordinator = undefined;
    },
  };
}

/** The partitions of a topic, as many as one of its members knows of. */
function claimed(claims: readonly Claim[], topic: string): number {
  return Math.max(0, ...claims.filter((claim) => claim.topic === topic).map(({ partitions }) => partitions ?? 0));
}
