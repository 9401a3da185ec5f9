import { pino } from 'pino';
import type { ServiceHandle } from '../binding/index.ts';
import { once } from '../connections/once.ts';
import { connectRabbit, type RabbitConnection } from '../connections/rabbitmq/index.ts';
import { type WhenAsked, whenAsked } from '../connections/when-asked.ts';
import type { ConsumerLogger } from '../consuming/consumer.ts';
import { MillraceError } from '../contracts/errors.ts';
import { delayLevel } from '../contracts/rabbit-delays.ts';
import type { Topology } from '../contracts/topology.ts';
import { processName } from '../process-name.ts';
import { type Caller, openCaller } from './call.ts';
import { copiesFor } from './copies.ts';
import { explainMissing, type Names, namesOn, type QueueDeclaration } from './names.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';
import { publishTo, send } from './send.ts';
import { startServer } from './serve.ts';
import type { CallHandler, CallOptions, RoutedOptions, SendOptions, ServeOptions, TaskHandler, Worker, WorkOptions } from './task.ts';
import { type Publish, windowed } from './window.ts';
import { startWorker } from './worker.ts';

export { type RemoteFailure, remoteFailure } from './call.ts';
export type * from './task.ts';

export interface TasksOptions {
  /** A RabbitMQ of the binding. */
  readonly service: ServiceHandle;
  readonly topology: Topology;
  /** Name of this process in the broker's list of connections and in histories of failures. @default host name and process id */
  readonly name?: string;
  /** How long `close()` lets running handlers go on before it aborts their signals; a second later they are left to themselves. @default 10_000 */
  readonly drainMs?: number;
  /** @default warnings and errors to standard output */
  readonly logger?: ConsumerLogger;
}

/** What calls and answers have come to since `openTasks`. */
export interface CallFigures {
  /** Calls of this process that wait for an answer. */
  readonly outstanding: number;
  /** Answers that came when nobody waited for them any more; they are dropped. */
  readonly lateReplies: number;
  /** Requests whose deadline had passed when their turn came here; they are dropped. */
  readonly expiredRequests: number;
}

/** Work queues, exchanges and calls on a RabbitMQ, as the topology declares them. */
export interface Tasks extends AsyncDisposable {
  readonly calls: CallFigures;
  /**
   * Puts a task into a queue. The payload travels as JSON, bytes as they are. Resolves when the broker has the task on disk (quorum queues: on most nodes).
   *
   * Not guaranteed: that a task whose promise was rejected with CONNECTION_FAILED or CONNECTION_TIMEOUT was not taken. Send it again under the same `id`.
   *
   * @returns its id
   * @throws {MillraceError} QUEUE_UNKNOWN; TASK_INVALID when `options` ask for what the queue does not have; MESSAGE_UNROUTABLE when it is not on the broker;
   * PUBLISH_FAILED when it is full; and as `RabbitPublisher.publish`.
   */
  send(queue: string, payload: unknown, options?: SendOptions): Promise<string>;
  /**
   * Publishes a task for every queue that is bound to the exchange and fits: all of a fanout, by `routingKey` of a direct or topic, by `headers` of a headers one.
   *
   * @returns its id, the same in every queue
   * @throws {MillraceError} as `send`; MESSAGE_UNROUTABLE when no queue fits.
   */
  publish(exchange: string, payload: unknown, options?: RoutedOptions): Promise<string>;
  /**
   * Works on the tasks of a queue until it is closed.
   *
   * A failed task comes again to this queue alone, after a pause, `maxRetries` times; then it goes to the queue's `deadLetterQueue` with the history of its
   * failures, or away where there is none. A task that ends its process is found out and set aside as well.
   *
   * Not guaranteed: that a task is handled once (use the inbox), nor any order. In a queue with `ttlSeconds` each repetition begins to wait anew. RabbitMQ takes a task
   * back that has not been answered within its `consumer_timeout`, 30 minutes: split what takes longer.
   *
   * @throws {MillraceError} QUEUE_UNKNOWN when it is not declared or not on the broker; CONNECTION_CLOSED after `close()`; and as `connectRabbit`.
   */
  work<T = unknown>(queue: string, options: WorkOptions, handler: TaskHandler<T>): Promise<Worker>;
  /**
   * Asks whoever serves a queue, and waits for the answer. A request that has none when the connection is lost is sent again, under its id, until its deadline.
   *
   * Not guaranteed: that a request is carried out once. A server process answers a request that it gets twice from memory; another one carries it out again,
   * unless its handler uses the inbox. After CALL_DEADLINE it may have been carried out, or still be.
   *
   * @throws {MillraceError} CALL_FAILED when the server's handler threw: see `remoteFailure`; CALL_DEADLINE after `timeoutMs`; TASK_INVALID for a `timeoutMs` that is
   * out of range; QUEUE_UNKNOWN; MESSAGE_UNROUTABLE.
   * @throws the reason of `signal`
   */
  call<T = unknown>(queue: string, payload: unknown, options?: CallOptions): Promise<T>;
  /**
   * Answers the calls of a queue until it is closed. Requests whose deadline has passed are dropped, by the broker while they wait and by the server before they
   * begin; the clocks of caller and server are compared for that. Declare the queue without `deadLetterQueue`, or those go there.
   *
   * @throws {MillraceError} as `work`
   */
  serve<T = unknown>(queue: string, options: ServeOptions, handler: CallHandler<T>): Promise<Worker>;
  close(): Promise<void>;
}

/**
 * Opens work queues, exchanges and calls of a RabbitMQ. Two connections: one publishes, the other, opened by the first `work` or `serve`, consumes.
 *
 * @throws {MillraceError} as `connectRabbit`: CONNECTION_FAILED, CONNECTION_REFUSED_CREDENTIALS, ACCESS_DENIED.
 * @example
 * const binding = await loadBinding();
 * await using tasks = await openTasks({ service: binding.service('tasks', 'rabbitmq'), topology: await readTopology(binding) });
 * await using worker = await tasks.work<{ to: string }>('emails', { concurrency: 10 }, async (task) => {
 *   await mail(task.payload.to);
 * });
 * await tasks.send('emails', { to: 'somebody@example.com' }, { delayMs: 60_000 });
 * @example
 * await using server = await tasks.serve<{ sku: string }>('prices', {}, async ({ payload }) => priceOf(payload.sku));
 * const price = await tasks.call<number>('prices', { sku: 'A-1' }, { timeoutMs: 2_000 });
 */
export async function openTasks(options: TasksOptions): Promise<Tasks> {
  const { service, topology, name = processName(), drainMs = 10_000 } = options;
  const log = options.logger ?? pino({ name: 'millrace', level: 'warn' });
  const publishing = await connectRabbit(service, { name: `${name} publish` });
  const names = namesOn(topology, service.name);
  const state: TasksState = {
    service,
    name,
    drainMs,
    log,
    publishing,
    names,
    // The signals of handlers are aborted first, and they get a second for that.
    consuming: whenAsked(() => connectRabbit(service, { name: `${name} consume`, closeTimeoutMs: drainMs + 1_000 })),
    caller: whenAsked(() => openCaller(publishing, names)),
    workers: new Set(),
    scheduler: createScheduler(),
    expired: 0,
    closed: false,
  };
  const publish = await publisherOn(state).catch(async (error: unknown) => {
    await publishing.close();
    throw error;
  });
  return tasksIn(state, publish);
}

interface TasksState {
  readonly service: ServiceHandle;
  readonly name: string;
  readonly drainMs: number;
  readonly log: ConsumerLogger;
  readonly names: Names;
  readonly publishing: RabbitConnection;
  readonly workers: Set<Worker>;
  readonly scheduler: Scheduler;
  readonly consuming: WhenAsked<RabbitConnection>;
  readonly caller: WhenAsked<Caller>;
  /** Opened when first asked for, and kept. */
  copying?: Promise<Publish>;
  opened?: Caller;
  expired: number;
  closed: boolean;
}

function tasksIn(state: TasksState, publish: Publish): Tasks {
  const { names } = state;
  const close = once(() => closeTasks(state));
  return {
    get calls() {
      return { outstanding: state.opened?.outstanding ?? 0, lateReplies: state.opened?.late ?? 0, expiredRequests: state.expired };
    },
    send: (queue, payload, options = {}) => send(names, publish, queue, payload, options),
    publish: (exchange, payload, options = {}) => publishTo(names, publish, exchange, payload, options),
    work: (queue, options, handler) => work(state, queue, options, handler as TaskHandler<unknown>),
    async call<T>(queue: string, payload: unknown, options: CallOptions = {}) {
      requireOpen(state);
      state.opened = await state.caller.get();
      return (await state.opened.call(queue, payload, options)) as T;
    },
    serve: (queue, options, handler) => serve(state, publish, queue, options, handler as CallHandler<unknown>),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function publisherOn({ publishing }: Pick<TasksState, 'publishing'>): Promise<Publish> {
  return windowed(await publishing.openPublisher());
}

/** Copies have a channel of their own: where an exchange is missing, the broker ends the channel with all that is under way on it. */
async function copyingOn({ publishing }: TasksState): Promise<Publish> {
  const publisher = await publishing
    .openPublisher((channel) => channel.checkExchange(delayLevel(0)))
    .catch((error: unknown) => {
      throw explainMissing(error, `exchange ${delayLevel(0)}, which delays tasks,`);
    });
  return windowed(publisher);
}

/** What could not be opened is opened anew by the next one who asks. */
function copiesOf(state: TasksState): Promise<Publish> {
  state.copying ??= copyingOn(state).catch((error: unknown) => {
    delete state.copying;
    throw error;
  });
  return state.copying;
}

async function work(state: TasksState, queue: string, options: WorkOptions, handler: TaskHandler<unknown>): Promise<Worker> {
  requireOpen(state);
  const { names, name, drainMs, log, scheduler } = state;
  const declared = names.queue(queue);
  const { retry } = options;
  const [connection, copying] = await Promise.all([state.consuming.get(), copiesOf(state)]);
  return joining(
    state,
    await startWorker({
      ...{ queue, declared, connection, drainMs, log, scheduler, handler, consumer: name, ...loadOf(declared, options) },
      copies: copiesFor(queue, declared.deadLetterQueue, copying),
      retry: {
        maxRetries: retry?.maxRetries ?? declared.maxRetries ?? 5,
        initialDelayMs: retry?.initialDelayMs ?? 1_000,
        maxDelayMs: retry?.maxDelayMs ?? 300_000,
      },
    }),
  );
}

async function serve(
  state: TasksState,
  publish: Publish,
  queue: string,
  options: ServeOptions,
  handler: CallHandler<unknown>,
): Promise<Worker> {
  requireOpen(state);
  const { names, drainMs, log } = state;
  const declared = names.queue(queue);
  const onExpired = (): void => {
    state.expired += 1;
  };
  const connection = await state.consuming.get();
  const ground = { queue, declared, connection, publish, drainMs, log, handler, onExpired, ...loadOf(declared, options) };
  return joining(state, await startServer(ground));
}

function loadOf(declared: QueueDeclaration, { prefetch, concurrency }: ServeOptions): Required<ServeOptions> {
  const most = Math.max(prefetch ?? declared.prefetch, concurrency ?? 1);
  return { prefetch: most, concurrency: concurrency ?? most };
}

function joining(state: TasksState, worker: Worker): Worker {
  const close = once(async () => {
    await worker.close();
    state.workers.delete(joined);
  });
  const joined: Worker = {
    get running() {
      return worker.running;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  state.workers.add(joined);
  return joined;
}

function requireOpen({ closed, service }: TasksState): void {
  if (closed) throw new MillraceError('CONNECTION_CLOSED', `tasks on ${service.name} are closed`);
}

/** Handlers may still send tasks and make calls while they end; so the publishing connection goes last. */
async function closeTasks(state: TasksState): Promise<void> {
  state.closed = true;
  await Promise.all([...state.workers].map((worker) => worker.close()));
  await state.consuming.close();
  await state.caller.close();
  await state.publishing.close();
}
