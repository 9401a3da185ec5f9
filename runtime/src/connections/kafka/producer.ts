import type * as Kafkajs from 'kafkajs';
import { MillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';
import { backoffMs } from '../backoff.ts';
import { once, settledWithin } from '../once.ts';
import { type ClientSource, connectPart, dropSilentSockets, type KafkaClient, retryBehaviour } from './client.ts';
import { isLasting, kafkaError } from './errors.ts';

export interface KafkaProducerOptions {
  /** Time a batch has in all, attempts and reconnecting included. @default 10_000 */
  readonly sendTimeoutMs?: number;
}

/** Sends batches, one at a time, in the order of the calls. */
export interface KafkaProducer extends AsyncDisposable {
  /**
   * Resolves when all replicas in sync have all messages, with one result a partition.
   *
   * When it rejects, any part may have been written: send all of it again, before anything else of the same keys. Batches that waited behind a failed one
   * fail with it, so that nothing overtakes. The broker sees duplicates, never another order of first deliveries.
   *
   * @throws {MillraceError} PUBLISH_FAILED, CONNECTION_FAILED, CONNECTION_TIMEOUT (all retriable); TOPIC_UNKNOWN, ACCESS_DENIED, EVENT_TOO_LARGE,
   * CONNECTION_REFUSED_CREDENTIALS, CONNECTION_CLOSED.
   */
  send(batch: readonly Kafkajs.TopicMessages[]): Promise<readonly Kafkajs.RecordMetadata[]>;
  /** Sends what waits, within the connection's `closeTimeoutMs`. */
  close(): Promise<void>;
}

type Batch = readonly Kafkajs.TopicMessages[];
type Results = readonly Kafkajs.RecordMetadata[];

/** Long enough for a leader that moves in good order; a cluster that is away is for the caller to wait for. */
const repeatForMs = 1_000;

/**
 * A producer that acknowledges what all replicas in sync have (`acks` all) and fails fast while the cluster is away: the outbox is the buffer.
 *
 * It is not idempotent in Kafka's sense, on purpose. That protects retries within one `send` alone; whoever sends a failed batch again does so under new
 * sequence numbers. And kafkajs 2.2.4 gives the numbers of a batch that failed to the next one: if the failed one was written after all, the broker takes the
 * next for its repetition, acknowledges it and drops it (seen with a broker that was stopped and went on: one acknowledged message lost). A duplicate, on
 * the other hand, is removed by the inbox.
 */
export async function openProducer(
  source: ClientSource,
  { sendTimeoutMs = 10_000 }: KafkaProducerOptions,
  onClosed: () => void,
): Promise<KafkaProducer> {
  const { where, settings } = source;
  const sender = openSender(source, sendTimeoutMs, await connected(source, settings.connectTimeoutMs));
  const turns = inTurn(where, sender.send);
  let closed = false;
  const close = once(async () => {
    closed = true;
    await settledWithin(turns.idle().then(sender.disconnect), settings.closeTimeoutMs);
    sender.cut();
    onClosed();
  });
  return {
    async send(batch) {
      if (closed) throw closedError(where);
      return turns.take(batch);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** One after the other; a failure fails all that waits at that moment. */
function inTurn(
  where: string,
  send: (batch: Batch) => Promise<Results>,
): { take(batch: Batch): Promise<Results>; idle(): Promise<unknown> } {
  let queue: Promise<unknown> = Promise.resolve();
  let failures = 0;
  async function turn(batch: Batch, failuresBefore: number): Promise<Results> {
    if (failures !== failuresBefore)
      throw new MillraceError('PUBLISH_FAILED', `a batch before this one failed at ${where}; send both again`);
    try {
      return await send(batch);
    } catch (error) {
      failures += 1;
      throw error;
    }
  }
  return {
    take(batch) {
      const failuresBefore = failures;
      const sent = queue.then(() => turn(batch, failuresBefore));
      queue = sent.catch(() => undefined);
      return sent;
    },
    idle: () => queue,
  };
}

interface OpenProducer extends KafkaClient {
  readonly producer: Kafkajs.Producer;
}

interface Sender {
  send(batch: Batch): Promise<Results>;
  disconnect(): Promise<void>;
  /** Ends what is under way. */
  cut(): void;
}

function openSender(source: ClientSource, sendTimeoutMs: number, first: OpenProducer): Sender {
  const { where, settings } = source;
  let current: OpenProducer | undefined = first;
  const cutting = new AbortController();

  async function sendOnce({ producer }: OpenProducer, batch: Batch): Promise<Results> {
    const results = await producer.sendBatch({ topicMessages: [...batch], acks: -1, timeout: settings.requestTimeoutMs });
    return acknowledged(batch, results, where);
  }
  async function inTime(batch: Batch): Promise<Results> {
    const giveUpAt = performance.now() + sendTimeoutMs;
    const used = current ?? (await connected(source, Math.min(sendTimeoutMs, settings.connectTimeoutMs), cutting.signal));
    current = used;
    const sending = repeatedly(
      source,
      () => used === current,
      () => sendOnce(used, batch),
    );
    if (await settledWithin(sending, Math.max(0, giveUpAt - performance.now()))) return sending;
    // The request may still be under way; without sockets it cannot be repeated after what the caller sends next.
    current = undefined;
    drop(used);
    throw new MillraceError('CONNECTION_TIMEOUT', `${where} did not acknowledge a batch within ${sendTimeoutMs} ms; parts may be written`);
  }
  return {
    async send(batch) {
      if (cutting.signal.aborted) throw closedError(where);
      try {
        return await inTime(batch);
      } catch (error) {
        throw cutting.signal.aborted ? closedError(where) : kafkaError(error, where);
      }
    },
    disconnect: async () => current?.producer.disconnect(),
    cut() {
      cutting.abort();
      if (current !== undefined) drop(current);
      current = undefined;
    },
  };
}

/** Whole batches only: kafkajs repeats what some brokers have not answered, and drops without a word what has moved to a broker that has. */
async function repeatedly<T>(source: ClientSource, isWanted: () => boolean, attempt: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + repeatForMs;
  for (let number = 1; ; number++) {
    try {
      return await attempt();
    } catch (error) {
      const reason = kafkaError(error, source.where);
      if (performance.now() > giveUpAt || isLasting(reason) || !isWanted()) throw reason;
      await new Pause().wait(backoffMs(number, source.settings.maxReconnectDelayMs));
    }
  }
}

/** @param cutting ends the attempt, and leaves nothing that could still send. */
async function connected(source: ClientSource, limitMs: number, cutting?: AbortSignal): Promise<OpenProducer> {
  const giveUpAt = performance.now() + limitMs;
  const client = await source.open(limitMs);
  const producer = client.kafka.producer({
    createPartitioner: client.kafkajs.Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    retry: { ...retryBehaviour, retries: 0 },
  });
  dropSilentSockets(producer, producer.events.REQUEST_TIMEOUT, client);
  const end = (): void => client.sockets.end();
  cutting?.addEventListener('abort', end);
  try {
    cutting?.throwIfAborted();
    await connectPart(source, client, producer.connect(), giveUpAt - performance.now());
    cutting?.throwIfAborted();
    return { ...client, producer };
  } catch (error) {
    drop({ ...client, producer });
    throw error;
  } finally {
    cutting?.removeEventListener('abort', end);
  }
}

function drop({ producer, sockets }: OpenProducer): void {
  sockets.end();
  // What it could still complain about has been cut on purpose.
  producer.disconnect().catch(() => undefined);
}

/** An answer that leaves out a partition, or gives it no offset, is no acknowledgement. */
function acknowledged(batch: Batch, results: Results, where: string): Results {
  for (const { topic, messages } of batch) {
    if (messages.length === 0) continue;
    const written = results.filter((result) => result.topicName === topic && result.errorCode === 0 && Number(result.baseOffset) >= 0);
    const partitions = new Set(messages.flatMap(({ partition }) => partition ?? []));
    const complete = written.length > 0 && [...partitions].every((wanted) => written.some(({ partition }) => partition === wanted));
    if (!complete) throw new MillraceError('PUBLISH_FAILED', `${where} gave no offset for messages of topic ${topic}`);
  }
  return results;
}

function closedError(where: string): MillraceError {
  return new MillraceError('CONNECTION_CLOSED', `producer of ${where} is closed`);
}
