import type * as Amqp from 'amqplib';
import { delayedRoute } from '../connections/rabbitmq/delays.ts';
import type { Failure } from '../dead-letters.ts';
import type { Incoming } from './incoming.ts';
import { copyOf, type Headers, header, longestExpirationMs, type Parcel } from './message.ts';
import type { Publish } from './window.ts';

/** Why a task was given up. `expired` and what the broker does by itself (`delivery_limit`) carry no history of failures. */
export type Reason = 'rejected' | 'exhausted' | 'expired';

/** Failures that are kept, and characters of each message: together at most 12 KiB, for all headers have to fit into 128 KiB. */
const keptFailures = 20;
const keptCharacters = 300;

const postponeMs = 1_000;

/** Where the copies of tasks go. Each is confirmed by the broker before the original is acknowledged, so that nothing is lost between the two. */
export interface Copies {
  /** Behind what waits in its own queue. @param begun whether an attempt counts as begun */
  requeue(task: Incoming, begun: boolean): Promise<void>;
  /** As `requeue`, unbegun, a second later. */
  postpone(task: Incoming): Promise<void>;
  /** Into its own queue after a pause. */
  repeat(task: Incoming, failures: readonly Failure[], delayMs: number): Promise<void>;
  /** To the dead letters; nothing is published where the queue has none. */
  setAside(task: Incoming, failures: readonly Failure[], reason: Reason): Promise<void>;
}

export function copiesFor(queue: string, deadLetterQueue: string | undefined, publish: Publish): Copies {
  return {
    async requeue(task, begun) {
      const changes = begun ? { [header.attempts]: task.earlier + task.returned, [header.unanswered]: task.unanswered } : {};
      const copy = copyOf(task.message, task.id, { ...traces(task), ...changes });
      await publish('', queue, { ...copy, options: { ...copy.options, ...remaining(task) } });
    },
    async postpone(task) {
      const { exchange, routingKey } = delayedRoute(queue, postponeMs);
      await publish(exchange, routingKey, copyOf(task.message, task.id, traces(task)));
    },
    async repeat(task, failures, delayMs) {
      const { exchange, routingKey } = delayedRoute(queue, delayMs);
      await publish(exchange, routingKey, failed(task, failures));
    },
    async setAside(task, failures, reason) {
      if (deadLetterQueue === undefined) return;
      const { id, content, options } = failed(task, failures);
      // Whoever moves it back to its queue, with a shovel or by hand, has its attempts counted anew.
      const { [header.attempts]: attempts, [header.unanswered]: unanswered, [header.expires]: expires, ...kept } = options.headers;
      await publish('', deadLetterQueue, {
        id,
        content,
        options: { ...options, headers: { ...kept, [header.queue]: queue, [header.reason]: reason } },
      });
    },
  };
}

function failed(task: Incoming, failures: readonly Failure[]): Parcel {
  const kept = failures.slice(-keptFailures).map((failure) => ({ ...failure, message: failure.message.slice(0, keptCharacters) }));
  return copyOf(task.message, task.id, {
    ...traces(task),
    [header.attempts]: task.earlier + task.returned + 1,
    [header.unanswered]: task.unanswered,
    ...(kept.length > 0 && { [header.failures]: JSON.stringify(kept) }),
  });
}

/** A copy comes to its queue another way; where the task was published first is still told. */
function traces({ message: { fields, properties }, copies }: Incoming): Headers {
  const known = (properties.headers as Headers | undefined)?.[header.exchange] !== undefined;
  const origin = known ? {} : { [header.exchange]: fields.exchange, [header.routingKey]: fields.routingKey };
  return { ...origin, [header.copies]: copies + 1 };
}

function remaining({ expires }: Incoming): Pick<Amqp.Options.Publish, 'expiration'> {
  return Number.isFinite(expires) ? { expiration: Math.min(longestExpirationMs, Math.max(1, Math.ceil(expires - Date.now()))) } : {};
}
