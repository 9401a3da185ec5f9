import type { RabbitPublisher } from '../../connections/rabbitmq/index.ts';
import type { ConsumerSettings, MessageBroker } from '../../consuming/consumer.ts';
import { deadLetterQueue } from '../../contracts/rabbit-names.ts';
import { letterOf } from './letters.ts';
import { confirmSettled, loseSource, type QueueSource, settle } from './source.ts';
import type { Watch } from './watch.ts';

interface BrokerParts {
  readonly publisher: RabbitPublisher;
  readonly settings: ConsumerSettings;
  readonly queueGroup: string;
  readonly watch: Watch;
  readonly sources: () => QueueSource[];
  /** All acknowledgements have reached the broker. */
  readonly onSynced: () => void;
}

/** RabbitMQ as the consumer core sees it. A single active consumer has the queue, so what was delivered to an open channel is nobody else's. */
export function createBroker({ publisher, settings, queueGroup, watch, sources, onSynced }: BrokerParts): MessageBroker<QueueSource> {
  const { topicName, topic, log } = settings;
  const deadQueue = deadLetterQueue(topicName, queueGroup);
  let syncing: Promise<void> | undefined;
  const sync = async (): Promise<void> => {
    const owing = sources().filter(({ unsynced }) => unsynced);
    const answers = await Promise.allSettled(owing.map((source) => confirmSettled(source)));
    // One that does not answer has lost its channel, and with it what it owed.
    const silent = answers.filter(({ status }) => status === 'rejected').length;
    if (silent > 0) log.warn({ topic: topicName, queues: silent }, 'queues did not confirm what was acknowledged');
    syncing = undefined;
    onSynced();
  };
  return {
    isSure: (source) => !source.lost && watch.isSteady(),
    begin(source, message) {
      // The first attempt at a new message is counted by the broker, as a return if the process ends.
      if (message.attempt === 1) return undefined;
      return source.attempts.begin(source.held.get(message.id)?.event ?? message.id, message);
    },
    acknowledge(source, message) {
      source.known.delete(message.id);
      settle(source, message);
    },
    async giveUp({ source }, message) {
      const held = source.held.get(message.id);
      if (topic.deadLetter && held !== undefined) {
        const { failures, id: position } = message;
        const { content, options } = letterOf({ message: held.delivery.message, shard: source.shard, position, failures });
        await publisher.publish('', deadQueue, content, options);
      }
      settle(source, message);
      return 'given up';
    },
    isOwing() {
      if (syncing === undefined && sources().some(({ unsynced }) => unsynced)) syncing = sync();
      return syncing !== undefined;
    },
    isSuperseded: () => false,
    lose(source) {
      if (source.lost) return;
      loseSource(source);
      log.warn({ stream: source.name, running: source.running }, 'the queue may have gone to another consumer; it is consumed anew');
      source.renew();
    },
  };
}
