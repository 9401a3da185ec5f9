import type * as Amqp from 'amqplib';
import type { ServiceHandle } from '../../binding/index.ts';
import { requireKind } from '../endpoints.ts';
import { once } from '../once.ts';
import { loadPeer } from '../peer.ts';
import { type ChannelGround, openLife } from './channel.ts';
import { type ConsumerOptions, type ConsumerSetup, openConsumer, type RabbitConsumer } from './consumer.ts';
import { rabbitError } from './errors.ts';
import { type Link, type RabbitState, startLink } from './link.ts';
import { openPublisher, type PublisherSetup, type RabbitPublisher } from './publisher.ts';
import { type RabbitConnectOptions, rabbitTarget, resolveRabbitOptions } from './settings.ts';

export type { ConsumerOptions, ConsumerSetup, RabbitConsumer, RabbitDelivery, RabbitSetup } from './consumer.ts';
export { rabbitError, rabbitReplyCode } from './errors.ts';
export type { RabbitState } from './link.ts';
export type { PublisherSetup, RabbitPublisher } from './publisher.ts';
export type { RabbitConnectOptions } from './settings.ts';

/** An open connection; `close()` is idempotent and bounded by `closeTimeoutMs` and a quarter of a second. */
export interface RabbitConnection extends AsyncDisposable {
  /** Name of the service in the binding. */
  readonly name: string;
  /** Connected or not, to which node, and whether the broker blocks publishers. */
  readonly state: RabbitState;
  /**
   * A channel with publisher confirms, opened again after every loss.
   *
   * @param setup declares what publishing needs, such as an exchange
   * @throws {MillraceError} CONNECTION_FAILED while the connection is down, BROKER_BLOCKED, CONNECTION_TIMEOUT, ACCESS_DENIED, CONNECTION_CLOSED
   * @throws {Error} what `setup` throws; a refusal of the broker carries its reply code: see `rabbitReplyCode`
   */
  openPublisher(setup?: PublisherSetup): Promise<RabbitPublisher>;
  /**
   * A channel that consumes, set up again by `setup` after every loss: reconnection, a channel that the broker closed, a consumer that it cancelled.
   *
   * @throws {MillraceError} as `openPublisher`
   * @throws {Error} what `setup` throws, such as 404 NOT_FOUND or 406 PRECONDITION_FAILED when a queue is missing or declared otherwise
   */
  openConsumer(setup: ConsumerSetup, options?: ConsumerOptions): Promise<RabbitConsumer>;
  /** A channel of the present connection, for declarations and checks; it ends with the first operation that fails, or with the connection. */
  openChannel(): Promise<Amqp.Channel>;
  close(): Promise<void>;
}

/**
 * Connects to the RabbitMQ broker of `handle`, to any of its nodes, and keeps connected: after a loss to the next node, for ever, with backoff.
 *
 * Use one connection for publishing and another for consuming: a broker short of memory stops reading from connections that publish, and acknowledgements on
 * the same connection would wait with the messages. Secret and certificates are read for every attempt, so that a rotation needs no restart.
 *
 * Not guaranteed: that nothing arrives twice. What was in flight when a connection is lost may have been taken, and is delivered again.
 *
 * @throws {MillraceError} CONNECTION_FAILED when no node answers in time; CONNECTION_REFUSED_CREDENTIALS, CONNECTION_TLS_FAILED and ACCESS_DENIED (the virtual
 * host) at once; CLIENT_NOT_INSTALLED without `amqplib`; SECRET_UNAVAILABLE when the password cannot be read.
 * @example
 * await using tasks = await connectRabbit(binding.service('tasks', 'rabbitmq'), { name: 'orders' });
 * await using publisher = await tasks.openPublisher((channel) => channel.assertQueue('mails', { durable: true }));
 * await publisher.publish('', 'mails', Buffer.from('{}'));
 * @example
 * await using consumer = await tasks.openConsumer(async ({ channel, consume }) => {
 *   await channel.prefetch(10);
 *   await consume('mails', async (delivery) => {
 *     await send(JSON.parse(delivery.message.content.toString()));
 *     delivery.ack();
 *   });
 * });
 */
export async function connectRabbit(handle: ServiceHandle, options: RabbitConnectOptions = {}): Promise<RabbitConnection> {
  requireKind(handle, 'connectRabbit', 'rabbitmq');
  const settings = resolveRabbitOptions(options);
  const target = rabbitTarget(handle);
  const amqp = await loadPeer('amqplib', () => import('amqplib'));
  // A node that does not answer must leave time for the others.
  const attemptTimeoutMs = Math.ceil(settings.connectTimeoutMs / target.endpoints.length);
  const link = startLink({ amqp, handle, target, settings, attemptTimeoutMs });
  try {
    await link.firstOpen();
  } catch (error) {
    await link.close(0);
    throw error;
  }
  return connectionOn(link, handle.name, { link, settings, where: target.where, owned: new Set() });
}

/** Time that the closing handshake gets when everything else has used up `closeTimeoutMs`. */
const partingMs = 250;

function connectionOn(link: Link, name: string, ground: ChannelGround): RabbitConnection {
  const { settings, where, owned } = ground;
  const refuseOrGo = (): void => {
    const refusal = link.refusal();
    if (refusal !== undefined) throw refusal;
  };
  const close = once(async () => {
    const deadline = performance.now() + settings.closeTimeoutMs;
    await Promise.all([...owned].map((closeOne) => closeOne()));
    await link.close(Math.max(partingMs, deadline - performance.now()));
  });
  return {
    name,
    get state() {
      return link.state;
    },
    async openPublisher(setup) {
      refuseOrGo();
      return openPublisher(ground, setup);
    },
    async openConsumer(setup, options) {
      refuseOrGo();
      return openConsumer(ground, setup, options);
    },
    async openChannel() {
      refuseOrGo();
      const { session } = link;
      if (session === undefined) throw rabbitError(new Error('lost'), where);
      try {
        return (await openLife(ground, session, (model) => model.createChannel())).channel;
      } catch (error) {
        throw rabbitError(error, where);
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
