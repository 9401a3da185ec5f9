import { pino } from 'pino';
import { MillraceError } from '../contracts/errors.ts';
import type { Topic } from '../contracts/topology.ts';
import { processName } from '../process-name.ts';
import { systemOf } from '../telemetry/attributes.ts';
import type { BatchHandler, BatchOptions, Handler, SubscribeOptions } from '../transport.ts';
import type { TransportOptions } from '../transports/options.ts';
import type { ConsumerLogger, ConsumerSettings } from './consumer.ts';

/** What a subscriber asked for: a handler of single events is one of batches of one. */
export interface Wish {
  readonly options: SubscribeOptions;
  readonly maxBatch: number;
  readonly handler: BatchHandler;
}

export function singly(options: SubscribeOptions, handler: Handler): Wish {
  return { options, maxBatch: 1, handler: ([delivery]) => handler(delivery!.event, delivery!) };
}

export function inBatches(options: BatchOptions, handler: BatchHandler): Wish {
  return { options, maxBatch: options.maxBatch ?? 100, handler };
}

/** What is the same for all subscriptions of a transport. */
export interface ConsumerDefaults {
  readonly system: string;
  readonly consumer: string;
  readonly maxUnhandled: number;
  readonly drainMs: number;
  readonly log: ConsumerLogger;
}

export function consumerDefaults({
  service,
  consumerName,
  maxUnhandled = 500,
  drainMs = 10_000,
  logger,
}: TransportOptions): ConsumerDefaults {
  return {
    system: systemOf(service.service.kind),
    consumer: consumerName ?? processName(),
    maxUnhandled,
    drainMs,
    log: logger ?? pino({ name: 'millrace', level: 'warn' }),
  };
}

/**
 * The settings of one consumer: what it was asked for, else what the topology says of its group, else what holds for all.
 *
 * @throws {MillraceError} SUBSCRIPTION_INVALID
 */
export function consumerSettings(topicName: string, declared: Topic, wish: Wish, defaults: ConsumerDefaults): ConsumerSettings {
  const { group, retry, deadLetter, run = '' } = wish.options;
  requireWhole('attempts', retry?.attempts);
  requireWhole('concurrency', wish.options.concurrency);
  requireWhole('maxBatch', wish.maxBatch);
  requireWhole('maxUnhandled', defaults.maxUnhandled);
  const concurrency = wish.options.concurrency ?? declared.consumers.find((consumer) => consumer.group === group)?.concurrency ?? 1;
  return {
    topicName,
    topic: { ...declared, retry: { ...declared.retry, ...retry }, deadLetter: deadLetter ?? declared.deadLetter },
    group,
    system: defaults.system,
    consumer: defaults.consumer,
    run,
    concurrency,
    maxBatch: wish.maxBatch,
    // A batch cannot be larger than what is in memory, and while as many as may run do, the next ones are read: 24,000 events/s into the inbox, not 12,000.
    maxUnhandled: Math.max(defaults.maxUnhandled, 2 * wish.maxBatch * (wish.maxBatch > 1 ? concurrency : 1)),
    handler: wish.handler,
    log: defaults.log,
  };
}

/** With 0 or NaN nothing would ever be handled, and nobody told. */
function requireWhole(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return;
  throw new MillraceError('SUBSCRIPTION_INVALID', `${name} must be a whole number from 1 on, got ${value}`);
}
