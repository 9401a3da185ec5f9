import { eventBindingKey } from './rabbit-names.ts';

/**
 * The ladder of delays: level n is a queue in which a message waits 2^n seconds. Bit n of the delay says whether it stays there or passes by; what has come
 * down all levels is due, and goes to its queue.
 *
 * One queue has one time to live, because RabbitMQ looks for what has expired at the head of a queue only. Every level keeps a message until the next one has
 * confirmed it. The names and the bits in the routing keys are on the broker: they stay as they are.
 */
export const delayLevels = 20;

/** 12 days, 3 hours, 16 minutes and 15 seconds. */
export const longestDelaySeconds = 2 ** delayLevels - 1;

/** Name of the queue of a level, and of the exchange before it. */
export function delayLevel(level: number): string {
  return `millrace.delay.${level}`;
}

/** Exchange that gives what is due to its queue. */
export const dueExchange = 'millrace.delay.due';

/** Exchange and queue of what is due and has no queue any more: in the ladder it would stand in the way of the others. */
export const strandedName = 'millrace.delay.stranded';

/** Where a message goes when its delay is over: a queue, or all groups of a topic. */
export type DelayTarget = { readonly queue: string } | { readonly topic: string; readonly shard: number; readonly tenant?: string };

/** What stands behind the bits in the routing key of a delayed message. */
export function dueWords(target: { readonly queue: string } | { readonly topic: string; readonly key: string }): string {
  return 'queue' in target ? `queue.${target.queue}` : `topic.${target.topic}.${target.key}`;
}

/** By which a queue gets what is due for it. One star a bit: then a name with dots is not mistaken for the end of another one. */
export function dueBindingKey(target: DelayTarget): string {
  const words = dueWords('queue' in target ? target : { topic: target.topic, key: eventBindingKey(target.shard, target.tenant) });
  return `${'*.'.repeat(delayLevels)}${words}`;
}

/** What an exchange of the ladder lets into its queue (bit 1), or past it (bit 0). */
export function levelBindingKey(level: number, bit: 0 | 1): string {
  return `${'*.'.repeat(delayLevels - 1 - level)}${bit}.#`;
}

/** The exchange below a level. */
export function belowLevel(level: number): string {
  return level === 0 ? dueExchange : delayLevel(level - 1);
}
