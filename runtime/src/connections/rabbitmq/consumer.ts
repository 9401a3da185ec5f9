import type * as Amqp from 'amqplib';
import { MillraceError } from '../../contracts/errors.ts';
import { settledWithin } from '../once.ts';
import { type ChannelGround, type ChannelLife, ownedClose, renewal, superviseChannel } from './channel.ts';
import { rabbitError } from './errors.ts';

/** A message of a queue, to be settled once, by `ack` or `nack`. */
export interface RabbitDelivery {
  readonly message: Amqp.ConsumeMessage;
  /** Takes the message off its queue. False, and nothing is sent, when its channel has ended (the broker delivers it again) or it was settled before. */
  ack(): boolean;
  /** Gives the message back; without `requeue` it is dead-lettered, or dropped. False as for `ack`. @param options.requeue true when absent */
  nack(options?: { readonly requeue?: boolean }): boolean;
}

/** What the setup of a consumer works with: the channel of this one connection. */
export interface RabbitSetup {
  /** For `assertQueue`, `checkQueue`, `bindQueue`, `prefetch`, ... */
  readonly channel: Amqp.Channel;
  /**
   * Consumes a queue with manual acknowledgement. `onDelivery` is called as messages arrive, as many as `prefetch` allows at once; it must settle each. What
   * it throws is told to `onError`, and the message stays unsettled until the channel ends.
   *
   * @returns the consumer tag
   */
  consume(
    queue: string,
    onDelivery: (delivery: RabbitDelivery) => void | Promise<void>,
    options?: Omit<Amqp.Options.Consume, 'noAck'>,
  ): Promise<string>;
  /** Resolves when this channel has ended: what was delivered on it can be settled no more, and the broker delivers it again. */
  readonly ended: Promise<Error>;
  /** Ends this channel: what is unsettled goes back to its queues, in order, and `setup` runs on the next one. */
  renew(): void;
}

export interface ConsumerOptions {
  /** Whether `close()` gives back at once what is unsettled, in order, instead of waiting for its handlers. @default false */
  readonly returnsUnsettled?: boolean;
}

/** Declares or checks queues, sets `prefetch`, and consumes; runs again on the channel of every reconnection. */
export type ConsumerSetup = (setup: RabbitSetup) => Promise<unknown>;

/** Consumers that live on through reconnections. `close()` stops deliveries and waits for unsettled ones, for `closeTimeoutMs` at most. */
export interface RabbitConsumer extends AsyncDisposable {
  /** Whether its channel is set up at present. */
  readonly active: boolean;
  /** Deliveries of the present channel that are not settled. */
  readonly unsettled: number;
  /** Latest reason why the channel ended or could not be set up. */
  readonly lastError: Error | undefined;
  close(): Promise<void>;
}

/** What belongs to one channel; the next one starts afresh. */
interface Holding {
  readonly life: ChannelLife;
  readonly tags: string[];
  readonly unsettled: Set<RabbitDelivery>;
  onSettled: (() => void) | undefined;
}

/** Opens a consumer; resolves when `setup` has succeeded once. */
export async function openConsumer(
  ground: ChannelGround,
  setup: ConsumerSetup,
  { returnsUnsettled = false }: ConsumerOptions = {},
): Promise<RabbitConsumer> {
  let holding: Holding | undefined;
  const supervised = superviseChannel<Amqp.Channel>(ground, {
    create: (model) => model.createChannel(),
    setup(life) {
      const fresh: Holding = { life, tags: [], unsettled: new Set(), onSettled: undefined };
      holding = fresh;
      return setup({
        channel: life.channel,
        consume: (queue, onDelivery, options) => consume(fresh, ground, queue, onDelivery, options),
        ended: life.ended,
        renew: () => life.end(renewal),
      });
    },
    // Ending deliveries first would let the next consumer of a queue begin before it has what is unsettled here.
    drain: async () => {
      if (holding !== undefined && !returnsUnsettled) await drained(holding, ground);
    },
  });
  const close = await ownedClose(ground, supervised);
  return {
    get active() {
      return supervised.life !== undefined;
    },
    get unsettled() {
      return holding?.life.isOpen === true ? holding.unsettled.size : 0;
    },
    get lastError() {
      return supervised.lastError;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

type OnDelivery = Parameters<RabbitSetup['consume']>[1];

async function consume(
  holding: Holding,
  { settings, where }: ChannelGround,
  queue: string,
  onDelivery: OnDelivery,
  options: Omit<Amqp.Options.Consume, 'noAck'> = {},
): Promise<string> {
  const { life, tags } = holding;
  const receive = async (message: Amqp.ConsumeMessage): Promise<void> => {
    try {
      await onDelivery(deliveryOf(message, holding));
    } catch (error) {
      settings.onError?.(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const { consumerTag } = await life.channel.consume(
    queue,
    (message) => {
      if (message !== null) void receive(message);
      else life.end(cancelled(queue, where));
    },
    { ...options, noAck: false },
  );
  tags.push(consumerTag);
  return consumerTag;
}

function cancelled(queue: string, where: string): MillraceError {
  const text = `${where} ended the consumer of queue ${queue}: the queue was deleted, or its node left`;
  return new MillraceError('CONSUMER_CANCELLED', text);
}

function deliveryOf(message: Amqp.ConsumeMessage, holding: Holding): RabbitDelivery {
  const { life, unsettled } = holding;
  const settle = (say: () => void): boolean => {
    if (!unsettled.delete(delivery) || !life.isOpen) return false;
    say();
    holding.onSettled?.();
    return true;
  };
  const delivery: RabbitDelivery = {
    message,
    ack: () => settle(() => life.channel.ack(message)),
    nack: ({ requeue = true } = {}) => settle(() => life.channel.nack(message, false, requeue)),
  };
  unsettled.add(delivery);
  return delivery;
}

/** No more deliveries, then as long as it takes for those at hand. */
async function drained(holding: Holding, { settings, where }: ChannelGround): Promise<void> {
  const { life, tags, unsettled } = holding;
  try {
    await settledWithin(Promise.all(tags.map((tag) => life.channel.cancel(tag))), settings.closeTimeoutMs);
  } catch (error) {
    settings.onError?.(rabbitError(error, where));
    return;
  }
  await Promise.race([
    life.ended,
    new Promise<void>((resolve) => {
      holding.onSettled = () => unsettled.size === 0 && resolve();
      holding.onSettled();
    }),
  ]);
}
