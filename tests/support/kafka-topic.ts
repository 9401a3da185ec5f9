import type { Admin, ITopicConfig } from 'kafkajs';
import { eventually } from './eventually.ts';

/** Creates a topic and waits until it can be used: kafkajs's own wait fails as soon as a broker is asked that has not heard of it yet. */
export async function createTopic(admin: Admin, topic: ITopicConfig): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics: [topic] });
  const isLed = async (): Promise<boolean> => {
    const [known] = (await admin.fetchTopicMetadata({ topics: [topic.topic] })).topics;
    return known!.partitions.length > 0 && known!.partitions.every(({ leader }) => leader >= 0);
  };
  await eventually(isLed, { what: `topic ${topic.topic} has leaders`, timeoutMs: 30_000 });
}
