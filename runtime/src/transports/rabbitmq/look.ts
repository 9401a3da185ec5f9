import { setTimeout as pause } from 'node:timers/promises';
import type * as Amqp from 'amqplib';
import type { RabbitConnection } from '../../connections/rabbitmq/index.ts';
import { explained } from './exchanges.ts';
import { wasReturned } from './source.ts';

/** Messages that are taken from a queue, and given back at the end. */
export interface Look extends AsyncDisposable {
  /** What is in the queue now, oldest first; what comes meanwhile is left for later. */
  messages(): AsyncGenerator<Amqp.ConsumeMessage>;
  remove(message: Amqp.Message): void;
}

/** Messages in memory at once: each may have the largest size that its topic allows. A message at a time costs a round trip each, 2 ms and more. */
const pageSize = 200;
/** Messages that are given back with one command. A quorum queue (3.10) loses the order of more than 32; of 450 given back by the page, hardly two stayed neighbours. */
const togetherBack = 16;
/** Another looker has the rest when none comes for so long. */
const silenceMs = 1_000;
const pollMs = 20;

/** @throws {MillraceError} TOPIC_UNKNOWN when there is no such queue. */
export async function startLook(connection: RabbitConnection, queue: string): Promise<Look> {
  const channel = await connection.openChannel();
  /** Delivery tags of each page, in the order of the queue. */
  const pages: Set<number>[] = [];
  let open = true;
  channel.once('close', () => {
    open = false;
  });
  const { messageCount } = await channel.checkQueue(queue).catch((error: unknown) => {
    throw explained(error, connection, `queue ${queue}`);
  });
  let left = messageCount;
  let page: Amqp.ConsumeMessage[] = [];
  let last: Amqp.ConsumeMessage | undefined;
  const turnPage = async (): Promise<void> => {
    const wanted = Math.min(left, pageSize);
    page = wanted === 0 ? [] : await takePage(channel, queue, wanted);
    left = page.length < wanted ? 0 : left - wanted;
    pages.push(new Set(page.map(({ fields }) => fields.deliveryTag)));
    last = page.at(-1) ?? last;
  };
  return {
    async *messages() {
      while (left > 0) {
        await turnPage();
        yield* page;
      }
    },
    remove(message) {
      const { deliveryTag } = message.fields;
      pages.some((tags) => tags.delete(deliveryTag));
      channel.ack(message);
    },
    async [Symbol.asyncDispose]() {
      if (!open) return;
      // What is given back goes behind what was given back before, and that is delivered before everything else: so all of it is taken, and no more.
      while (left > 0 && last !== undefined && wasReturned(last)) await turnPage();
      const returned = pages.filter((tags) => tags.size > 0);
      // A question after it has answered one is answered when it has come to what was removed.
      await channel.checkQueue(queue);
      let { messageCount: ready } = await channel.checkQueue(queue);
      for (const tags of returned) {
        for (const deliveryTag of lastOfEach([...tags], togetherBack)) {
          channel.nack({ fields: { deliveryTag } } as Amqp.Message, true, true);
        }
        ready += tags.size;
        await seenAgain(channel, queue, ready);
      }
      await channel.close();
    },
  };
}

/** As many messages as are wanted, unless another looker has them. They stay taken when their consumer is cancelled, which has got all that it may by then. */
async function takePage(channel: Amqp.Channel, queue: string, wanted: number): Promise<Amqp.ConsumeMessage[]> {
  const page: Amqp.ConsumeMessage[] = [];
  let arrivedAt = performance.now();
  let onFull = (): void => undefined;
  const full = new Promise<void>((resolve) => {
    onFull = resolve;
  });
  await channel.prefetch(wanted);
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message === null) return onFull(); // the queue was deleted
    page.push(message);
    arrivedAt = performance.now();
    if (page.length === wanted) onFull();
  });
  let waiting = page.length < wanted;
  void full.then(() => {
    waiting = false;
  });
  while (waiting && performance.now() - arrivedAt < silenceMs) await Promise.race([full, pause(pollMs)]);
  await channel.cancel(consumerTag);
  return page;
}

/** The last of every `size` tags, and the last one. */
function lastOfEach(tags: readonly number[], size: number): number[] {
  return tags.filter((_, index) => index % size === size - 1 || index === tags.length - 1);
}

const seenAgainMs = 3_000;

/**
 * A quorum queue takes back what it is given 16 messages at a time, after a while. Who looks next must see all of it, and the pages must not mix; another
 * looker may have it by now.
 */
async function seenAgain(channel: Amqp.Channel, queue: string, ready: number): Promise<void> {
  const until = performance.now() + seenAgainMs;
  while ((await channel.checkQueue(queue)).messageCount < ready && performance.now() < until) await pause(pollMs);
}
