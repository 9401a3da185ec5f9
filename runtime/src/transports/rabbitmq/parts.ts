import type { RabbitConnection, RabbitPublisher } from '../../connections/rabbitmq/index.ts';
import type { ConsumerSettings } from '../../consuming/consumer.ts';
import type { RunningKeys } from './running-keys.ts';

/** What the shards of one subscription share. */
export interface SubscriptionParts {
  readonly connection: RabbitConnection;
  /** For dead letters and notes of attempts. */
  readonly publisher: RabbitPublisher;
  readonly settings: ConsumerSettings;
  /** Of the handler in `settings`. */
  readonly runningKeys: RunningKeys;
  /** The group as its queues are named: with the tenant, of a consumer that is bound to one. */
  readonly queueGroup: string;
  readonly tenant: string | undefined;
  readonly drainMs: number;
  /** A message is given back after it was in memory for so long: RabbitMQ takes a consumer for dead that keeps one for `consumer_timeout`. */
  readonly holdMs: number;
}
