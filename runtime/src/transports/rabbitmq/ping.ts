import type * as Amqp from 'amqplib';
import type { RabbitConnection } from '../../connections/rabbitmq/index.ts';
import { unlessAborted } from '../../connections/unless-aborted.ts';

/** Asks the broker something on a channel that is kept for it. */
export function createPinger(connection: RabbitConnection): (signal?: AbortSignal) => Promise<void> {
  let opening: Promise<Amqp.Channel> | undefined;
  const channel = (): Promise<Amqp.Channel> => {
    opening ??= connection.openChannel().then((opened) => {
      const forget = (): void => {
        opening = undefined;
      };
      opened.once('close', forget);
      opened.once('error', forget);
      return opened;
    });
    return opening;
  };
  const ask = async (): Promise<void> => {
    try {
      await (await channel()).prefetch(1);
    } catch (error) {
      opening = undefined;
      throw error;
    }
  };
  return (signal) => unlessAborted(ask(), signal);
}
