import type * as Amqp from 'amqplib';
import { backoffMs } from '../connections/backoff.ts';
import type { RabbitConnection } from '../connections/rabbitmq/index.ts';
import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import { Pause } from '../pause.ts';
import { decodePayload, header, headersOf, type Parcel, parcel, textHeader } from './message.ts';
import type { Names } from './names.ts';
import type { CallOptions } from './task.ts';
import { type Publish, windowed } from './window.ts';

/** What a server's handler threw, as its caller gets it: the cause of CALL_FAILED. */
export interface RemoteFailure {
  /** Of the error where it has a text for `code`, else HANDLER_FAILED. */
  readonly code: string;
  readonly message: string;
}

/** The failure at the server behind a CALL_FAILED; undefined for any other error. */
export function remoteFailure(error: unknown): RemoteFailure | undefined {
  return isMillraceError(error, 'CALL_FAILED') ? (error.cause as RemoteFailure) : undefined;
}

/** Makes calls over one channel. */
export interface Caller {
  readonly outstanding: number;
  /** Answers that came when nobody waited for them any more. */
  readonly late: number;
  call(queue: string, payload: unknown, options: CallOptions): Promise<unknown>;
  close(): Promise<void>;
}

interface Outstanding {
  readonly queue: string;
  readonly request: Parcel;
  /** Milliseconds since 1970. */
  readonly deadline: number;
  readonly over: AbortController;
  /** Why it could not be sent lately. */
  lastError: unknown;
  sending: boolean;
  settle(outcome: { readonly value: unknown } | { readonly error: unknown }): void;
}

interface Line {
  readonly outstanding: Map<string, Outstanding>;
  publish: Publish | undefined;
  late: number;
}

/** The longest that a timer of Node can wait. */
const longestTimeoutMs = 2 ** 31 - 1;

/** The broker's pseudo-queue for answers: nothing is declared and nothing stored; what cannot be delivered to this channel at once is dropped. */
const directReplies = 'amq.rabbitmq.reply-to';

/**
 * Opens a channel for requests and their answers. When it is lost the answers are lost with it: every request that has none is sent again, under its id, on
 * the next one.
 */
export async function openCaller(connection: RabbitConnection, names: Names): Promise<Caller> {
  const line: Line = { outstanding: new Map(), publish: undefined, late: 0 };
  const publisher = await connection.openPublisher(async (channel) => {
    await channel.consume(directReplies, (message) => message !== null && take(line, message), { noAck: true });
    for (const entry of line.outstanding.values()) void transmit(line, entry);
  });
  line.publish = windowed(publisher);
  return {
    get outstanding() {
      return line.outstanding.size;
    },
    get late() {
      return line.late;
    },
    async call(queue, payload, options) {
      names.queue(queue);
      const timeoutMs = timeoutOf(options);
      options.signal?.throwIfAborted();
      return ask(line, queue, payload, { ...options, timeoutMs });
    },
    async close() {
      for (const { settle } of line.outstanding.values())
        settle({ error: new MillraceError('CONNECTION_CLOSED', 'the call was open when its connection was closed') });
      await publisher.close();
    },
  };
}

/** In whole milliseconds: the broker takes no others, and closes the channel of all calls for one. */
function timeoutOf({ timeoutMs = 10_000 }: CallOptions): number {
  if (timeoutMs > 0 && timeoutMs <= longestTimeoutMs) return Math.ceil(timeoutMs);
  throw new MillraceError('TASK_INVALID', `timeoutMs must be above 0 and at most ${longestTimeoutMs}, got ${timeoutMs}`);
}

function ask(line: Line, queue: string, payload: unknown, options: CallOptions & { readonly timeoutMs: number }): Promise<unknown> {
  const { timeoutMs, signal } = options;
  const deadline = Date.now() + timeoutMs;
  const plain = parcel(payload, options);
  const { id } = plain;
  if (line.outstanding.has(id))
    throw new MillraceError('TASK_INVALID', `id ${id} must be new, got that of a call that waits for its answer`);
  const headers = { ...plain.options.headers, [header.deadline]: deadline };
  const request = { ...plain, options: { ...plain.options, headers, correlationId: id, replyTo: directReplies } };
  return new Promise((resolve, reject) => {
    const onAbort = (): void => entry.settle({ error: signal?.reason });
    const timer = setTimeout(() => entry.settle({ error: tooLate(entry, timeoutMs) }), timeoutMs);
    const entry: Outstanding = {
      ...{ queue, request, deadline, over: new AbortController(), lastError: undefined, sending: false },
      settle(outcome) {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        line.outstanding.delete(id);
        entry.over.abort();
        if ('value' in outcome) resolve(outcome.value);
        else reject(outcome.error);
      },
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    line.outstanding.set(id, entry);
    void transmit(line, entry);
  });
}

/** Sends a request until the broker has it or nobody waits for the answer. Never rejects. */
async function transmit({ publish }: Line, entry: Outstanding): Promise<void> {
  if (entry.sending) return;
  entry.sending = true;
  const { queue, request, deadline, over } = entry;
  for (let tries = 1; !over.signal.aborted; tries++) {
    // The broker drops a request that nobody has taken in time.
    const expiration = Math.max(1, deadline - Date.now());
    try {
      await publish!('', queue, { ...request, options: { ...request.options, expiration } });
      break;
    } catch (error) {
      entry.lastError = error;
      if (!isMillraceError(error) || !error.retriable) entry.settle({ error });
    }
    await new Pause().wait(backoffMs(tries, 1_000), over.signal);
  }
  entry.sending = false;
}

function take(line: Line, message: Amqp.ConsumeMessage): void {
  const { correlationId } = message.properties as { correlationId?: unknown };
  const entry = line.outstanding.get(String(correlationId));
  if (entry === undefined) {
    line.late += 1;
    return;
  }
  try {
    const payload = decodePayload(message);
    const code = textHeader(headersOf(message), header.errorCode);
    entry.settle(code === undefined ? { value: payload } : { error: failedThere(entry, { code, message: String(payload) }) });
  } catch (error) {
    entry.settle({ error: failedThere(entry, { code: 'HANDLER_FAILED', message: `the answer cannot be read: ${String(error)}` }) });
  }
}

function failedThere({ queue, request }: Outstanding, cause: RemoteFailure): MillraceError {
  return new MillraceError('CALL_FAILED', `call ${request.id} of ${queue} failed there with ${cause.code}: ${cause.message}`, { cause });
}

function tooLate({ queue, request, lastError }: Outstanding, timeoutMs: number): MillraceError {
  const reason = lastError === undefined ? 'whether it was carried out is not known' : `sending it failed: ${(lastError as Error).message}`;
  return new MillraceError('CALL_DEADLINE', `no answer to call ${request.id} of ${queue} within ${timeoutMs} ms; ${reason}`, {
    cause: lastError,
  });
}
