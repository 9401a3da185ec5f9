import type { Message } from '../../consuming/message.ts';
import { Pause } from '../../pause.ts';
import { writePlain } from './codec.ts';
import type { Consumer } from './consumer.ts';
import { cutDeadLog } from './cut.ts';
import { type Ending, isOfTopic, openDeadLog, parseLetterId } from './dead-log.ts';
import { type HeldPartition, offsetOf, type PartitionLane } from './held-partition.ts';
import { parsePosition } from './topics.ts';

const lookMs = 1_000;

/** Follows the dead letters of events that block their keys: what a person decides about one is carried out where its lane waits. */
export interface Blocked {
  /** Finds out, before anything of them begins, which events of partitions are blocked or were dropped. */
  load(partitions: readonly HeldPartition[]): Promise<void>;
  isDropped(held: HeldPartition, offset: number): boolean;
  /** The first event of the lane has a dead letter now. */
  watch(lane: PartitionLane): void;
  /** An event was handled after all. @param letter id of its dead letter */
  resolve(held: HeldPartition, position: string, letter: string): void;
  stop(): Promise<void>;
}

/** @param wake has a waiting lane go on at once. */
export function startBlocked(consumer: Consumer, wake: (lane: PartitionLane) => void): Blocked {
  const { topic, topicName, group, tenant, shared, leaders, appender, log } = consumer;
  const deadLog = openDeadLog(shared, leaders, appender, topicName, group);
  const isKept = topic.deadLetter && topic.onExhausted === 'block';
  const pause = new Pause();
  const ending = new AbortController();
  /** Lanes whose first event has a dead letter, by its position. */
  const lanes = new Map<string, PartitionLane>();
  const dropped = new WeakMap<HeldPartition, Set<number>>();
  const readTo = new Map<number, number>();
  const verdicts = new Map<string, Ending>();
  let cutDue = false;
  let looking: Promise<void> | undefined;

  const drop = (held: HeldPartition, offset: number): void => {
    const known = dropped.get(held) ?? new Set();
    dropped.set(held, known.add(offset));
  };
  /** The first message of a waiting lane, as it shall be now. */
  const replace = (lane: PartitionLane, change: Partial<Message>): void => {
    const changed = { ...lane.queue[0]!, begun: false, failures: [], ...change };
    lane.queue[0] = changed;
    lane.source.known.set(changed.id, changed);
    wake(lane);
  };
  const carryOut = (id: string, verdict: Ending): void => {
    const letter = parseLetterId(id);
    const { position } = letter;
    const found = letter.tenant === tenant ? lanes.get(position) : undefined;
    const lane = found !== undefined && isOfTopic(letter, found.source.topicId) ? found : undefined;
    if (lane?.state === 'running' && !lane.source.lost) return; // once the attempt has ended
    verdicts.delete(id);
    if (lane === undefined || lane.source.lost) return;
    const offset = offsetOf(position);
    lanes.delete(position);
    cutDue = true;
    if (verdict === 'handled') return;
    if (verdict === 'drop') {
      drop(lane.source, offset);
      replace(lane, { doomed: true });
    } else {
      lane.source.blocked.delete(offset);
      replace(lane, { doomed: false, attempt: 1 });
    }
  };
  const look = async (): Promise<void> => {
    const due = cutDue;
    cutDue = false;
    for await (const { id, ending: verdict } of deadLog.read(ending.signal, readTo)) {
      if (verdict === undefined) verdicts.delete(id);
      else verdicts.set(id, verdict);
    }
    for (const [id, verdict] of verdicts) carryOut(id, verdict);
    if (due) await cutDeadLog(consumer, deadLog, topicName);
  };
  const loop = async (): Promise<void> => {
    while ((lanes.size > 0 || cutDue) && !ending.signal.aborted) {
      await pause.wait(lookMs, ending.signal);
      if (ending.signal.aborted) return;
      for (const [position, { source }] of lanes) if (source.lost) lanes.delete(position);
      await look().catch((error: unknown) => {
        if (!ending.signal.aborted) log.warn({ topic: topicName, group, error: String(error) }, 'dead letters could not be looked at');
      });
    }
  };
  const beLooking = (): void => {
    looking ??= loop().finally(() => {
      looking = undefined;
    });
  };
  return {
    async load(taken) {
      if (!isKept) return;
      const byPartition = new Map(taken.map((held) => [held.partition, held]));
      for await (const { id, letter, ending: verdict } of deadLog.read(ending.signal)) {
        const about = parseLetterId(id);
        if (about.tenant !== tenant) continue;
        const place = parsePosition(about.position);
        const held = byPartition.get(place.partition);
        if (held === undefined || !isOfTopic(about, held.topicId) || held.offsets.isDone(place.offset)) continue;
        if (letter !== undefined) held.blocked.set(place.offset, id);
        else if (held.blocked.get(place.offset) === id) held.blocked.delete(place.offset);
        if (verdict === 'drop') held.offsets.finish(place.offset);
      }
    },
    isDropped: (held, offset) => dropped.get(held)?.has(offset) === true,
    watch(lane) {
      if (!isKept) return;
      lanes.set(lane.queue[0]!.id, lane);
      beLooking();
    },
    resolve(held, position, id) {
      lanes.delete(position);
      deadLog
        .append(id, (to) => writePlain(to, id, undefined, { ending: 'handled' }))
        .then(() => {
          cutDue = true;
          beLooking();
        })
        .catch((error: unknown) =>
          log.warn({ stream: held.name, position, error: String(error) }, 'the dead letter of a handled event was left'),
        );
    },
    async stop() {
      ending.abort();
      pause.poke();
      await looking;
    },
  };
}
