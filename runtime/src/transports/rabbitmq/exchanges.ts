import type * as Amqp from 'amqplib';
import { type RabbitConnection, rabbitError, rabbitReplyCode } from '../../connections/rabbitmq/index.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';

/** Which exchanges the broker has. Publishing to one that is missing would cost the channel, with what others have under way on it. */
export interface Exchanges {
  /** Undefined when it is there; else why it cannot be published to. */
  refusal(exchange: string): Promise<MillraceError | undefined>;
  /** All are looked at again: one was missing. */
  forget(): void;
}

export const notFound = 404;

export function createExchanges(connection: RabbitConnection): Exchanges {
  /** What was answered, or is being asked: calls that come meanwhile go on in their order. */
  const asked = new Map<string, Promise<MillraceError | undefined>>();
  const ask = async (exchange: string): Promise<MillraceError | undefined> => {
    try {
      await withChannel(connection, (channel) => channel.checkExchange(exchange));
      return undefined;
    } catch (error) {
      asked.delete(exchange);
      return publishFailure(explained(error, connection, `exchange ${exchange}`));
    }
  };
  return {
    refusal(exchange) {
      const known = asked.get(exchange);
      if (known !== undefined) return known;
      const asking = ask(exchange);
      asked.set(exchange, asking);
      return asking;
    },
    forget: () => asked.clear(),
  };
}

/** `error` of the broker as it is, unless it says that `what` is missing. */
export function explained(error: unknown, { name }: RabbitConnection, what: string): Error {
  if (rabbitReplyCode(error) !== notFound) return rabbitError(error, name);
  return new MillraceError('TOPIC_UNKNOWN', `${name} has no ${what}; run \`millrace apply\``, { cause: error });
}

/** Does something on a channel of its own, which is closed afterwards; a refusal of the broker closes it, too. */
export async function withChannel<T>(connection: RabbitConnection, work: (channel: Amqp.Channel) => Promise<T>): Promise<T> {
  const channel = await connection.openChannel();
  const outcome = await work(channel).catch((error: unknown) => {
    // Only a refusal of the broker has closed it; its code tells.
    if (rabbitReplyCode(error) === undefined) channel.close().catch(() => undefined); // the first error says more
    throw rabbitError(error, connection.name);
  });
  await channel.close();
  return outcome;
}

/** Why events were not published; a return passes when somebody binds a queue, so it is worth another attempt. */
export function publishFailure(error: unknown): MillraceError {
  if (isMillraceError(error, 'MESSAGE_UNROUTABLE')) {
    return new MillraceError('MESSAGE_UNROUTABLE', `${error.message}; run \`millrace apply\``, { cause: error, retriable: true });
  }
  if (isMillraceError(error)) return error;
  return new MillraceError('PUBLISH_FAILED', error instanceof Error ? error.message : String(error), { cause: error });
}
