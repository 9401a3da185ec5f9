import type { Failure } from '../dead-letters.ts';
import type { TakenDelivery } from '../inbox/index.ts';

/** What goes along with a payload: what people and workers need to know of it. AMQP's own properties carry what they have a name for. */
export interface MessageOptions {
  /** Identity: workers and servers take two messages of one id for the same. A UUIDv7 is what inboxes can decide on. @default a UUIDv7 is drawn */
  readonly id?: string;
  /** What is to be done, where a queue takes several kinds of work. */
  readonly type?: string;
  /** Of the caller's own: text, numbers, booleans; together at most 16 KiB. Names that begin with `x-` are the broker's and ours. */
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
  readonly tenantId?: string;
  readonly actorId?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

export interface PublishTaskOptions extends MessageOptions {
  /** 0 to `maxPriority` of the queue; higher ones are taken first. Only classic queues that declare `maxPriority` have priorities. @default 0 */
  readonly priority?: number;
  /**
   * How long the task may wait. One that has waited longer goes to the dead letters of its queue, or away where there are none; the broker does that when the
   * task has come to the head of its queue. The lower one of this and `ttlSeconds` of the queue holds. A whole number from 1 to 4,294,967,295 ms (49 days).
   *
   * @default as long as the queue keeps it
   */
  readonly ttlMs?: number;
}

export interface SendOptions extends PublishTaskOptions {
  /** Not before so many milliseconds from now; rounded up to whole seconds, at most 12 days (1,048,575 s). @default 0 */
  readonly delayMs?: number;
}

export interface RoutedOptions extends PublishTaskOptions {
  /** What the bindings of a direct or topic exchange are compared with. @default '' */
  readonly routingKey?: string;
}

/** How often a failed task is tried again, and when. */
export interface TaskRetry {
  /** Repetitions after the first attempt. @default `maxRetries` of the queue, else 5 */
  readonly maxRetries: number;
  /** Pause after the first failure; it doubles with each, of which a random half is taken off. The broker waits whole seconds. @default 1_000 */
  readonly initialDelayMs: number;
  /** @default 300_000 */
  readonly maxDelayMs: number;
}

export interface WorkOptions {
  /** Tasks that the broker hands over before it has the answer to the first. @default the queue's */
  readonly prefetch?: number;
  /** Handlers at once in this process. @default `prefetch` */
  readonly concurrency?: number;
  readonly retry?: Partial<TaskRetry>;
}

/** What came out of a queue. `event` and `run` are its form for the inbox: `once(pool, 'mails', task, effect)` has effects once for a task's id. */
export interface Received<T> extends Pick<TakenDelivery, 'event' | 'run'> {
  /** As its sender gave it; drawn anew at every delivery when the sender gave none. */
  readonly id: string;
  readonly type: string | undefined;
  /** Parsed where it was sent as JSON, else its bytes. */
  readonly payload: T;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly tenantId: string | undefined;
  readonly actorId: string | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  /** Aborted when `close()` has waited long enough, and for a call when its deadline has passed. */
  readonly signal: AbortSignal;
}

/** A task on its way through a handler. */
export interface Task<T = unknown> extends Received<T> {
  readonly queue: string;
  /** Exchange and routing key that it was published with first. */
  readonly exchange: string;
  readonly routingKey: string;
  /** 1 for the first one. */
  readonly attempt: number;
  /** Whether an earlier delivery of it was begun, or may have been. */
  readonly redelivered: boolean;
  /** The attempts before this one. */
  readonly failures: readonly Failure[];
}

/** Returning acknowledges. Throwing has the task tried again later; MillraceError EVENT_REJECTED sets it aside at once. */
export type TaskHandler<T> = (task: Task<T>) => Promise<void>;

/** A worker on a queue. `close()` takes no more tasks, waits for those that run, and puts those that wait back into the queue. */
export interface Worker extends AsyncDisposable {
  /** Handlers that run now. */
  readonly running: number;
  close(): Promise<void>;
}

export interface CallOptions extends MessageOptions {
  /**
   * Time for the answer: waiting in the queue, the handler, lost connections. Above 0, at most 2,147,483,647 ms (24 days), rounded up to whole milliseconds.
   *
   * @default 10_000
   */
  readonly timeoutMs?: number;
  /** Gives the call up; the server is not told. */
  readonly signal?: AbortSignal;
}

export interface ServeOptions {
  /** @default the queue's */
  readonly prefetch?: number;
  /** Handlers at once in this process. @default `prefetch` */
  readonly concurrency?: number;
}

/** A request on its way through a server's handler. */
export interface Call<T = unknown> extends Received<T> {
  readonly queue: string;
  /** When the caller stops waiting, by the caller's clock. */
  readonly deadline: Date;
}

/** Returns the answer. What it throws reaches the caller as CALL_FAILED with the message, and the `code` where it is a text. */
export type CallHandler<T> = (call: Call<T>) => Promise<unknown>;
