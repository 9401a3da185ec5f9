import type * as Kafkajs from 'kafkajs';
import type { ServiceHandle } from '../../binding/index.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';
import { backoffMs } from '../backoff.ts';
import { requireKind } from '../endpoints.ts';
import { settledWithin } from '../once.ts';
import { type Asker, openAsker, type Protocol } from './asker.ts';
import { type ClientSource, clientSource, connectPart, dropSilentSockets, retryBehaviour } from './client.ts';
import { type KafkaConsumer, openConsumer } from './consumer.ts';
import { type KafkaConsumerOptions, resolveConsumerOptions } from './consumer-options.ts';
import { isLasting, kafkaError } from './errors.ts';
import { groupLag, type KafkaPartitionLag } from './lag.ts';
import { type KafkaMetadata, readMetadata } from './metadata.ts';
import { type KafkaNodes, openNodes } from './nodes.ts';
import { type Closable, partsOf } from './parts.ts';
import { type KafkaProducer, type KafkaProducerOptions, openProducer } from './producer.ts';
import { type KafkaConnectOptions, resolveKafkaOptions } from './settings.ts';
import { readTopicSetting } from './topic-settings.ts';

export type { AwsCredentialProvider } from '../../aws/credentials.ts';
export type { KafkaConsumer } from './consumer.ts';
export type { KafkaConsumerOptions } from './consumer-options.ts';
export { kafkaError } from './errors.ts';
export type { KafkaPartitionLag } from './lag.ts';
export type { KafkaConsumerStatus } from './life-signs.ts';
export type { KafkaMetadata, KafkaPartitionMetadata, KafkaTopicMetadata } from './metadata.ts';
export type { KafkaNodes } from './nodes.ts';
export type { KafkaProducer, KafkaProducerOptions } from './producer.ts';
export type { KafkaConnectOptions } from './settings.ts';

/** An open connection to a cluster; `close()` is idempotent, bounded by `closeTimeoutMs`, and closes all that was opened through it. */
export interface KafkaConnection extends AsyncDisposable {
  /** Name of the service in the binding. */
  readonly name: string;
  /** Id of the cluster, asked anew; another one means another cluster, whose topics and offsets are not the same. */
  clusterId(): Promise<string>;
  /** Brokers, controller, and leaders and replicas of `topics`, as one broker knows them now; `all` are those that the user may see. */
  metadata(topics?: readonly string[] | 'all'): Promise<KafkaMetadata>;
  /** Values of one setting (`min.insync.replicas`) by topic; topics that are missing or not the user's to see are left out. */
  topicSetting(topics: readonly string[], setting: string): Promise<ReadonlyMap<string, string>>;
  /** One request of Kafka's protocol to any broker, for what kafkajs does not offer; error codes within the answer are the caller's to judge. */
  ask: Asker['ask'];
  /** Requests of Kafka's protocol to single brokers, over sockets of their own. */
  nodes(): Promise<KafkaNodes>;
  /** How far a group is behind. @throws {MillraceError} TOPIC_UNKNOWN, ACCESS_DENIED, CONNECTION_FAILED */
  lag(groupId: string, topics: readonly string[]): Promise<readonly KafkaPartitionLag[]>;
  /** kafkajs's admin client, connected once and kept. Its errors are kafkajs's; `kafkaError` translates them. */
  admin(): Promise<Kafkajs.Admin>;
  /** @throws {MillraceError} CONNECTION_FAILED, CONNECTION_REFUSED_CREDENTIALS, CONNECTION_TLS_FAILED, CONNECTION_CLOSED */
  producer(options?: KafkaProducerOptions): Promise<KafkaProducer>;
  /**
   * Joins a consumer group, and stays in it until it is closed.
   *
   * Returns when the topics are found; joining goes on in the background, and failures from then on are told to `onError` and tried again for ever.
   *
   * @throws {MillraceError} TOPIC_UNKNOWN, ACCESS_DENIED, CONNECTION_FAILED, CONNECTION_REFUSED_CREDENTIALS, CONNECTION_TLS_FAILED, CONNECTION_CLOSED
   */
  consumer(options: KafkaConsumerOptions): Promise<KafkaConsumer>;
  close(): Promise<void>;
}

/**
 * Connects to the Kafka cluster of `handle`, with TLS, SCRAM or the IAM tokens of Amazon MSK as its binding says.
 *
 * Producers, consumers and the admin client have sockets of their own and are opened when asked for. Secrets are read for each new socket, so that a rotated
 * password needs no restart. Nothing is printed.
 *
 * @throws {MillraceError} CONNECTION_FAILED when no broker was reached in time; CONNECTION_REFUSED_CREDENTIALS and CONNECTION_TLS_FAILED at once;
 * CLIENT_NOT_INSTALLED without `kafkajs`; SECRET_UNAVAILABLE when the password cannot be read; BINDING_INVALID when no bootstrap endpoint fits.
 * @example
 * await using log = await connectKafka(binding.service('log', 'kafka'), { name: 'orders' });
 * await (await log.admin()).createTopics({ topics: [{ topic: 'orders', numPartitions: 6 }] }); // where it is not there yet
 * const producer = await log.producer();
 * await producer.send([{ topic: 'orders', messages: [{ key: 'order-1', value: 'paid' }] }]);
 * @example
 * await using consumer = await log.consumer({
 *   groupId: 'emails',
 *   topics: ['orders'],
 *   eachBatch: async ({ batch }) => {
 *     for (const { value } of batch.messages) await send(String(value));
 *   },
 * });
 */
export async function connectKafka(handle: ServiceHandle, options: KafkaConnectOptions = {}): Promise<KafkaConnection> {
  requireKind(handle, 'connectKafka', 'kafka');
  const source = clientSource(handle, resolveKafkaOptions(options));
  const asker = openAsker(source);
  try {
    await firstAnswer(asker, source);
  } catch (error) {
    await asker.close();
    throw error;
  }
  return openConnection(handle.name, source, asker);
}

/** Tries until a broker has answered, the time is over, or an error is met that no further attempt can mend. */
async function firstAnswer(asker: Asker, { where, settings, lastError }: ClientSource): Promise<void> {
  const { connectTimeoutMs } = settings;
  const pause = new Pause();
  let given = false;
  let last: Error | undefined;
  const attempts = async (): Promise<void> => {
    for (let attempt = 1; !given; attempt++) {
      try {
        return await asker.connect();
      } catch (error) {
        const reason = kafkaError(error, where);
        if (isLasting(reason)) throw reason;
        last = reason;
      }
      await pause.wait(backoffMs(attempt, settings.maxReconnectDelayMs));
    }
  };
  const answered = await settledWithin(attempts(), connectTimeoutMs);
  given = true;
  pause.poke();
  if (answered) return;
  // A secret that could not be read is told as such.
  const told = lastError();
  for (const reason of [last, told]) if (isMillraceError(reason) && !reason.code.startsWith('CONNECTION_')) throw reason;
  const cause = told ?? last;
  const reason = cause === undefined ? '' : `: ${cause.cause instanceof Error ? cause.cause.message : cause.message}`;
  throw new MillraceError('CONNECTION_FAILED', `could not connect to ${where} within ${connectTimeoutMs} ms${reason}`, { cause });
}

function openConnection(name: string, source: ClientSource, asker: Asker): KafkaConnection {
  const parts = partsOf(source, asker);
  const { guarded, kept } = parts;
  let opening: Promise<OpenAdmin> | undefined;
  const admin = async (): Promise<Kafkajs.Admin> => {
    opening ??= kept(() => openAdmin(source));
    try {
      return (await opening).admin;
    } catch (error) {
      opening = undefined;
      throw error;
    }
  };
  const ask = <Options, Answer>(protocol: Protocol<Options, Answer>, options: Options, limitMs?: number): Promise<Answer> =>
    guarded(() => asker.ask(protocol, options, limitMs));
  const metadata = (topics: readonly string[] | 'all' = []): Promise<KafkaMetadata> => guarded(() => readMetadata(asker, topics));
  return {
    name,
    metadata,
    clusterId: async () => (await metadata()).clusterId,
    topicSetting: (topics, setting) => guarded(() => readTopicSetting(asker, topics, setting)),
    ask,
    nodes: () => kept(async (forget) => openNodes(source, { ask, metadata }, forget)),
    lag: (groupId, topics) => guarded(async () => groupLag(await admin(), groupId, topics)),
    admin: () => guarded(admin),
    producer: (options = {}) => kept((forget) => openProducer(source, options, forget)),
    consumer: (options) => kept((forget) => openConsumer(source, resolveConsumerOptions(options), forget)),
    close: parts.close,
    [Symbol.asyncDispose]: parts.close,
  };
}

interface OpenAdmin extends Closable {
  readonly admin: Kafkajs.Admin;
}

async function openAdmin(source: ClientSource): Promise<OpenAdmin> {
  const client = await source.open();
  const admin = client.kafka.admin({ retry: retryBehaviour });
  dropSilentSockets(admin, admin.events.REQUEST_TIMEOUT, client);
  const close = async (): Promise<void> => {
    await settledWithin(admin.disconnect().catch(source.tell), source.settings.closeTimeoutMs);
    client.sockets.end();
  };
  try {
    await connectPart(source, client, admin.connect());
  } catch (error) {
    await close();
    throw error;
  }
  return { admin, close };
}
