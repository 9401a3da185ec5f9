import type * as Amqp from 'amqplib';
import type { RabbitDelivery } from '../../connections/rabbitmq/index.ts';
import { ofTenant } from '../../consuming/message.ts';
import { enter, type Lane } from '../../consuming/source.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import type { Topic } from '../../contracts/topology.ts';
import { readEvent } from './codec.ts';
import type { RunningKeys } from './running-keys.ts';
import { type QueueSource, wasReturned } from './source.ts';

/** What becomes of messages as they arrive. */
export interface Arrival {
  readonly retry: Topic['retry'];
  /** The one tenant whose events may come. */
  readonly tenant: string | undefined;
  readonly add: (lane: Lane<QueueSource>) => void;
  readonly runningKeys: RunningKeys;
  readonly onError: (error: unknown) => void;
}

/** Takes a message in. The first one that somebody had before makes all wait until the log of attempts is read. */
export function receive(source: QueueSource, delivery: RabbitDelivery, arrival: Arrival): void {
  // What is not taken in goes back with the channel, in order.
  if (source.lost || source.draining) return;
  if (source.arriving !== undefined) {
    source.arriving.push(delivery);
    return;
  }
  const returned = wasReturned(delivery.message);
  if (!returned || source.attemptsRead) {
    takeIn(source, delivery, arrival);
    return;
  }
  source.arriving = [delivery];
  source.attempts.load().then(
    () => {
      const waiting = source.arriving ?? [];
      source.arriving = undefined;
      source.attemptsRead = true;
      for (const each of waiting) receive(source, each, arrival);
    },
    (error: unknown) => {
      arrival.onError(error);
      source.renew();
    },
  );
}

function takeIn(source: QueueSource, delivery: RabbitDelivery, { retry, tenant, add, runningKeys }: Arrival): void {
  const { message } = delivery;
  // The binding of a tenant's queue lets in nothing of another; what somebody puts there by hand is set aside.
  const event = ofTenant(readEvent(message), tenant, 'queue');
  const name = isMillraceError(event) ? nameOf(message) : event.id;
  const id = source.known.has(name) ? `${name}#${message.fields.deliveryTag}` : name;
  const returned = wasReturned(message);
  if (!returned) source.attempts.tidy((each) => source.known.has(each));
  const note = returned ? source.attempts.of(name) : undefined;
  const orphaned = returned && (note?.begun ?? true);
  source.held.set(id, { delivery, event: name, arrivedAt: performance.now() });
  const lane = enter(source, { id, event, made: note?.attempt ?? (returned ? 1 : 0), by: note?.consumer ?? '', orphaned }, retry);
  if (note !== undefined) {
    const { failures } = source.known.get(id)!;
    if (!note.begun) failures.length = 0;
    failures.unshift(...note.failures);
  }
  if (lane === undefined) return;
  // A handler of a channel before may still be at this key; the source may be lost, too, when it has ended.
  if (isMillraceError(event)) add(lane);
  else runningKeys.whenFree(event, () => !source.lost && add(lane));
}

function nameOf({ fields, properties }: Amqp.ConsumeMessage): string {
  const { messageId } = properties as { messageId?: unknown };
  return typeof messageId === 'string' && messageId !== '' ? messageId : `delivery-${fields.deliveryTag}`;
}
