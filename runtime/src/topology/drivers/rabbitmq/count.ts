import type { Channel } from 'amqplib';
import type { ServiceHandle } from '../../../binding/index.ts';
import { connectRabbit, type RabbitConnection, rabbitReplyCode } from '../../../connections/rabbitmq/index.ts';
import { MillraceError } from '../../../contracts/errors.ts';
import type { Live } from './model.ts';

/**
 * Counts what is ready in a queue now, over AMQP: the management interface tells what was there up to 5 s ago. The connection is opened for the first count.
 */
export interface QueueCounter extends AsyncDisposable {
  /** Ready messages by queue; one that is gone, or belongs to a connection, is missing. */
  ready(queues: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

export function queueCounter(handle: ServiceHandle): QueueCounter {
  let connecting: Promise<RabbitConnection> | undefined;
  let closed = false;
  return {
    async ready(queues) {
      const counts = new Map<string, number>();
      if (queues.length === 0) return counts;
      // Whoever gave up on a comparison closes the driver while it still runs: a connection that was opened now would never be closed.
      if (closed) throw new MillraceError('CONNECTION_CLOSED', `counting messages on ${handle.name} has ended`);
      connecting ??= connectRabbit(handle, { name: 'millrace apply' });
      const connection = await connecting;
      let channel: Channel | undefined;
      for (const queue of queues) {
        channel ??= await connection.openChannel();
        const count = await readyIn(channel, queue);
        if (count === undefined) channel = undefined;
        else counts.set(queue, count);
      }
      await channel?.close();
      return counts;
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await connecting?.then(
        (connection) => connection.close(),
        () => undefined,
      ); // its failure was told to who counted
    },
  };
}

const notFound = 404;
const resourceLocked = 405;

/** Undefined when the broker would not tell; it has ended the channel then. */
async function readyIn(channel: Channel, queue: string): Promise<number | undefined> {
  try {
    return (await channel.checkQueue(queue)).messageCount;
  } catch (error) {
    if (![notFound, resourceLocked].includes(rabbitReplyCode(error) ?? 0)) throw error;
    return undefined;
  }
}

/** `live` with the messages that are in `queues` now. Where both figures are at odds the higher one counts: a queue without a leader says zero. */
export async function withCounts(live: Live, counter: QueueCounter, queues: readonly string[]): Promise<Live> {
  const counts = await counter.ready(queues);
  return {
    ...live,
    queues: live.queues.map((queue) => {
      const ready = counts.get(queue.name);
      return ready === undefined ? queue : { ...queue, messages: Math.max(queue.messages, ready + queue.unacknowledged) };
    }),
  };
}
