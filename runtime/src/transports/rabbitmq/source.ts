import type * as Amqp from 'amqplib';
import type { RabbitDelivery } from '../../connections/rabbitmq/index.ts';
import type { Message } from '../../consuming/message.ts';
import { letGo, openSource, type Source } from '../../consuming/source.ts';
import { MillraceError } from '../../contracts/errors.ts';
import type { AttemptLog } from './attempts.ts';
import { headersOf } from './codec.ts';

/** A message that this process has. */
interface Held {
  readonly delivery: RabbitDelivery;
  /** What notes of its attempts call it. */
  readonly event: string;
  readonly arrivedAt: number;
}

/** The queue of a shard as long as one channel consumes it; the next channel has a source of its own. */
export interface QueueSource extends Source<QueueSource> {
  readonly shard: number;
  readonly attempts: AttemptLog;
  /** By the ids of their messages, oldest first. */
  readonly held: Map<string, Held>;
  /** Messages that wait until the log of attempts is read; undefined when it is, or need not be. */
  arriving: RabbitDelivery[] | undefined;
  attemptsRead: boolean;
  /** Acknowledged, and not known to have reached the broker. */
  unsynced: boolean;
  /** Ends the channel: the broker delivers again, here or elsewhere. */
  renew(): void;
  /** A question to the broker, answered after everything that was said before it. */
  sync(): Promise<unknown>;
}

export function openQueueSource(
  name: string,
  shard: number,
  { channel, renew, attempts }: { channel: Amqp.Channel; renew(): void; attempts: AttemptLog },
): QueueSource {
  return {
    ...openSource<QueueSource>(name),
    ...{ shard, attempts, held: new Map(), arriving: undefined, attemptsRead: false, unsynced: false, renew },
    sync: () => channel.checkQueue(name),
  };
}

/** Ends what holding the source allowed; its handlers are told by their signals. */
export function loseSource(source: QueueSource): void {
  if (source.lost) return;
  letGo(
    source,
    new MillraceError('CONSUMER_LEASE_LOST', `the channel that consumed ${source.name} has ended; its events are delivered again`),
  );
}

/** Takes a message off its queue. */
export function settle(source: QueueSource, message: Message): void {
  const held = source.held.get(message.id);
  if (held === undefined) return;
  source.held.delete(message.id);
  held.delivery.ack();
  source.unsynced = true;
  source.attempts.end(held.event);
}

/**
 * Waits until acknowledgements have their place before the end of the channel. A quorum queue puts them off behind what else it is told, 16 at a time (of 40
 * acknowledged just before the end of a channel, 5 to 7 came again); a question after it has answered one is answered when it has come to them.
 */
export async function confirmSettled(source: QueueSource): Promise<void> {
  if (source.lost || !source.unsynced) return;
  source.unsynced = false;
  await source.sync();
  await source.sync();
}

/** Whether somebody had the message before. RabbitMQ 4.3 counts the end of a process as an acquisition only, older ones as a delivery. */
export function wasReturned({ fields, properties }: Amqp.ConsumeMessage): boolean {
  const headers = headersOf(properties);
  return fields.redelivered || headers['x-delivery-count'] !== undefined || headers['x-acquired-count'] !== undefined;
}
