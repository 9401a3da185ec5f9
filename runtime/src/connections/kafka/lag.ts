import type * as Kafkajs from 'kafkajs';

/** How far a group is behind in one partition. */
export interface KafkaPartitionLag {
  readonly topic: string;
  readonly partition: number;
  /** Offset that the next message written will get. */
  readonly end: bigint;
  /** Offset that the group reads next; undefined while it has committed none. */
  readonly committed: bigint | undefined;
  /** Messages not yet committed; from the beginning where nothing was committed. Offsets of transaction markers and compacted messages count. */
  readonly lag: bigint;
}

/** Lag of `groupId` in each partition of `topics`. */
export async function groupLag(admin: Kafkajs.Admin, groupId: string, topics: readonly string[]): Promise<KafkaPartitionLag[]> {
  // First the ends: a group that commits meanwhile is then ahead of them, which counts as no lag; the other way round it would seem behind.
  const ends = await Promise.all(topics.map(async (topic) => ({ topic, partitions: await admin.fetchTopicOffsets(topic) })));
  const committed = await admin.fetchOffsets({ groupId, topics: [...topics] });
  return ends.flatMap(({ topic, partitions }) => {
    const offsets = new Map(
      committed.find((entry) => entry.topic === topic)?.partitions.map(({ partition, offset }) => [partition, offset]),
    );
    return partitions.map(({ partition, high, low }) =>
      partitionLag(topic, partition, BigInt(high), BigInt(low), BigInt(offsets.get(partition) ?? -1)),
    );
  });
}

function partitionLag(topic: string, partition: number, end: bigint, low: bigint, offset: bigint): KafkaPartitionLag {
  const committed = offset < 0n ? undefined : offset;
  // What retention has removed cannot be read any more.
  const from = committed === undefined || committed < low ? low : committed;
  return { topic, partition, end, committed, lag: end > from ? end - from : 0n };
}
