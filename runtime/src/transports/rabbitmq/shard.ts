import type { RabbitSetup } from '../../connections/rabbitmq/index.ts';
import type { Worker } from '../../consuming/worker.ts';
import { attemptsQueue, groupQueue } from '../../contracts/rabbit-names.ts';
import { createAttemptLog } from './attempts.ts';
import { explained } from './exchanges.ts';
import { type Arrival, receive } from './incoming.ts';
import type { SubscriptionParts } from './parts.ts';
import { loseSource, openQueueSource, type QueueSource } from './source.ts';

/** One shard of a subscription, on a channel of its own: what one gives back does not disturb the others. */
export interface Shard {
  /** As the present channel has it. */
  readonly source: QueueSource | undefined;
  /** Gives everything back. */
  close(): Promise<void>;
}

/** @throws {MillraceError} TOPIC_UNKNOWN when the queue is not on the broker, and as `RabbitConnection.openConsumer`. */
export async function openShard(parts: SubscriptionParts, shard: number, worker: Worker<QueueSource>): Promise<Shard> {
  const { connection, settings, queueGroup } = parts;
  const { topicName, topic, log } = settings;
  const queue = groupQueue(topicName, queueGroup, shard);
  const onError = (error: unknown): void => log.warn({ stream: queue, error: String(error) }, 'the log of attempts failed');
  const arrival: Arrival = {
    retry: topic.retry,
    tenant: parts.tenant,
    runningKeys: parts.runningKeys,
    add: (lane) => worker.add(lane),
    onError,
  };
  let source: QueueSource | undefined;

  const setup = async ({ channel, consume, ended, renew }: RabbitSetup): Promise<void> => {
    const { publisher } = parts;
    const log = { channel, publisher, onError, consumer: settings.consumer, queue: attemptsQueue(topicName, queueGroup, shard) };
    const fresh = openQueueSource(queue, shard, { channel, renew, attempts: createAttemptLog(log) });
    source = fresh;
    void ended.then(() => loseSource(fresh));
    await channel.prefetch(Math.max(1, Math.floor(settings.maxUnhandled / topic.shards)));
    await consume(queue, (delivery) => receive(fresh, delivery, arrival));
  };
  try {
    const consumer = await connection.openConsumer(setup, { returnsUnsettled: true });
    return {
      get source() {
        return source?.lost === false ? source : undefined;
      },
      close: () => consumer.close(),
    };
  } catch (error) {
    throw explained(error, connection, `queue ${queue}`);
  }
}
