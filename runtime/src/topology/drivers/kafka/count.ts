import type { Admin } from 'kafkajs';
import type { ServiceHandle } from '../../../binding/index.ts';
import { connectKafka } from '../../../connections/kafka/index.ts';

/** Counts messages by offsets: markers of transactions and gaps of compaction count as well. */
export interface Counter extends AsyncDisposable {
  /** What a topic keeps. */
  messages(topic: string): Promise<number>;
  /** What comes before the first message that is at most `ageMs` old. Kafka deletes whole segments, so at first fewer will go. */
  older(topic: string, ageMs: number): Promise<number>;
}

/** By a connection of its own: an admin client of kafkajs that has counted a topic can do nothing more once somebody has deleted it. */
export async function openCounter(service: ServiceHandle): Promise<Counter> {
  const connection = await connectKafka(service, { name: 'millrace apply' });
  const admin = await connection.admin();
  return {
    messages: async (topic) => sum(await admin.fetchTopicOffsets(topic), ({ low, high }) => BigInt(high) - BigInt(low)),
    older: (topic, ageMs) => countOlder(admin, topic, ageMs),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

async function countOlder(admin: Admin, topic: string, ageMs: number): Promise<number> {
  const kept = await admin.fetchTopicOffsetsByTimestamp(topic, Date.now() - ageMs);
  const firstKept = new Map(kept.map(({ partition, offset }) => [partition, BigInt(offset)]));
  return sum(await admin.fetchTopicOffsets(topic), ({ partition, low }) => (firstKept.get(partition) ?? 0n) - BigInt(low));
}

function sum<T>(values: readonly T[], of: (value: T) => bigint): number {
  return values.reduce((total, value) => total + Math.max(0, Number(of(value))), 0);
}
