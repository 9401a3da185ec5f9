import { backoffMs } from '../connections/backoff.ts';
import { once } from '../connections/once.ts';
import type { RabbitConnection, RabbitDelivery } from '../connections/rabbitmq/index.ts';
import type { ConsumerLogger } from '../consuming/consumer.ts';
import { retryDelayMs } from '../consuming/retry.ts';
import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import type { Failure } from '../dead-letters.ts';
import { Pause } from '../pause.ts';
import type { Copies, Reason } from './copies.ts';
import { type Incoming, incoming } from './incoming.ts';
import { openIntake } from './intake.ts';
import { decodePayload, header, headersOf, received, textHeader } from './message.ts';
import { explainMissing, type QueueDeclaration } from './names.ts';
import type { Backlog, Job, Scheduler } from './scheduler.ts';
import type { Task, TaskHandler, TaskRetry, Worker } from './task.ts';

/** What a worker works with; every default is in it. */
export interface WorkerGround {
  readonly queue: string;
  readonly declared: QueueDeclaration;
  readonly connection: RabbitConnection;
  readonly copies: Copies;
  readonly scheduler: Scheduler;
  readonly prefetch: number;
  readonly concurrency: number;
  readonly retry: TaskRetry;
  /** Name of this process in histories of failures. */
  readonly consumer: string;
  readonly drainMs: number;
  readonly log: ConsumerLogger;
  readonly handler: TaskHandler<unknown>;
}

/** Settled here while their channel was lost: they come again, and are answered without another attempt. */
const rememberedKeys = 10_000;
const maxPauseMs = 5_000;

/** A worker at work. */
interface WorkerState {
  readonly ground: WorkerGround;
  readonly jobs: Map<string, Job>;
  readonly settled: Set<string>;
  readonly abort: AbortController;
  readonly backlog: Backlog;
  /** What is being put back. */
  readonly leaving: Set<Promise<void>>;
}

/** Begins to work on a queue; resolves when the broker has begun to deliver. */
export async function startWorker(ground: WorkerGround): Promise<Worker> {
  const { connection, queue, drainMs, concurrency, prefetch } = ground;
  const intake = openIntake(queue, prefetch, (delivery) => take(state, delivery));
  const backlog = ground.scheduler.openBacklog({
    ...{ concurrency, intake },
    run: (job) => attempt(state, job),
    putBack: (job) => leave(state, job, (copies) => copies.postpone(job.task)),
    async quiet() {
      while (state.leaving.size > 0) await Promise.all(state.leaving);
    },
  });
  const state: WorkerState = { ground, jobs: new Map(), settled: new Set(), abort: new AbortController(), backlog, leaving: new Set() };
  const consumer = await connection
    .openConsumer(async (setup) => {
      // What waited for its turn when the last channel was lost is delivered again, here or elsewhere.
      setup.channel.once('close', () => {
        for (const { task } of backlog.halt()) state.jobs.delete(task.key);
      });
      backlog.go();
      await intake.renew(setup);
    })
    .catch((error: unknown) => {
      backlog.halt(true);
      throw explainMissing(error, `queue ${queue}`);
    });
  const close = once(async () => {
    // What is put back is bounded as well: a broker that blocks publishers takes no copies, and gets the deliveries back instead.
    const timer = setTimeout(() => state.abort.abort(), drainMs);
    const unbegun = backlog.halt(true);
    await intake.stop();
    await Promise.all([...unbegun, ...backlog.halt(true)].map((job) => leave(state, job)));
    await consumer.close();
    clearTimeout(timer);
    state.abort.abort();
  });
  return {
    get running() {
      return backlog.running;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A delivery has come: it joins the same task at hand, or waits for its turn, or needs none. */
function take(state: WorkerState, delivery: RabbitDelivery): void {
  const { ground, jobs, backlog, settled } = state;
  const task = incoming(delivery.message, ground.declared);
  if (settled.delete(task.key)) return void delivery.ack();
  const present = jobs.get(task.key);
  if (present !== undefined) return void present.deliveries.push(delivery);
  const spent = isSpent(ground, task);
  const last = !spent && task.earlier + task.returned >= leastLost(ground);
  const job: Job = { task, deliveries: [delivery], suspect: last && task.unanswered > 0 };
  jobs.set(task.key, job);
  // Its queue gives it up, or loses count (classic), when this delivery is lost as well: from now on our header counts.
  if (task.returned > 0 && !spent && (last || ground.declared.type === 'classic'))
    void leave(state, job, (copies) => copies.requeue(task, true));
  else backlog.add(job);
}

/** From so many lost attempts on it is begun alone. One is no proof: the process may have ended before it came to the task. */
function leastLost({ retry }: WorkerGround): number {
  return Math.max(retry.maxRetries, 1);
}

/** It is alone twice: another one can have been lost in the moment in which it was put back. */
function isSpent(ground: WorkerGround, { earlier, returned }: Incoming): boolean {
  return returned > 0 && earlier + returned > leastLost(ground) + 1;
}

/** Back into the queue, unbegun. */
async function leave(state: WorkerState, job: Job, copy = (copies: Copies) => copies.requeue(job.task, false)): Promise<void> {
  const leaving = settle(state, job, () => copy(state.ground.copies));
  state.leaving.add(leaving);
  await leaving;
  state.leaving.delete(leaving);
}

/** Never rejects. */
async function attempt(state: WorkerState, job: Job): Promise<void> {
  const { ground } = state;
  const { task } = job;
  if (Date.now() > task.expires) return giveUp(state, job, task.failures, 'expired');
  if (isSpent(ground, task)) return giveUp(state, job, [...task.failures, lostAttempt(state, task)], 'exhausted');
  try {
    await ground.handler(taskFor(state, task));
  } catch (error) {
    return failed(state, job, error);
  }
  await settle(state, job);
}

async function failed(state: WorkerState, job: Job, error: unknown): Promise<void> {
  const { queue, retry, consumer, log, copies } = state.ground;
  const { task } = job;
  const number = task.earlier + task.returned + 1;
  const message = error instanceof Error ? error.message : String(error);
  const failures = [...task.failures, { attempt: number, at: new Date().toISOString(), message, consumer }];
  log.warn({ queue, task: task.id, attempt: number, error: message }, 'task failed');
  if (isMillraceError(error, 'EVENT_REJECTED')) return giveUp(state, job, failures, 'rejected');
  if (number > retry.maxRetries) return giveUp(state, job, failures, 'exhausted');
  const delayMs = Math.ceil(retryDelayMs(retry, number));
  await settle(state, job, () => copies.repeat(task, failures, delayMs));
}

function lostAttempt({ ground }: WorkerState, { earlier, returned }: Incoming): Failure {
  return { attempt: earlier + returned, message: 'the process or its connection ended during the attempt', consumer: ground.consumer };
}

async function giveUp(state: WorkerState, job: Job, failures: readonly Failure[], reason: Reason): Promise<void> {
  const { queue, declared, log, copies } = state.ground;
  const { deadLetterQueue } = declared;
  await settle(state, job, () => copies.setAside(job.task, failures, reason));
  const kept = deadLetterQueue === undefined ? 'task was given up and is gone: its queue has no deadLetterQueue' : 'task was given up';
  log.error({ queue, task: job.task.id, reason, deadLetterQueue, error: failures.at(-1)?.message }, kept);
}

/** Acknowledges a task, after its copy has been confirmed if there is one to be made. */
async function settle(state: WorkerState, job: Job, copy?: () => Promise<void>): Promise<void> {
  const { jobs, settled } = state;
  const { task, deliveries } = job;
  if (copy !== undefined && !(await persistently(state, task, copy))) {
    jobs.delete(task.key);
    for (const delivery of deliveries) delivery.nack();
    return;
  }
  jobs.delete(task.key);
  const acknowledged = deliveries.map((delivery) => delivery.ack());
  if (acknowledged.at(-1) === true) return;
  settled.add(task.key);
  if (settled.size > rememberedKeys) settled.delete(settled.values().next().value!);
}

/** The task stays at hand until its copy is confirmed. @returns false when that cannot be before the worker closes */
async function persistently({ ground, abort }: WorkerState, { id }: Incoming, copy: () => Promise<void>): Promise<boolean> {
  const { queue, log } = ground;
  for (let tries = 1; !abort.signal.aborted; tries++) {
    try {
      await copy();
      return true;
    } catch (error) {
      log.warn({ queue, task: id, error: String(error) }, 'task could not be put back or set aside; trying again');
      if (isMillraceError(error, 'CONNECTION_CLOSED')) return false;
    }
    await new Pause().wait(backoffMs(tries, maxPauseMs), abort.signal);
  }
  return false;
}

function taskFor({ ground, abort }: WorkerState, { message, id, earlier, returned, failures }: Incoming): Task {
  const headers = headersOf(message);
  const { fields } = message;
  return Object.assign(
    received(message, id, ground.queue, payloadOf(message), () => abort.signal),
    {
      queue: ground.queue,
      exchange: textHeader(headers, header.exchange) ?? fields.exchange,
      routingKey: textHeader(headers, header.routingKey) ?? fields.routingKey,
      attempt: earlier + returned + 1,
      redelivered: fields.redelivered || earlier > 0,
      failures,
    },
  );
}

/** A payload that cannot be read now can never be. */
function payloadOf(message: Incoming['message']): unknown {
  try {
    return decodePayload(message);
  } catch (cause) {
    throw new MillraceError('EVENT_REJECTED', `the payload says that it is JSON and is not: ${String(cause)}`, { cause });
  }
}
