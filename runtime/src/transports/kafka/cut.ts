import type { Consumer } from './consumer.ts';
import { type DeadLog, isOfTopic, type LetterRecord, parseLetterId } from './dead-log.ts';
import { readStandings } from './takeover.ts';
import { parsePosition } from './topics.ts';

/**
 * Removes the records before the first dead letter that still is one, so that the size of its topic tells how many there are.
 *
 * What tells a group of a verdict about an event that blocks its key stays until the group has passed the event.
 */
export async function cutDeadLog(asker: Pick<Consumer, 'shared'>, deadLog: DeadLog, topic: string): Promise<void> {
  const records: LetterRecord[] = [];
  for await (const record of deadLog.read()) records.push(record);
  const states = statesOf(records);
  const blockers = [...states.values()].filter(({ letter, ending }) => letter?.blocking === true && ending !== undefined);
  const passed = await passedBy(
    asker,
    topic,
    blockers.map(({ letter }) => letter!),
  );
  const firstKept = new Map<number, number>();
  for (const { id, partition, offset } of records) {
    const { letter, ending } = states.get(id)!;
    const isOver = ending !== undefined && (letter?.blocking !== true || passed.has(id));
    if (!isOver && !firstKept.has(partition)) firstKept.set(partition, offset);
  }
  for (const partition of new Set(records.map((record) => record.partition))) {
    const first = records.find((record) => record.partition === partition)!.offset;
    const last = records.findLast((record) => record.partition === partition)!.offset;
    const before = firstKept.get(partition) ?? last + 1;
    if (before > first) await deadLog.cut(partition, before);
  }
}

/** What the records say of each dead letter, in the order of the letters. */
export function statesOf(records: readonly LetterRecord[]): Map<string, LetterRecord> {
  const states = new Map<string, LetterRecord>();
  for (const record of records) {
    const before = states.get(record.id);
    if (record.letter !== undefined) {
      states.delete(record.id);
      states.set(record.id, record);
    } else if (before === undefined) states.set(record.id, record);
    else states.set(record.id, { ...before, ending: record.ending });
  }
  return states;
}

/** Ids of those that their group has done with. */
async function passedBy(
  asker: Pick<Consumer, 'shared'>,
  topic: string,
  letters: readonly { readonly id: string; readonly groupId: string }[],
): Promise<ReadonlySet<string>> {
  const passed = new Set<string>();
  for (const groupId of new Set(letters.map((letter) => letter.groupId))) {
    const own = letters
      .filter((letter) => letter.groupId === groupId)
      .map(({ id }) => ({ id, about: parseLetterId(id), ...parsePosition(parseLetterId(id).position) }));
    const standings = await readStandings(asker, groupId, topic, [...new Set(own.map(({ partition }) => partition))]);
    for (const { id, about, partition, offset } of own) {
      const standing = standings.get(partition);
      if (standing === undefined) continue;
      // What the group holds now is the newest topic of that name.
      const isGone = standing.note !== undefined && !isOfTopic(about, standing.note.topicId);
      const isDone =
        isGone || offset < standing.offset || standing.note?.done.some(({ from, to }) => from <= offset && offset < to) === true;
      if (isDone) passed.add(id);
    }
  }
  return passed;
}
