import type { KafkaConnection, KafkaMetadata } from '../../connections/kafka/index.ts';

/** It changes when somebody changes it by hand. */
const keptMs = 300_000;

/** Reads `min.insync.replicas` of every topic; again when it is old, or when a topic is new. */
export function minInSyncReader(): (connection: KafkaConnection, metadata: KafkaMetadata) => Promise<ReadonlyMap<string, number>> {
  let asked: ReadonlySet<string> = new Set();
  let known: ReadonlyMap<string, number> = new Map();
  let until = 0;
  return async (connection, { topics }) => {
    const names = topics.map(({ name }) => name);
    if (performance.now() < until && names.every((name) => asked.has(name))) return known;
    const values = names.length === 0 ? [] : await connection.topicSetting(names, 'min.insync.replicas');
    known = new Map([...values].map(([topic, value]) => [topic, Number(value)]));
    asked = new Set(names);
    until = performance.now() + keptMs;
    return known;
  };
}
