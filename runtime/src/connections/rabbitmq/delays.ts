import { MillraceError } from '../../contracts/errors.ts';
import { type DelayTarget, delayLevel, delayLevels, dueWords, longestDelaySeconds } from '../../contracts/rabbit-delays.ts';
import { eventRoutingKey } from '../../contracts/rabbit-names.ts';

/** Where to publish a message. */
export interface Route {
  readonly exchange: string;
  readonly routingKey: string;
}

/**
 * Where to publish what `queue` shall get `delayMs` from now; for 0 the queue itself. `millrace apply` makes what it takes for every declared queue.
 *
 * Delays are whole seconds: a part of one counts as one, so that nothing comes early. A message comes some milliseconds late for each level that it waits in.
 * It must have no `expiration` of its own, which would end its waiting.
 *
 * @throws {MillraceError} DELAY_UNSUPPORTED when the delay is no number, or longer than 1,048,575 seconds (12 days).
 */
export function delayedRoute(queue: string, delayMs: number): Route {
  const seconds = delaySeconds(delayMs);
  return seconds === 0 ? { exchange: '', routingKey: queue } : ladderRoute(seconds, dueWords({ queue }));
}

/** As `delayedRoute`, for all groups of a topic; for 0 the topic's exchange. */
export function delayedTopicRoute(target: Exclude<DelayTarget, { queue: string }>, delayMs: number): Route {
  const { topic, shard, tenant } = target;
  const key = eventRoutingKey(shard, tenant);
  const seconds = delaySeconds(delayMs);
  return seconds === 0 ? { exchange: topic, routingKey: key } : ladderRoute(seconds, dueWords({ topic, key }));
}

/** It enters the ladder at the highest level that it waits in. */
function ladderRoute(seconds: number, words: string): Route {
  const bits = seconds.toString(2).padStart(delayLevels, '0');
  const level = delayLevels - 1 - bits.indexOf('1');
  return { exchange: delayLevel(level), routingKey: `${[...bits].join('.')}.${words}` };
}

function delaySeconds(delayMs: number): number {
  const seconds = Math.ceil(delayMs / 1_000);
  if (seconds <= longestDelaySeconds) return Math.max(0, seconds); // not for NaN
  throw new MillraceError('DELAY_UNSUPPORTED', `delayMs must be at most ${longestDelaySeconds * 1_000}, got ${delayMs}`);
}
