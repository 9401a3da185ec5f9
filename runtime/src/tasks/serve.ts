import { backoffMs } from '../connections/backoff.ts';
import { once } from '../connections/once.ts';
import type { RabbitConnection, RabbitDelivery } from '../connections/rabbitmq/index.ts';
import type { ConsumerLogger } from '../consuming/consumer.ts';
import { isMillraceError } from '../contracts/errors.ts';
import { Pause } from '../pause.ts';
import { type Answer, type Answers, openAnswers } from './answers.ts';
import { type Incoming, incoming } from './incoming.ts';
import { openIntake } from './intake.ts';
import { decodePayload, encodePayload, header, headersOf, numberHeader, received } from './message.ts';
import { explainMissing, type QueueDeclaration } from './names.ts';
import { type Backlog, createScheduler, type Job } from './scheduler.ts';
import type { Call, CallHandler, Worker } from './task.ts';
import type { Publish } from './window.ts';

export interface ServerGround {
  readonly queue: string;
  readonly declared: QueueDeclaration;
  readonly connection: RabbitConnection;
  readonly publish: Publish;
  readonly prefetch: number;
  readonly concurrency: number;
  readonly drainMs: number;
  readonly log: ConsumerLogger;
  /** Told of a request whose deadline had passed when its turn came. */
  readonly onExpired: () => void;
  readonly handler: CallHandler<unknown>;
}

interface ServerState {
  readonly ground: ServerGround;
  readonly answers: Answers;
  readonly backlog: Backlog;
  /** One for each handler that has asked for its signal. */
  readonly aborts: Set<AbortController>;
}

/** A request that was lost so often with its process is answered with a failure. Classic queues do not count; there its deadline ends it. */
const mostReturns = 3;

/** Answers the requests of a queue; resolves when the broker has begun to deliver. */
export async function startServer(ground: ServerGround): Promise<Worker> {
  const { connection, queue, drainMs } = ground;
  const intake = openIntake(queue, ground.prefetch, (delivery) => take(state, delivery));
  // A scheduler of its own: callers do not wait for a task that has to run alone.
  const backlog = createScheduler().openBacklog({
    ...{ concurrency: ground.concurrency, intake },
    run: (job) => handle(state, job),
    putBack: () => Promise.resolve(),
    quiet: () => Promise.resolve(),
  });
  const state: ServerState = { ground, answers: openAnswers(), backlog, aborts: new Set() };
  const consumer = await connection
    .openConsumer((setup) => intake.renew(setup))
    .catch((error: unknown) => {
      throw explainMissing(error, `queue ${queue}`);
    });
  const close = once(async () => {
    await intake.stop();
    for (const { deliveries } of backlog.halt(true)) for (const delivery of deliveries) delivery.nack();
    const timer = setTimeout(() => abortAll(state), drainMs);
    await consumer.close();
    clearTimeout(timer);
    abortAll(state);
  });
  return {
    get running() {
      return backlog.running;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function abortAll({ aborts }: ServerState): void {
  for (const controller of aborts) controller.abort();
}

function take(state: ServerState, delivery: RabbitDelivery): void {
  const { ground, answers, backlog } = state;
  const task = incoming(delivery.message, ground.declared);
  if (replyToOf(delivery) === undefined) {
    ground.log.error({ queue: ground.queue, task: task.id }, 'no request: it does not say where the answer shall go; it was rejected');
    return void delivery.nack({ requeue: false });
  }
  const present = answers.get(task.id);
  if (present === undefined) {
    const deliveries = [delivery];
    answers.begin(task.id, deliveries, deadlineOf(task));
    backlog.add({ task, deliveries, suspect: false });
  } else if (present.answer === undefined) present.deliveries.push(delivery);
  else void reply(state, delivery, task, present.answer);
}

/** Never rejects. */
async function handle(state: ServerState, { task, deliveries }: Job): Promise<void> {
  const { ground, answers } = state;
  if (Date.now() >= deadlineOf(task)) {
    answers.forget(task.id);
    ground.onExpired();
    for (const delivery of deliveries) delivery.ack();
    return;
  }
  const answer = await answerTo(state, task);
  answers.keep(task.id, answer);
  await Promise.all(deliveries.map((delivery) => reply(state, delivery, task, answer)));
}

async function answerTo(state: ServerState, task: Incoming): Promise<Answer> {
  const { ground } = state;
  const { declared, handler, log, queue } = ground;
  if (task.returned >= Math.min(declared.maxRetries ?? mostReturns, mostReturns)) {
    return failure('HANDLER_FAILED', `its server ended ${task.returned} times while it had the request`);
  }
  let controller: AbortController | undefined;
  let timer: NodeJS.Timeout | undefined;
  const signal = (): AbortSignal => {
    if (controller === undefined) {
      const fresh = new AbortController();
      timer = setTimeout(() => fresh.abort(), Math.min(deadlineOf(task) - Date.now(), 2 ** 31 - 1));
      state.aborts.add(fresh);
      controller = fresh;
    }
    return controller.signal;
  };
  try {
    return encodePayload(await handler(callFor(ground, task, signal)));
  } catch (error) {
    const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
    log.warn({ queue, call: task.id, error: String(error) }, 'call failed');
    return failure(typeof code === 'string' ? code : 'HANDLER_FAILED', typeof message === 'string' ? message : String(error));
  } finally {
    clearTimeout(timer);
    if (controller !== undefined) state.aborts.delete(controller);
  }
}

function failure(code: string, message: string): Answer {
  return { ...encodePayload(message), errorCode: code };
}

function callFor({ queue }: ServerGround, task: Incoming, signal: () => AbortSignal): Call {
  const { message, id } = task;
  return Object.assign(received(message, id, queue, decodePayload(message), signal), { queue, deadline: new Date(deadlineOf(task)) });
}

/** Sends the answer and then acknowledges the request, so that a server that ends in between is asked again. Never rejects. */
async function reply({ ground }: ServerState, delivery: RabbitDelivery, task: Incoming, answer: Answer): Promise<void> {
  const { content, contentType, errorCode } = answer;
  const { correlationId } = delivery.message.properties as { correlationId?: string };
  const options = {
    // RabbitMQ takes no answer for routed: `mandatory` would have each come back.
    ...{ messageId: `${task.id} answer`, mandatory: false, persistent: false, correlationId: correlationId ?? task.id },
    headers: errorCode === undefined ? {} : { [header.errorCode]: errorCode },
    ...(contentType !== undefined && { contentType }),
  };
  for (let tries = 1; Date.now() < deadlineOf(task); tries++) {
    try {
      await ground.publish('', replyToOf(delivery)!, { id: task.id, content, options });
      break;
    } catch (error) {
      ground.log.warn({ queue: ground.queue, call: task.id, error: String(error) }, 'answer could not be sent');
      if (!isMillraceError(error) || !error.retriable) break;
    }
    await new Pause().wait(backoffMs(tries, 1_000));
  }
  delivery.ack();
}

function replyToOf({ message }: RabbitDelivery): string | undefined {
  const { replyTo } = message.properties as { replyTo?: unknown };
  return typeof replyTo === 'string' && replyTo !== '' ? replyTo : undefined;
}

/** Foreign requests may have none, or the broker's expiry alone. */
function deadlineOf({ message }: Incoming): number {
  return numberHeader(headersOf(message), header.deadline) ?? Number.MAX_SAFE_INTEGER;
}
