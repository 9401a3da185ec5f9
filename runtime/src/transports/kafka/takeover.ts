import type { Consumer } from './consumer.ts';
import { askCoordinator } from './coordinator.ts';
import { type HeldPartition, holdPartition } from './held-partition.ts';
import { type LogEnds, readEnds } from './log-ends.ts';
import { type Note, parseNote } from './note.ts';
import { Offsets } from './offsets.ts';
import { requireOk } from './protocol/answers.ts';
import { fetchOffsets } from './protocol/offsets.ts';
import { topicIdOf } from './topic-id.ts';
import { positionOf } from './topics.ts';

/** What a group has committed of a partition. */
export interface Standing {
  /** -1 where it is nothing. */
  readonly offset: number;
  readonly note: Note | undefined;
}

/** @throws {MillraceError} CONNECTION_FAILED, ACCESS_DENIED */
export async function readStandings(
  { shared }: Pick<Consumer, 'shared'>,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, Standing>> {
  const committed = await askCoordinator(shared, group, async (node) => {
    const answered = await shared.ask(node, fetchOffsets, { group, topic, partitions });
    requireOk(answered.errorCode, `group ${group}`);
    for (const { errorCode } of answered.committed) requireOk(errorCode, `group ${group}`);
    return answered.committed;
  });
  return new Map(committed.map(({ partition, offset, metadata }) => [partition, { offset, note: parseNote(offset, metadata) }]));
}

/**
 * Finds out where the group stands in partitions that were assigned to this member. Nothing of them may begin before the group has been told (`Committer`).
 *
 * The fence is at least the time in milliseconds, so that it also grows after the group was deleted, or has expired, with the note of its last holder.
 */
export async function takeOver(consumer: Consumer, partitions: readonly number[]): Promise<HeldPartition[]> {
  const { topicName: topic, groupId, service, shared, leaders } = consumer;
  const topicId = await topicIdOf(shared, topic);
  const standings = await readStandings(consumer, groupId, topic, partitions);
  const ends = await readEnds(shared, leaders, topic, partitions);
  return partitions.map((partition) => {
    const standing = standings.get(partition) ?? { offset: -1, note: undefined };
    const offsets = startOf(consumer, partition, standing, ends.get(partition)!, topicId);
    const fence = Math.max((standing.note?.fence ?? 0) + 1, Date.now());
    const scope = `kafka:${service}/${groupId}/${topic}/${partition}`;
    return holdPartition({
      topic,
      scope,
      partition,
      topicId,
      fence,
      offsets,
      before: standing.note?.topicId === topicId ? standing.note : undefined,
    });
  });
}

/** Where a group goes on; what it has missed is told. A group without offsets begins with the oldest message. */
function startOf(consumer: Consumer, partition: number, { offset, note }: Standing, { start, end }: LogEnds, topicId: string): Offsets {
  const gone = consumer.gone.get(partition);
  consumer.gone.delete(partition);
  if (gone !== undefined && gone.topicId !== topicId) {
    tellMadeAnew(consumer, gone);
    if (note?.topicId === gone.topicId) return new Offsets(start);
  }
  if (offset < 0) return new Offsets(start);
  const isOther = note !== undefined && note.topicId !== topicId;
  const done = note?.done ?? [];
  const top = Math.max(offset, done.at(-1)?.to ?? 0);
  if (isOther || top > end) tellCutBack(consumer, partition, { from: isOther ? 0 : end, to: top }, isOther);
  if (isOther) return new Offsets(start);
  // What was written anew under the offsets of what is gone was not handled.
  const offsets = new Offsets(
    Math.min(offset, end),
    done.map(({ from, to }) => ({ from, to: Math.min(to, end) })),
  );
  passLoss(consumer, partition, offsets, start);
  return offsets;
}

/** Passes over what retention has removed before the group had handled it, and tells of it. */
export function passLoss(consumer: Consumer, partition: number, offsets: Offsets, start: number): void {
  const missing = offsets.openBelow(start);
  if (missing.length === 0) return;
  const positions = [positionOf(partition, missing[0]!.from), positionOf(partition, missing.at(-1)!.to - 1)];
  offsets.finish(offsets.low, start);
  tell(consumer, partition, positions, 'messages were removed before the group had handled them');
}

/** The log ends before what the group has handled: an election of a replica that had less, or another topic of the same name. */
function tellCutBack(consumer: Consumer, partition: number, { from, to }: { from: number; to: number }, isOther: boolean): void {
  const positions = [positionOf(partition, from), positionOf(partition, Math.max(from, to - 1))];
  tell(consumer, partition, positions, isOther ? 'the topic was made anew' : 'the log was cut back');
}

/** What was not handled of a topic that is gone, as far as this member has heard of it. */
function tellMadeAnew(consumer: Consumer, { name: stream, partition, offsets, logEnd }: HeldPartition): void {
  const missing = offsets.openBelow(logEnd);
  const what = 'the topic was made anew';
  if (missing.length === 0) consumer.log.warn({ topic: consumer.topicName, group: consumer.group, stream }, what);
  else tell(consumer, partition, [positionOf(partition, missing[0]!.from), positionOf(partition, missing.at(-1)!.to - 1)], what);
}

function tell({ topicName: topic, group, log, onLoss }: Consumer, partition: number, positions: readonly string[], what: string): void {
  const loss = { topic, group, stream: `${topic}/${partition}`, positions };
  log.error(loss, what);
  onLoss(loss);
}
