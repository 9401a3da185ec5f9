import { isMillraceError } from '../../contracts/errors.ts';
import type { Delivery } from '../../transport.ts';
import { acknowledge } from './acknowledge.ts';
import type { Consumer } from './consumer.ts';
import { giveUp } from './give-up.ts';
import { forget, type HeldStream, type Lane, type Message, shedFollowers, takeUpAgain } from './held-stream.ts';
import { attemptScript } from './holder.lua.ts';
import { isSuperseded, isSure, runAsHolder } from './lease.ts';
import { retryDelayMs } from './retry.ts';

/** Pause before asking the server again for something it could not do. */
const serverPauseMs = 200;

/** Runs handlers: one at a time for a key, `concurrency` in all, and only while the lease of the stream is sure. */
export interface Worker {
  /** Queues a lane whose first message can be handled. */
  add(lane: Lane): void;
  /** Begins nothing further. */
  stop(): void;
  active(): number;
}

type Outcome = 'handled' | 'given up' | 'blocked' | 'again' | 'server failed' | 'not ours';

/** @param onProgress told whenever a handler has ended, so that there may be room for more or an end to wait for. */
export function createWorker(consumer: Consumer, onProgress: () => void): Worker {
  const ready: Lane[] = [];
  let active = 0;
  let alone = false;
  let stopped = false;

  const pump = (): void => {
    while (active < consumer.concurrency && !alone && !stopped) {
      const lane = ready[0];
      if (lane === undefined) return;
      const { held } = lane;
      const gone = held.lost || held.draining;
      if (!gone && lane.queue[0]!.alone && (active > 0 || isOwing(consumer))) return;
      ready.shift();
      if (gone) continue;
      if (isSure(held.lease)) void work(lane, lane.queue[0]!);
      else consumer.lose(held);
    }
  };
  const requeue = (lane: Lane): void => {
    lane.state = 'ready';
    ready.push(lane);
  };
  const wait = (lane: Lane, delayMs: number): void => {
    const { held } = lane;
    shedFollowers(lane);
    lane.state = 'waiting';
    held.load -= 1;
    held.waiting += 1;
    lane.timer = setTimeout(() => {
      if (held.lost) return;
      held.load += 1;
      held.waiting -= 1;
      requeue(lane);
      pump();
    }, delayMs);
  };
  const finish = (lane: Lane, message: Message, outcome: 'handled' | 'given up' | 'blocked'): void => {
    const { held } = lane;
    lane.queue.shift();
    if (outcome === 'handled') {
      held.load -= 1;
      acknowledge(consumer, held, message.id, pump);
    } else forget(held, message);
    if (outcome === 'blocked') for (const later of lane.queue.splice(0)) leave(held, later);
    if (lane.queue.length > 0) {
      requeue(lane);
      return;
    }
    held.lanes.delete(lane.key);
    if (lane.shed) takeUpAgain(held);
  };
  const settle = (lane: Lane, message: Message, outcome: Outcome): void => {
    if (outcome === 'not ours' || lane.held.lost) return;
    if (outcome === 'again') wait(lane, retryDelayMs(consumer.topic.retry, message.attempt++));
    else if (outcome === 'server failed') wait(lane, serverPauseMs);
    else finish(lane, message, outcome);
  };
  const work = async (lane: Lane, message: Message): Promise<void> => {
    lane.state = 'running';
    active += 1;
    alone = message.alone;
    lane.held.running += 1;
    const outcome = await attempt(consumer, lane, message);
    lane.held.running -= 1;
    alone = false;
    active -= 1;
    settle(lane, message, outcome);
    onProgress();
    pump();
  };
  return {
    add(lane) {
      ready.push(lane);
      pump();
    },
    stop() {
      stopped = true;
    },
    active: () => active,
  };
}

/** Whether acknowledgements are not confirmed yet: what was handled must not look unhandled if the next event kills the process. */
function isOwing({ held }: Consumer): boolean {
  return [...held.values()].some(({ acknowledging }) => acknowledging);
}

function leave(held: HeldStream, message: Message): void {
  forget(held, message);
  held.unbegun.set(message.id, message.attempt - 1);
}

async function attempt(consumer: Consumer, lane: Lane, message: Message): Promise<Outcome> {
  try {
    if (exhausted(consumer, message)) return (await giveUp(consumer, lane, message)) ? 'blocked' : 'given up';
    // Reading counted the first attempt; later ones are counted before they begin, so that an event that kills its process is found out.
    if (message.attempt > 1)
      await runAsHolder(consumer.control, attemptScript, consumer, lane.held.lease, [message.id, String(message.attempt)]);
  } catch (error) {
    return serverOutcome(consumer, lane, error);
  }
  // The answer may have taken longer than the lease.
  if (message.attempt > 1 && !isSure(lane.held.lease)) return serverOutcome(consumer, lane, undefined);
  message.begun = true;
  try {
    await consumer.handler(message.event, deliveryOf(consumer, lane.held, message));
    return 'handled';
  } catch (error) {
    message.begun = false;
    if (lane.held.lost) return 'not ours';
    if (isMillraceError(error, 'CONSUMER_LEASE_LOST')) {
      consumer.lose(lane.held); // taken again under a newer fence if it is still ours
      return 'not ours';
    }
    return noteFailure(consumer, lane, message, error);
  }
}

function exhausted({ topic }: Consumer, { attempt: next, doomed, failures }: Message): boolean {
  return doomed || (next > topic.retry.attempts && failures.some(({ at }) => at !== undefined));
}

function serverOutcome(consumer: Consumer, { held }: Lane, error: unknown): Outcome {
  if (isSuperseded(error) || !isSure(held.lease)) {
    consumer.lose(held);
    return 'not ours';
  }
  consumer.log.warn({ stream: held.stream, error: String(error) }, 'the server failed between two attempts');
  return 'server failed';
}

async function noteFailure(consumer: Consumer, lane: Lane, message: Message, error: unknown): Promise<Outcome> {
  const text = error instanceof Error ? error.message : String(error);
  message.failures.push({ attempt: message.attempt, at: new Date().toISOString(), message: text, consumer: consumer.consumer });
  const { stream } = lane.held;
  consumer.log.warn({ stream, position: message.id, event: message.event.id, attempt: message.attempt, error: text }, 'handler failed');
  if (message.attempt < consumer.topic.retry.attempts) return 'again';
  try {
    return (await giveUp(consumer, lane, message)) ? 'blocked' : 'given up';
  } catch (failure) {
    message.attempt += 1;
    return serverOutcome(consumer, lane, failure);
  }
}

function deliveryOf({ topicName, group, run }: Consumer, held: HeldStream, { id, event, attempt: number }: Message): Delivery {
  return {
    topic: topicName,
    group,
    event,
    position: id,
    attempt: number,
    redelivered: number > 1,
    run,
    signal: held.abort.signal,
    lease: { scope: held.stream, fence: held.lease.fence },
  };
}
