import { wireProtocol } from '../../../connections/kafka/wire.ts';

export interface DescribedTopic {
  readonly name: string;
  readonly errorCode: number;
  /** Drawn when the topic was made; another one means another topic of the same name. */
  readonly id: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly leader: number;
    /** Grows with each election. */
    readonly leaderEpoch: number;
  }[];
}

export interface Description {
  readonly clusterId: string;
  readonly topics: readonly DescribedTopic[];
}

const noId = Buffer.alloc(16);

/** Metadata, version 10: the first with topic ids, spoken by Kafka since 2.8; kafkajs ends at 6. */
export const describeTopics = wireProtocol<readonly string[], Description>(
  { key: 3, version: 10, name: 'Metadata', flexible: true },
  (to, topics) => {
    to.compactLength(topics.length);
    for (const topic of topics) to.raw(noId).compactText(topic).compactLength(-1);
    // Create none, and tell nothing of rights.
    to.int8(0).int8(0).int8(0).compactLength(-1);
  },
  (from) => {
    from.int32();
    from.compactList(() => {
      from.int32();
      from.compactText();
      from.int32();
      from.compactText();
      from.skipTags();
    });
    const clusterId = from.compactText();
    from.int32();
    const topics = from.compactList((): DescribedTopic => {
      const [errorCode, name, id] = [from.int16(), from.compactText(), from.slice(16).toString('base64url')];
      from.int8();
      const partitions = from.compactList(() => {
        from.int16();
        const [partition, leader, leaderEpoch] = [from.int32(), from.int32(), from.int32()];
        for (let list = 0; list < 3; list++) from.compactList(() => from.int32());
        from.skipTags();
        return { partition, leader, leaderEpoch };
      });
      from.int32();
      from.skipTags();
      return { name, errorCode, id, partitions };
    });
    return { clusterId, topics };
  },
);
