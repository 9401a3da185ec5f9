import { delayedRoute } from '../connections/rabbitmq/delays.ts';
import { MillraceError } from '../contracts/errors.ts';
import { header, longestExpirationMs, type Parcel, parcel } from './message.ts';
import type { Names, QueueDeclaration } from './names.ts';
import type { PublishTaskOptions, RoutedOptions, SendOptions } from './task.ts';
import type { Publish } from './window.ts';

/** Sends a task to `queue`, now or later. */
export async function send(names: Names, publish: Publish, queue: string, payload: unknown, options: SendOptions): Promise<string> {
  const { delayMs = 0 } = options;
  requirePriority(options, [names.queue(queue)], `queue ${queue}`);
  requireWhole('delayMs', delayMs, 0);
  const task = prepared(payload, options, delayMs);
  if (delayMs === 0) await publish('', queue, task);
  else {
    const { exchange, routingKey } = delayedRoute(queue, delayMs);
    await publish(exchange, routingKey, task);
  }
  return task.id;
}

/** Publishes a task for whichever queues are bound. */
export async function publishTo(
  names: Names,
  publish: Publish,
  exchange: string,
  payload: unknown,
  options: RoutedOptions,
): Promise<string> {
  const { type } = names.exchange(exchange);
  const { routingKey = '' } = options;
  const where = `${type} exchange ${exchange}`;
  if (routingKey === '' && type === 'topic') throw invalid(`routingKey is required by ${where}, got none`);
  if (routingKey !== '' && (type === 'fanout' || type === 'headers')) {
    throw invalid(`routingKey must be left out for ${where}, which does not look at it, got ${JSON.stringify(routingKey)}`);
  }
  requirePriority(options, names.boundTo(exchange), `a queue behind ${where}`);
  const task = prepared(payload, options, 0);
  await publish(exchange, routingKey, task);
  return task.id;
}

/** On the way through the delays a message must not expire: its time is then told by the header alone, and looked at by the worker. */
function prepared(payload: unknown, options: PublishTaskOptions, delayMs: number): Parcel {
  const { priority, ttlMs } = options;
  const plain = parcel(payload, options);
  if (ttlMs === undefined && priority === undefined) return plain;
  if (ttlMs !== undefined) requireWhole('ttlMs', ttlMs, 1, longestExpirationMs);
  return {
    ...plain,
    options: {
      ...plain.options,
      ...(priority !== undefined && { priority }),
      ...(ttlMs !== undefined && delayMs === 0 && { expiration: ttlMs }),
      headers: { ...plain.options.headers, ...(ttlMs !== undefined && { [header.expires]: Date.now() + delayMs + ttlMs }) },
    },
  };
}

/** RabbitMQ takes a priority that a queue does not have without a word. */
function requirePriority({ priority }: PublishTaskOptions, queues: readonly QueueDeclaration[], what: string): void {
  if (priority === undefined) return;
  const highest = Math.max(0, ...queues.map(({ type, maxPriority = 0 }) => (type === 'classic' ? maxPriority : 0)));
  if (Number.isInteger(priority) && priority >= 0 && priority <= highest) return;
  const advice =
    highest === 0 ? 'left out: the queue has no priorities (type classic with maxPriority has)' : `a whole number from 0 to ${highest}`;
  throw invalid(`priority of a task for ${what} must be ${advice}, got ${priority}`);
}

function requireWhole(name: string, value: number, least: number, most = Number.POSITIVE_INFINITY): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const range = most === Number.POSITIVE_INFINITY ? `from ${least} on` : `from ${least} to ${most}`;
  throw invalid(`${name} must be a whole number of milliseconds ${range}, got ${value}`);
}

function invalid(text: string): MillraceError {
  return new MillraceError('TASK_INVALID', text);
}
