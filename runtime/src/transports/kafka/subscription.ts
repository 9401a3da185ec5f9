import { once, settledWithin } from '../../connections/once.ts';
import { letGo } from '../../consuming/source.ts';
import { createWorker, type Worker } from '../../consuming/worker.ts';
import { MillraceError } from '../../contracts/errors.ts';
import type { Subscription } from '../../transport.ts';
import { type Blocked, startBlocked } from './blocked.ts';
import { type Committer, startCommitter } from './committer.ts';
import type { Consumer } from './consumer.ts';
import { createFeeder } from './feeder.ts';
import { type Fetcher, startFetcher } from './fetcher.ts';
import type { HeldPartition } from './held-partition.ts';
import { createHolder, type Holder } from './holder.ts';
import { readEnds } from './log-ends.ts';
import { type Member, startMember } from './member.ts';
import { partitionMessages } from './messages.ts';
import { Offsets } from './offsets.ts';
import { passLoss } from './takeover.ts';

/** What the parts of one subscription share, but for what the subscription itself keeps. */
export type ConsumerParts = Omit<Consumer, 'held' | 'gone' | 'lose'>;

/** Consumes a topic as a member of a group: takes the partitions it is assigned, fetches and hands events to the handler until closed. */
export function startSubscription(parts: ConsumerParts, onClosed: () => void): Subscription {
  const consumer: Consumer = { ...parts, held: new Map(), gone: new Map(), lose: (held) => holder.lose(held) };
  const member: Member = startMember({
    consumer,
    owned: () => holder.owned(),
    onAssigned: (partitions) => holder.assign(partitions),
    onLost: () => holder.loseAll(),
  });
  const committer: Committer = startCommitter(consumer, member, () => worker.pump());
  const blocked: Blocked = startBlocked(consumer, (lane) => worker.wake(lane));
  const onBack = (): void => fetcher.poke();
  const messages = partitionMessages({ consumer, member, committer, blocked, onBack });
  const worker: Worker<HeldPartition> = createWorker(consumer, messages, () => feed());
  const feed = createFeeder({ consumer, add: (lane) => worker.add(lane), onTaken: () => fetcher.poke() });
  const fetcher: Fetcher = startFetcher({ consumer, onFetched: feed, onOutOfRange: (held) => findPlace(consumer, held) });
  const holder: Holder = createHolder({ consumer, member, committer, blocked, onHeld: () => fetcher.poke() });
  const close = once(async () => {
    await shutDown({ consumer, worker, fetcher, holder, committer, blocked, member });
    onClosed();
  });
  return { close, [Symbol.asyncDispose]: close };
}

/** The log does not have the offset that is read next: retention has passed it, or the log was cut back. */
async function findPlace(consumer: Consumer, held: HeldPartition): Promise<void> {
  const { shared, leaders, topicName: topic } = consumer;
  const { partition } = held;
  const { start, end } = (await readEnds(shared, leaders, topic, [partition])).get(partition)!;
  if (held.fetchAt > end) consumer.lose(held); // what it was is found out when it is taken over again
  if (held.fetchAt >= start) return;
  // What is in memory is handled all the same.
  const unread = new Offsets(held.fetchAt, held.offsets.ranges);
  passLoss(consumer, partition, unread, start);
  held.offsets.finish(held.fetchAt, start);
  held.dirty = true;
  held.fetchAt = start;
  held.bufferEnd = Math.max(held.bufferEnd, start);
}

interface Running {
  readonly consumer: Consumer;
  readonly worker: Worker<HeldPartition>;
  readonly fetcher: Fetcher;
  readonly holder: Holder;
  readonly committer: Committer;
  readonly blocked: Blocked;
  readonly member: Member;
}

const stepMs = 1_000;

async function shutDown({ consumer, worker, fetcher, holder, committer, blocked, member }: Running): Promise<void> {
  worker.stop();
  fetcher.stop();
  const unfinished = await holder.close();
  await blocked.stop();
  await committer.stop();
  // The next holder must not begin while handlers of ours go on, which were told to end: the session has to run out.
  await member.stop(!unfinished);
  for (const held of consumer.held.values()) letGo(held, new MillraceError('CONNECTION_CLOSED', 'the subscription was closed'));
  await settledWithin(consumer.nodes.close(), stepMs);
}
