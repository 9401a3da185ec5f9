import { randomUUID } from 'node:crypto';
import type * as Amqp from 'amqplib';
import { MillraceError } from '../../contracts/errors.ts';
import { type ChannelGround, type ChannelLife, ownedClose, renewal, superviseChannel } from './channel.ts';
import { rabbitError, rabbitReplyCode } from './errors.ts';

/** Declares what publishing needs, such as an exchange; runs again on the channel of every reconnection. */
export type PublisherSetup = (channel: Amqp.ConfirmChannel) => Promise<unknown>;

/** Publishes messages, each with the broker's answer to it. `close()` waits for answers, for `closeTimeoutMs` at most. */
export interface RabbitPublisher extends AsyncDisposable {
  /** Messages that the broker has not answered yet. */
  readonly unconfirmed: number;
  /**
   * Publishes one message, `persistent` and `mandatory` unless `options` say otherwise, and resolves when the broker has confirmed it. Call it again without
   * waiting: answers are awaited together. Nothing is kept for later: what cannot be sent now is refused now.
   *
   * Not guaranteed: that a message whose promise was rejected with CONNECTION_FAILED or CONNECTION_TIMEOUT has not been taken.
   *
   * @param options `messageId` is drawn when absent; returned messages are recognised by it.
   * @throws {MillraceError} MESSAGE_UNROUTABLE when no queue took it; PUBLISH_FAILED when the broker refused it (a full queue), its channel ended for
   * another reason than the connection, or `maxUnconfirmed` wait already; BROKER_BLOCKED while the broker blocks publishers; CONNECTION_TIMEOUT after
   * `confirmTimeoutMs`; ACCESS_DENIED without write permission; CONNECTION_FAILED while the connection is down and when it is lost; PUBLISH_REJECTED when
   * it cannot be put on the wire (headers above 64 KiB); CONNECTION_CLOSED after `close()`.
   */
  publish(exchange: string, routingKey: string, content: Buffer, options?: Amqp.Options.Publish): Promise<void>;
  close(): Promise<void>;
}

interface Outstanding {
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string;
  /** The broker sends the return of a message before its confirm. */
  returned?: MillraceError;
  readonly answer: Promise<void>;
  settle(error?: Error): void;
}

type ConfirmLife = ChannelLife<Amqp.ConfirmChannel>;

/** The window of a publisher: what waits for an answer, and whether its channel is on its way out. */
interface Window {
  readonly outstanding: Set<Outstanding>;
  openedAt: number;
  /** The channel takes no more messages, and ends when those sent have been answered. */
  retiring: ConfirmLife | undefined;
}

/** Opens a publisher; resolves when its channel is set up. */
export async function openPublisher(ground: ChannelGround, setup: PublisherSetup | undefined): Promise<RabbitPublisher> {
  const { where } = ground;
  const outstanding = new Set<Outstanding>();
  const window: Window = { outstanding, openedAt: 0, retiring: undefined };
  let closed = false;
  const supervised = superviseChannel<Amqp.ConfirmChannel>(ground, {
    create: (model) => model.createConfirmChannel(),
    async setup({ channel }) {
      channel.on('return', (message) => markReturned(outstanding, message, where));
      await setup?.(channel);
      window.openedAt = performance.now();
    },
    drain: () => Promise.allSettled([...outstanding].map(({ answer }) => answer)),
  });
  const close = await ownedClose(ground, supervised, {
    closing() {
      closed = true;
    },
    closed() {
      const text = `publisher to ${where} was closed before the broker confirmed; whether the message was taken is not known`;
      for (const waiting of outstanding) waiting.settle(new MillraceError('CONNECTION_CLOSED', text));
    },
  });
  return {
    get unconfirmed() {
      return outstanding.size;
    },
    async publish(exchange, routingKey, content, options = {}) {
      if (closed) throw new MillraceError('CONNECTION_CLOSED', `publisher to ${where} is closed`);
      const refusal = ground.link.refusal() ?? windowFull(outstanding, ground);
      if (refusal !== undefined) throw refusal;
      const { life } = supervised;
      if (life === undefined || life === window.retiring) throw noChannel(supervised.lastError, where);
      await send(life, window, ground, { exchange, routingKey, content, options });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Parcel {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  readonly options: Amqp.Options.Publish;
}

function send(life: ConfirmLife, window: Window, ground: ChannelGround, parcel: Parcel): Promise<void> {
  const { exchange, routingKey, content, options } = parcel;
  const { confirmTimeoutMs } = ground.settings;
  const { outstanding } = window;
  const messageId = options.messageId ?? randomUUID();
  let settle: Outstanding['settle'];
  const answer = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => settle(late(ground)), confirmTimeoutMs);
    settle = (error) => {
      clearTimeout(timer);
      if (error === undefined) resolve();
      else reject(error);
    };
  });
  const entry: Outstanding = { exchange, routingKey, messageId, answer, settle: (error) => settle(error) };
  // An entry stays in the window until the broker has answered, also after its deadline: the window bounds what the broker has to remember.
  const answered = (nack: unknown): void => {
    outstanding.delete(entry);
    entry.settle(nack === null ? entry.returned : unanswered(life, parcel, ground.where));
    if (nack !== null && life.isOpen) retire(life, window, confirmTimeoutMs);
    if (window.retiring === life && outstanding.size === 0) life.end(renewal);
  };
  outstanding.add(entry);
  try {
    life.channel.publish(exchange, routingKey, content, { persistent: true, mandatory: true, ...options, messageId }, answered);
  } catch (cause) {
    outstanding.delete(entry);
    entry.settle(life.isOpen ? unsendable(cause) : unanswered(life, parcel, ground.where));
  }
  return answer;
}

/** A channel that is younger keeps its place: a queue that stays full does not cost a channel for every message. */
const renewAfterMs = 1_000;

/**
 * After a refusal the channel makes room for a fresh one. A channel that met a quorum queue between two leaders can refuse for ever: RabbitMQ 3.10 keeps asking
 * the node that has died, and a new channel asks the new leader.
 */
function retire(life: ConfirmLife, window: Window, limitMs: number): void {
  if (window.retiring === life || performance.now() - window.openedAt < renewAfterMs) return;
  window.retiring = life;
  const timer = setTimeout(() => life.end(renewal), limitMs);
  void life.ended.then(() => clearTimeout(timer));
}

/** Among messages with the same id, the oldest that has not come back: the broker returns in the order of publishing. */
function markReturned(outstanding: Set<Outstanding>, { fields, properties }: Amqp.Message, where: string): void {
  for (const entry of outstanding) {
    const same = entry.messageId === properties.messageId && entry.exchange === fields.exchange && entry.routingKey === fields.routingKey;
    if (!same || entry.returned !== undefined) continue;
    const reason =
      entry.exchange === ''
        ? `there is no queue ${named(entry.routingKey)}`
        : `no queue is bound to exchange ${named(entry.exchange)} for ${named(entry.routingKey)}`;
    entry.returned = new MillraceError('MESSAGE_UNROUTABLE', `${where} returned message ${entry.messageId}: ${reason}`);
    return;
  }
}

/** Why there is no acknowledgement: the broker said no, or the channel has gone. */
function unanswered(life: ConfirmLife, { exchange, routingKey }: Parcel, where: string): Error {
  if (life.isOpen) {
    const text = `${where} refused a message to exchange ${named(exchange)} with routing key ${named(routingKey)} (nack): a queue is full, or it failed inside`;
    return new MillraceError('PUBLISH_FAILED', text);
  }
  const { lastError } = life;
  if (lastError === undefined) {
    const text = `connection to ${where} was lost before the broker confirmed; whether the message was taken is not known`;
    return new MillraceError('CONNECTION_FAILED', text);
  }
  if (rabbitReplyCode(lastError) === undefined) return rabbitError(lastError, where);
  const explained = rabbitError(lastError, where);
  const text = `the channel ended before ${where} confirmed: ${lastError.message}`;
  return explained === lastError ? new MillraceError('PUBLISH_FAILED', text, { cause: lastError }) : explained;
}

function unsendable(cause: unknown): MillraceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MillraceError('PUBLISH_REJECTED', `the message cannot be encoded: ${reason}`, { cause });
}

function late({ link, settings, where }: ChannelGround): MillraceError {
  const text = `did not confirm within ${settings.confirmTimeoutMs} ms; whether the message was taken is not known`;
  const { blocked } = link.state;
  return blocked === undefined
    ? new MillraceError('CONNECTION_TIMEOUT', `${where} ${text}`)
    : new MillraceError('BROKER_BLOCKED', `${where} blocks publishers (${blocked}) and ${text}`);
}

function windowFull(outstanding: ReadonlySet<Outstanding>, { settings, where }: ChannelGround): MillraceError | undefined {
  if (outstanding.size < settings.maxUnconfirmed) return undefined;
  const text = `${outstanding.size} messages wait for a confirm of ${where}, as many as maxUnconfirmed allows; await some before publishing more`;
  return new MillraceError('PUBLISH_FAILED', text);
}

function noChannel(reason: Error | undefined, where: string): MillraceError {
  const text = `the channel to ${where} is being opened again${reason === undefined ? '' : `: ${reason.message}`}`;
  return new MillraceError('PUBLISH_FAILED', text, { cause: reason });
}

function named(name: string): string {
  return name === '' ? '""' : name;
}
