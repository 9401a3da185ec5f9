import type { Sample } from '../../contracts/signals.ts';
import type { WatchedTopic } from './declared.ts';
import type { FoundGroup } from './groups.ts';
import type { TopicOffsets } from './offsets.ts';

type Offsets = ReadonlyMap<string, TopicOffsets>;

export function topicSamples(topics: readonly WatchedTopic[], offsets: Offsets): Sample[] {
  return topics.flatMap(({ name }) => {
    const partitions = offsets.get(name);
    return partitions === undefined ? [] : [{ signal: 'kafka.topic.messages_added', labels: { topic: name }, value: endOf(partitions) }];
  });
}

export function deadLetterSamples(topics: readonly WatchedTopic[], offsets: Offsets): Sample[] {
  return topics.flatMap(({ name, dead }) =>
    dead.flatMap(({ group, topic }): Sample[] => {
      const partitions = offsets.get(topic);
      if (partitions === undefined) return [];
      const labels = { topic: name, group };
      return [
        { signal: 'kafka.topic.dead_letters', labels, value: sum(partitions, ({ low, high }) => high - low) },
        { signal: 'kafka.topic.dead_letters_added', labels, value: endOf(partitions) },
      ];
    }),
  );
}

/** A group that has committed nothing in a partition is behind by all that the partition keeps: it begins with the oldest. */
export function groupSamples(groups: readonly FoundGroup[], offsets: Offsets): Sample[] {
  return groups.flatMap(({ group, topics, committed, members }) => [
    ...(members === undefined ? [] : [{ signal: 'kafka.group.members', labels: { group }, value: members } as const]),
    ...topics.flatMap(({ topic }): Sample[] => {
      const partitions = offsets.get(topic);
      if (partitions === undefined) return [];
      const lag = sum(partitions, ({ low, high }, partition) => {
        // What retention has removed cannot be read any more.
        const next = committed.get(`${topic}:${partition}`);
        return high - (next === undefined || next < low ? low : next);
      });
      return [{ signal: 'kafka.group.lag', labels: { topic, group }, value: lag }];
    }),
  ]);
}

function endOf(partitions: TopicOffsets): number {
  return sum(partitions, ({ high }) => high);
}

function sum(partitions: TopicOffsets, of: (offsets: { low: bigint; high: bigint }, partition: number) => bigint): number {
  const values = [...partitions].map(([partition, offsets]) => Number(of(offsets, partition)));
  return values.reduce((total, value) => total + Math.max(0, value), 0);
}
