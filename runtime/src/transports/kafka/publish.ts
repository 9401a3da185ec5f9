import { behindRefused } from '../../behind-refused.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import type { MillraceEvent } from '../../contracts/event.ts';
import type { Topic } from '../../contracts/topology.ts';
import type { PublishOptions, PublishResult } from '../../transport.ts';
import { type Appender, asPublishing, type PartitionBatch } from './append.ts';
import { writeEvent } from './codec.ts';
import { failed, type PartitionPlan, planPartitions } from './plan.ts';
import { batchWriter } from './protocol/batch.ts';
import { type LeaderMap, positionOf } from './topics.ts';

/** Below what brokers take in a batch unless told otherwise (`max.message.bytes`, 1,048,588). */
const maxBatchBytes = 1_000_000;
/** Below what brokers take in a request (`socket.request.max.bytes`, 100 MiB), and no longer than a fraction of a second on a slow line. */
const maxRequestBytes = 16_000_000;

interface PublishContext {
  /** @throws {MillraceError} TOPIC_UNKNOWN */
  topicOf(name: string): Topic;
  readonly leaders: LeaderMap;
  readonly appender: Appender;
}

type Publish = (topic: string, events: readonly MillraceEvent[], options?: PublishOptions) => Promise<readonly PublishResult[]>;

interface Call {
  readonly topic: string;
  readonly events: readonly MillraceEvent[];
  readonly results: PublishResult[];
  readonly signal: AbortSignal | undefined;
}

/** Publishes the calls for a topic one after the other, so that no call gets between the batches of another one. */
export function createPublish({ topicOf, leaders, appender }: PublishContext): Publish {
  const turns = new Map<string, Promise<unknown>>();
  const carryOut = async (call: Call, settings: Topic): Promise<void> => {
    const partitions = (await leaders.of(call.topic)).length;
    const plans = planPartitions(call.topic, settings, call.events, partitions, call.results);
    for (let open = plans; open.length > 0; open = open.filter(({ done, indices }) => done < indices.length)) {
      if (call.signal?.aborted === true) return failAll(call, open, aborted(call.signal));
      await sendRound(appender, call, open);
    }
  };
  return async (topic, events, options = {}) => {
    if (events.length === 0) return [];
    const call: Call = { topic, events, results: new Array<PublishResult>(events.length), signal: options.signal };
    const turn = (turns.get(topic) ?? Promise.resolve()).then(async () => {
      if ((options.delayMs ?? 0) > 0) throw noDelay(topic);
      await carryOut(call, topicOf(topic));
    });
    const over = turn.catch(() => undefined);
    turns.set(topic, over);
    try {
      await turn;
    } catch (error) {
      if (!isMillraceError(error)) throw error;
      for (let index = 0; index < events.length; index++) call.results[index] ??= failed(asPublishing(error));
    } finally {
      if (turns.get(topic) === over) turns.delete(topic);
    }
    return call.results;
  };
}

/** One batch of each partition, at once. */
async function sendRound(appender: Appender, call: Call, plans: readonly PartitionPlan[]): Promise<void> {
  const sent: { readonly plan: PartitionPlan; readonly batch: PartitionBatch }[] = [];
  let bytes = 0;
  for (const plan of plans) {
    if (bytes >= maxRequestBytes) break;
    const batch = nextBatch(call.events, plan);
    bytes += batch.records.length;
    sent.push({ plan, batch });
  }
  const outcomes = await appender.append(
    call.topic,
    sent.map(({ batch }) => batch),
  );
  for (const [place, { plan, batch }] of sent.entries()) settle(call, plan, batch, outcomes[place]!);
}

function nextBatch(events: readonly MillraceEvent[], { partition, indices, done, limit }: PartitionPlan): PartitionBatch {
  const writer = batchWriter(Date.now());
  for (let place = done; place < indices.length && writer.count() < limit; place++) {
    const size = writer.add((to) => writeEvent(to, events[indices[place]!]!));
    if (size <= maxBatchBytes || writer.count() === 1) continue;
    writer.takeBack();
    break;
  }
  return { partition, count: writer.count(), records: writer.finish() };
}

function settle(call: Call, plan: PartitionPlan, { partition, count }: PartitionBatch, outcome: number | MillraceError): void {
  if (typeof outcome === 'number') {
    for (let place = 0; place < count; place++) {
      call.results[plan.indices[plan.done + place]!] = { status: 'published', position: positionOf(partition, outcome + place) };
    }
    plan.done += count;
  } else if (outcome.code === 'EVENT_TOO_LARGE' || outcome.code === 'PUBLISH_REJECTED') refuseFirst(call, plan, count, outcome);
  else failAll(call, [plan], outcome);
}

/** Brokers refuse a batch as a whole; which message is meant shows when it is alone. The others of its key wait, those of other keys go on. */
function refuseFirst(call: Call, plan: PartitionPlan, count: number, error: MillraceError): void {
  if (count > 1) {
    plan.limit = Math.ceil(count / 2);
    return;
  }
  const refused = call.events[plan.indices[plan.done]!]!;
  call.results[plan.indices[plan.done]!] = failed(error);
  const later = plan.indices.splice(plan.done + 1);
  plan.done += 1;
  for (const index of later) {
    const event = call.events[index]!;
    const isBehind = refused.partitionkey !== undefined && event.partitionkey === refused.partitionkey;
    if (isBehind) call.results[index] = failed(behindRefused(event));
    else plan.indices.push(index);
  }
}

/** Nothing of a partition is published after a failure. */
function failAll({ results }: Call, plans: readonly PartitionPlan[], error: MillraceError): void {
  for (const plan of plans) {
    for (; plan.done < plan.indices.length; plan.done++) results[plan.indices[plan.done]!] = failed(error);
  }
}

function aborted(signal: AbortSignal): MillraceError {
  return new MillraceError('PUBLISH_FAILED', 'publishing was aborted by its signal', { cause: signal.reason });
}

function noDelay(topic: string): MillraceError {
  return new MillraceError('DELAY_UNSUPPORTED', `topic ${topic} travels over Kafka, which delivers at once; publish without delayMs`);
}
