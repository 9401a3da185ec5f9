import type { Sample, SignalName } from '../../contracts/signals.ts';
import type { GroupFacts } from './group.ts';
import type { StreamFacts } from './stream.ts';

/** What a sample of streams is of. */
export interface Place {
  readonly service: string;
  readonly topic: string;
  readonly shard: string;
}

/** Samples of one stream, or of those of all tenants together. */
export function streamSamples(place: Place, streams: readonly StreamFacts[]): Sample[] {
  const sum = (of: (stream: StreamFacts) => number): number => streams.reduce((total, stream) => total + of(stream), 0);
  return [
    sampleOf(
      'redis.stream.length',
      place,
      sum(({ length }) => length),
    ),
    sampleOf(
      'redis.stream.entries_added',
      place,
      sum(({ added }) => added),
    ),
    sampleOf('redis.stream.retention_held', place, most(streams.map(({ heldSeconds }) => heldSeconds))),
    ...byName(streams).flatMap(([group, facts]) => groupSamples({ ...place, group }, facts)),
  ];
}

/** One for each consumer of a stream that has something open, of the streams of tenants none: who consumes those may be named after them. */
export function consumerSamples(place: Place, { groups }: StreamFacts): Sample[] {
  return groups.flatMap(({ name: group, consumers }) =>
    consumers.map(([consumer, pending]) => sampleOf('redis.stream.pending', { ...place, group, consumer }, pending)),
  );
}

/** What is told of a group over all of its streams: of amounts the sum, of ages and of what one consumer holds the most. */
const ofGroups = [
  ['redis.stream.lag', total, ({ lag }) => lag],
  ['redis.stream.backlog', total, ({ lag, pending }) => lag + pending],
  ['redis.stream.pending', most, ({ consumers }) => consumers[0]?.[1] ?? 0],
  ['redis.stream.oldest_pending_age', most, ({ oldestPendingSeconds }) => oldestPendingSeconds],
  ['redis.stream.oldest_waiting_age', most, ({ oldestWaitingSeconds }) => oldestWaitingSeconds],
  ['redis.stream.dead_letters', total, ({ deadLetters }) => deadLetters],
  ['redis.stream.dead_letters_added', total, ({ deadLettersAdded }) => deadLettersAdded],
  ['redis.stream.blocked_keys', total, ({ blockedKeys }) => blockedKeys],
] as const satisfies readonly [SignalName, (values: readonly number[]) => number, (group: GroupFacts) => number][];

function groupSamples(labels: Sample['labels'], groups: readonly GroupFacts[]): Sample[] {
  return ofGroups.map(([signal, fold, of]) =>
    // Of the consumer that holds the most.
    sampleOf(signal, signal === 'redis.stream.pending' ? { ...labels, consumer: '' } : labels, fold(groups.map(of))),
  );
}

function byName(streams: readonly StreamFacts[]): [name: string, facts: GroupFacts[]][] {
  const named = new Map<string, GroupFacts[]>();
  for (const facts of streams.flatMap(({ groups }) => groups)) {
    const known = named.get(facts.name);
    if (known === undefined) named.set(facts.name, [facts]);
    else known.push(facts);
  }
  return [...named];
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** `Math.max` takes as many arguments as the stack holds. */
function most(values: readonly number[]): number {
  return values.reduce((largest, value) => Math.max(largest, value), 0);
}

export function sampleOf(signal: SignalName, labels: object, value: number): Sample {
  return { signal, labels: { ...labels }, value };
}
