import { isMillraceError } from '../../contracts/errors.ts';
import type { DeadLetter, DeadLetters } from '../../dead-letters.ts';
import { readHeaders, readMessage, writeEvent, writePlain } from './codec.ts';
import type { Consumer } from './consumer.ts';
import { cutDeadLog, statesOf } from './cut.ts';
import { type Ending, isOfTopic, type Letter, type LetterRecord, openDeadLog, parseLetterId } from './dead-log.ts';
import { batchWriter } from './protocol/batch.ts';
import { topicIdOf } from './topic-id.ts';
import { parsePosition } from './topics.ts';

type Ground = Pick<Consumer, 'shared' | 'leaders' | 'appender'>;

/** The dead letters of a group, of those of its consumers that are bound to one tenant as well. */
export function deadLettersOf(ground: Ground, topic: string, group: string): DeadLetters {
  const { shared, leaders, appender } = ground;
  const deadLog = openDeadLog(shared, leaders, appender, topic, group);
  const live = async (signal?: AbortSignal): Promise<Map<string, Letter>> => {
    const records: LetterRecord[] = [];
    try {
      for await (const record of deadLog.read(signal)) records.push(record);
    } catch (error) {
      // A topic that keeps no dead letters has none.
      if (!isMillraceError(error, 'TOPIC_UNKNOWN')) throw error;
    }
    const states = [...statesOf(records)].filter(([, { ending }]) => ending === undefined);
    return new Map(states.flatMap(([id, { letter }]) => (letter === undefined ? [] : [[id, letter] as const])));
  };
  const end = (id: string, ending: Ending): Promise<void> => deadLog.append(id, (to) => writePlain(to, id, undefined, { ending }));
  /** @param first what is done before a letter is marked: interrupted in between, it stays, and is done twice. */
  const endAll = async (ids: readonly string[], ending: Ending, first: (letter: Letter) => Promise<void>): Promise<number> => {
    const letters = await live();
    let count = 0;
    for (const id of new Set(ids)) {
      const letter = letters.get(id);
      if (letter === undefined) continue;
      await first(letter);
      await end(id, ending);
      count += 1;
    }
    if (count > 0) await cutDeadLog(ground, deadLog, topic);
    return count;
  };
  return {
    async *list({ signal } = {}) {
      for (const letter of (await live(signal)).values()) yield shown(letter, topic, group);
    },
    redrive: (ids) => endAll(ids, 'redrive', (letter) => sendAgain(ground, topic, letter)),
    drop: (ids) => endAll(ids, 'drop', async () => undefined),
  };
}

/**
 * Publishes an event once more, for the group that has given it up alone. One that blocks its key lies where it was, and its consumer takes it up again; unless
 * its topic was made anew.
 */
async function sendAgain({ shared, leaders, appender }: Ground, topic: string, { id, record, groupId, blocking }: Letter): Promise<void> {
  if (blocking && isOfTopic(parseLetterId(id), await topicIdOf(shared, topic))) return;
  const { event } = readMessage(record, false);
  const writer = batchWriter(Date.now());
  const address = { group: groupId };
  if (isMillraceError(event)) writer.add((to) => writePlain(to, id, record.value(), address, foreignHeaders(record)));
  else writer.add((to) => writeEvent(to, event, address));
  // A topic that was made anew may have fewer.
  const partition = parsePosition(parseLetterId(id).position).partition % (await leaders.of(topic)).length;
  const [outcome] = await appender.append(topic, [{ partition, count: 1, records: writer.finish() }]);
  if (outcome instanceof Error) throw outcome;
}

function foreignHeaders(record: Letter['record']) {
  return readHeaders(record).filter(({ name }) => !name.startsWith('millrace-'));
}

function shown({ id, record, at, failures, blocking }: Letter, topic: string, group: string): DeadLetter {
  const { event } = readMessage(record, false);
  const letter = { id, topic, group, position: parseLetterId(id).position, at, failures, blocking };
  return isMillraceError(event) ? letter : { ...letter, event };
}
