import { once, settledWithin } from '../../connections/once.ts';
import type { ConsumerSettings } from '../../consuming/consumer.ts';
import { abortGraceMs, until } from '../../consuming/drain.ts';
import { createWorker, type Worker } from '../../consuming/worker.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { shardsOf } from '../../contracts/rabbit-names.ts';
import type { Subscription } from '../../transport.ts';
import { createBroker } from './broker.ts';
import type { SubscriptionParts } from './parts.ts';
import { openShard, type Shard } from './shard.ts';
import { confirmSettled, loseSource, type QueueSource } from './source.ts';
import { startWatch } from './watch.ts';

export interface QueueSubscription extends Subscription {
  /** Messages in memory of a queue that it consumes; undefined of any other. */
  unsettled(queue: string): number | undefined;
}

const settleLimitMs = 2_000;

/** Consumes all shards of a topic for a group, as far as no other consumer of the group has them, until closed. */
export async function startSubscription(parts: SubscriptionParts): Promise<QueueSubscription> {
  const { settings, holdMs } = parts;
  const shards: Shard[] = [];
  const sources = (): QueueSource[] => shards.flatMap(({ source }) => (source === undefined ? [] : [source]));
  const watch = startWatch({ sources, holdMs, log: settings.log, handBack: (source) => handBack(source, settings) });
  const broker = createBroker({ ...parts, watch, sources, onSynced: () => worker.pump() });
  const worker: Worker<QueueSource> = createWorker(settings, broker, () => undefined);
  const close = once(async () => {
    worker.stop();
    for (const source of sources()) source.draining = true;
    await drained(parts, worker, sources);
    watch.stop();
    await Promise.all(sources().map((source) => leave(source, settings)));
    await Promise.all(shards.map((shard) => shard.close()));
    for (const source of sources()) loseSource(source);
  });
  try {
    const opened = await Promise.allSettled(
      shardsOf(settings.topic).map(async (shard) => shards.push(await openShard(parts, shard, worker))),
    );
    for (const each of opened) if (each.status === 'rejected') throw each.reason;
  } catch (error) {
    await close();
    throw error;
  }
  const unsettled = (queue: string): number | undefined => sources().find(({ name }) => name === queue)?.held.size;
  return { close, unsettled, [Symbol.asyncDispose]: close };
}

/** Waits for running handlers; those that take too long are told by their signals. */
async function drained({ drainMs }: SubscriptionParts, worker: Worker<QueueSource>, sources: () => QueueSource[]): Promise<void> {
  const isIdle = (): boolean => worker.active() === 0;
  await until(isIdle, drainMs);
  if (isIdle()) return;
  for (const source of sources()) source.abort.abort(new MillraceError('CONNECTION_CLOSED', 'the subscription was closed'));
  await until(isIdle, abortGraceMs);
}

/** Gives everything of a source back, with what is known of its attempts; it comes again at once, here or at another consumer. */
async function handBack(source: QueueSource, settings: ConsumerSettings): Promise<void> {
  await leave(source, settings);
  loseSource(source);
  source.renew();
}

/** What was done and tried here is told to whoever has the shard next. */
async function leave(source: QueueSource, settings: ConsumerSettings): Promise<void> {
  await keepAttempts(source, settings);
  try {
    if (await settledWithin(confirmSettled(source), settleLimitMs)) return;
    settings.log.warn({ stream: source.name }, 'the broker does not answer; what was handled last may come again');
  } catch (error) {
    settings.log.warn({ stream: source.name, error: String(error) }, 'what was handled last may come again');
  }
}

async function keepAttempts(source: QueueSource, { log }: ConsumerSettings): Promise<void> {
  const tried = [...source.known.values()].filter(({ begun, failures }) => !begun && failures.some(({ at }) => at !== undefined));
  const kept = await Promise.allSettled(
    tried.map((message) => source.attempts.keep(source.held.get(message.id)?.event ?? message.id, message)),
  );
  const failed = kept.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') {
    log.warn({ stream: source.name, error: String(failed.reason) }, 'attempts could not be noted; they will be counted anew');
  }
}
