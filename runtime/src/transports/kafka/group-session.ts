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

/** With the topic `noTopic` a member consumes nothing. */
export type SessionParts = Pick<Consumer, 'nodes' | 'shared' | 'leaders' | 'groupId' | 'topicName' | 'sessionTimeoutMs' | 'log'>;

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
  /** Tells that it is there. @returns whether the group is as it was. @throws as `enter` */
  beat(): Promise<boolean>;
  /** @returns the error code of each partition. @throws as `enter` */
  commit(commits: readonly Commit[], topic: string): Promise<ReadonlyMap<number, number>>;
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
  shared,
  leaders,
  groupId: group,
  topicName: topic,
  sessionTimeoutMs,
  log,
}: SessionParts): GroupSession {
  let coordinator: number | undefined;
  let current: Membership = { group, generation: -1, memberId: '' };
  let counted: number | undefined;
  let sure = Number.NEGATIVE_INFINITY;

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
  const join = async (metadata: Buffer): Promise<JoinAnswer> => {
    for (;;) {
      const asked = { group, sessionTimeoutMs, rebalanceTimeoutMs: sessionTimeoutMs, memberId: current.memberId, protocol, metadata };
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
  return {
    async countPartitions() {
      // Who has a place in the group keeps it while the topic is away: the others would wait for the end of its session.
      counted = await (counted === undefined || current.memberId === '' ? count(topic) : countOr(topic, counted));
      return counted;
    },
    async enter(owned, partitions) {
      const joined = await join(packClaim(topic, owned, partitions));
      requireOk(joined.errorCode, `group ${group}`);
      current = { group, generation: joined.generation, memberId: joined.memberId };
      const assignments = await assignmentsOf(joined);
      const askedAt = performance.now();
      const synced = await nodes.ask(await node(), syncGroup, { ...current, assignments }, sessionTimeoutMs + answerTimeMs);
      if (synced.errorCode === answer.rebalancing) return undefined;
      requireOk(synced.errorCode, `group ${group}`);
      sure = askedAt + sessionTimeoutMs * sureShare;
      return unpackAssignment(topic, synced.assignment);
    },
    async beat() {
      const askedAt = performance.now();
      const errorCode = await nodes.ask(await node(), heartbeat, current);
      if (errorCode === answer.rebalancing) return false;
      requireOk(errorCode, `group ${group}`);
      sure = askedAt + sessionTimeoutMs * sureShare;
      return true;
    },
    async commit(commits, of) {
      // Of nobody in particular a coordinator takes offsets, too, while the group is empty.
      if (current.memberId === '') throw answerError(answer.unknownMember, `group ${group}`);
      const answers = await nodes.ask(await node(), commitOffsets, { ...current, topic: of, commits });
      for (const { errorCode } of answers) {
        if (errorCode === answer.notCoordinator) coordinator = undefined;
        if (answer.superseding.includes(errorCode)) throw answerError(errorCode, `group ${group}`);
      }
      return new Map(answers.map(({ partition, errorCode }) => [partition, errorCode]));
    },
    async leave() {
      // The own line may be waiting for the answer to a join.
      if (current.memberId !== '') await shared.ask(await node(), leaveGroup, current);
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
