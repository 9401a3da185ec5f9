import { settledWithin } from '../../connections/once.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { noTopic, unpackClaim } from './assignment.ts';
import type { Consumer } from './consumer.ts';
import { askCoordinator } from './coordinator.ts';
import { offsetsAt, readEnds } from './log-ends.ts';
import { startMember } from './member.ts';
import { answer, requireOk } from './protocol/answers.ts';
import { describeGroup } from './protocol/group.ts';
import { type Commit, commitOffsets, logEnd, logStart, noMember } from './protocol/offsets.ts';
import { readStandings } from './takeover.ts';

type Ground = Pick<Consumer, 'shared' | 'leaders'>;

/** How far a group is behind; one that has never been there is behind by all that is kept. */
export async function groupLag(ground: Ground, topic: string, groupId: string): Promise<{ pending: number; undelivered: number }> {
  const partitions = [...(await ground.leaders.of(topic)).keys()];
  // First the ends: a group that commits meanwhile is then ahead of them, which counts as no lag.
  const ends = await readEnds(ground.shared, ground.leaders, topic, partitions);
  const standings = await readStandings(ground, groupId, topic, partitions);
  let [pending, undelivered] = [0, 0];
  for (const [partition, { start, end }] of ends) {
    const { offset, note } = standings.get(partition) ?? { offset: -1, note: undefined };
    const low = Math.max(start, offset);
    const fed = Math.min(end, Math.max(low, note?.fed ?? low));
    const done = (note?.done ?? []).map(({ from, to }) => ({ from: Math.max(from, low), to: Math.min(to, end) }));
    const count = (from: number, to: number): number => {
      const within = done.map((range) => Math.max(0, Math.min(range.to, to) - Math.max(range.from, from)));
      return Math.max(0, to - from) - within.reduce((sum, length) => sum + length, 0);
    };
    pending += count(low, fed);
    undelivered += count(fed, end);
  }
  return { pending, undelivered };
}

/**
 * Lets a group begin at `from`. One that consumes other topics meanwhile is joined for a moment: from anybody else the cluster takes no offsets of it.
 *
 * @throws {MillraceError} SUBSCRIPTION_INVALID when the group has consumers of this topic.
 */
export async function startGroup(
  ground: Ground & Pick<Consumer, 'log' | 'sessionTimeoutMs'>,
  topic: string,
  group: string,
  from: 'earliest' | 'latest' | Date,
): Promise<void> {
  const { shared, leaders } = ground;
  const partitions = [...(await leaders.of(topic)).keys()];
  const timestamp = from instanceof Date ? Math.max(0, from.getTime()) : from === 'earliest' ? logStart : logEnd;
  const offsets = await offsetsAt(shared, leaders, topic, partitions, timestamp);
  const ends = await offsetsAt(shared, leaders, topic, partitions, logEnd);
  const commits = partitions.map((partition) => {
    const offset = offsets.get(partition)!;
    return { partition, offset: offset < 0 ? ends.get(partition)! : offset, metadata: '' };
  });
  const codes = await askCoordinator(shared, group, async (node) => {
    const { errorCode, members } = await shared.ask(node, describeGroup, group);
    requireOk(errorCode, `group ${group}`);
    if (members.some(({ id, metadata }) => metadata.length > 0 && unpackClaim(id, metadata).topic === topic))
      throw hasConsumers(topic, group);
    if (members.length > 0) return [...(await visit(ground, group, topic, commits)).values()];
    return (await shared.ask(node, commitOffsets, { group, ...noMember, topic, commits })).map((each) => each.errorCode);
  });
  for (const code of codes) {
    if (code === answer.rebalancing || answer.superseding.includes(code)) throw hasConsumers(topic, group);
    requireOk(code, `group ${group}`);
  }
}

function hasConsumers(topic: string, group: string): MillraceError {
  return new MillraceError('SUBSCRIPTION_INVALID', `group ${group} has consumers of ${topic}; stop them before it begins elsewhere`);
}

async function visit(
  ground: Ground & Pick<Consumer, 'log' | 'sessionTimeoutMs'>,
  groupId: string,
  topic: string,
  commits: readonly Commit[],
): Promise<ReadonlyMap<number, number>> {
  let joined = (): void => undefined;
  const joining = new Promise<void>((resolve) => {
    joined = resolve;
  });
  const consumer = { ...ground, nodes: ground.shared, groupId, topicName: noTopic };
  const member = startMember({ consumer, owned: () => [], onAssigned: () => joined(), onLost: () => undefined });
  try {
    if (!(await settledWithin(joining, 2 * ground.sessionTimeoutMs))) {
      throw new MillraceError('CONNECTION_TIMEOUT', `group ${groupId} did not let anybody in within ${2 * ground.sessionTimeoutMs} ms`);
    }
    return await member.commit(() => commits, topic);
  } finally {
    await member.stop(true);
  }
}
