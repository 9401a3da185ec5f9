import { attempt, type Outcome } from './attempt.ts';
import type { ConsumerSettings, MessageBroker } from './consumer.ts';
import type { Message } from './message.ts';
import { retryDelayMs } from './retry.ts';
import { forget, type Lane, type Source, type Work } from './source.ts';

/** Pause before asking the server again for something it could not do. */
const serverPauseMs = 200;

/** Between looks for what is away: soon after it is back, and not with all events at once. */
const awayPause = { initialDelayMs: 200, maxDelayMs: 5_000 };

/** Runs handlers: one at a time for a key, `concurrency` in all, and only while the source is surely ours. */
export interface Worker<S extends Source<S>> {
  /** Queues a lane whose first message can be handled. */
  add(lane: Lane<S>): void;
  /** Looks again for what can begin, as after a source has become sure. */
  pump(): void;
  /** Ends the pause of a lane that waits for another attempt; others are left as they are. */
  wake(lane: Lane<S>): void;
  /** Begins nothing further. */
  stop(): void;
  active(): number;
}

/** @param onProgress told whenever a handler has ended, so that there may be room for more or an end to wait for. */
export function createWorker<S extends Source<S>>(settings: ConsumerSettings, broker: MessageBroker<S>, onProgress: () => void): Worker<S> {
  const { concurrency, maxBatch, topic } = settings;
  let ready: Lane<S>[] = [];
  let next = 0; // in `ready`: taking from the front of an array costs its length
  let active = 0;
  let alone = false;
  let stopped = false;

  /** The next lane that is still ours; one that is not, or not surely, is dropped. */
  const peek = (): Lane<S> | undefined => {
    for (; next < ready.length; next++) {
      const lane = ready[next]!;
      const { source } = lane;
      if (source.lost || source.draining) continue;
      if (broker.isSure(source)) return lane;
      broker.lose(source);
    }
    ready = [];
    next = 0;
    return undefined;
  };
  const shift = (): void => {
    next += 1;
    if (next < 1_024) return;
    ready = ready.slice(next);
    next = 0;
  };
  const takeWork = (): Work<S> | undefined => {
    const parts: { lane: Lane<S>; messages: Message[] }[] = [];
    for (let room = maxBatch, lane = peek(); room > 0 && lane !== undefined; lane = peek()) {
      const first = lane.queue[0]!;
      const byItself = goesByItself(first);
      if (byItself && parts.length > 0) break;
      if (first.alone && (active > 0 || broker.isOwing())) break;
      shift();
      lane.state = 'running';
      if (byItself) return { parts: [{ lane, messages: [first] }] };
      const messages = firstOf(lane, room);
      parts.push({ lane, messages });
      room -= messages.length;
    }
    return parts.length === 0 ? undefined : { parts };
  };
  const pump = (): void => {
    while (active < concurrency && !alone && !stopped) {
      const work = takeWork();
      if (work === undefined) return;
      void carryOut(work);
    }
  };
  const requeue = (lane: Lane<S>): void => {
    lane.state = 'ready';
    ready.push(lane);
  };
  const wait = (lane: Lane<S>, delayMs: number): void => {
    const { source } = lane;
    broker.onWait?.(lane);
    lane.state = 'waiting';
    source.load -= 1;
    source.waiting += 1;
    lane.timer = setTimeout(() => wake(lane), delayMs);
  };
  const wake = (lane: Lane<S>): void => {
    const { source, state, timer } = lane;
    if (source.lost || state !== 'waiting') return;
    clearTimeout(timer);
    source.load += 1;
    source.waiting -= 1;
    requeue(lane);
    pump();
  };
  const finish = (lane: Lane<S>, messages: readonly Message[], outcome: 'handled' | 'given up' | 'blocked'): void => {
    const { source, queue } = lane;
    queue.splice(0, messages.length);
    for (const message of messages) {
      if (outcome === 'handled') {
        source.load -= 1;
        broker.acknowledge(source, message, pump);
      } else forget(source, message);
    }
    if (outcome === 'blocked') {
      for (const later of queue.splice(0)) {
        forget(source, later);
        broker.leave?.(source, later);
      }
    }
    if (queue.length > 0) {
      requeue(lane);
      return;
    }
    source.lanes.delete(lane.key);
    broker.onEmpty?.(lane);
  };
  const settle = (lane: Lane<S>, messages: readonly Message[], outcome: Outcome): void => {
    const first = messages[0]!;
    if (lane.source.lost) return;
    // Another source of the batch is lost, and the handler was not called.
    if (outcome === 'not ours') {
      for (const message of messages) message.begun = false;
      requeue(lane);
    } else if (outcome === 'again') wait(lane, retryDelayMs(topic.retry, first.attempt++));
    else if (outcome === 'away') wait(lane, retryDelayMs(awayPause, ++first.away));
    else if (outcome === 'server failed') wait(lane, serverPauseMs);
    else if (outcome === 'one by one') {
      for (const message of messages) message.single = true;
      requeue(lane);
    } else finish(lane, messages, outcome);
  };
  const carryOut = async (work: Work<S>): Promise<void> => {
    active += 1;
    alone = work.parts[0]!.messages[0]!.alone;
    for (const { lane } of work.parts) lane.source.running += 1;
    const outcome = await attempt(settings, broker, work);
    for (const { lane } of work.parts) lane.source.running -= 1;
    alone = false;
    active -= 1;
    for (const { lane, messages } of work.parts) settle(lane, messages, outcome);
    onProgress();
    pump();
  };
  return {
    add(lane) {
      ready.push(lane);
      pump();
    },
    pump,
    wake,
    stop() {
      stopped = true;
    },
    active: () => active,
  };
}

/** Whether a message may share a call of the handler with none: it answers for itself, or is found out. */
function goesByItself({ alone, doomed, single, attempt: number }: Message): boolean {
  return alone || doomed || single || number > 1;
}

/** Messages of a lane that can go together: those up to the first that must go by itself. */
function firstOf<S extends Source<S>>({ queue }: Lane<S>, room: number): Message[] {
  if (room === 1) return [queue[0]!];
  const end = queue.findIndex(goesByItself);
  return queue.slice(0, Math.min(room, end === -1 ? queue.length : end));
}
