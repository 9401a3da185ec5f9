import type { KafkaMetadata } from '../../connections/kafka/index.ts';
import type { Sample } from '../../contracts/signals.ts';

/** What it takes the metadata of every topic to tell. */
export const clusterSignals = [
  'kafka.brokers.offline',
  'kafka.partitions.offline',
  'kafka.partitions.under_replicated',
  'kafka.partitions.under_min_isr',
] as const;

/**
 * How the partitions of all topics are, those that servers keep for themselves included.
 *
 * @param minInSync `min.insync.replicas` by topic; where it is of no topic known, nothing is told of it
 */
export function clusterSamples(metadata: KafkaMetadata, minInSync: ReadonlyMap<string, number>): Sample[] {
  const { topics } = metadata;
  const partitions = topics.flatMap(({ name, partitions: own }) => own.map((partition) => ({ ...partition, topic: name })));
  const short = partitions.filter(({ topic, inSync }) => inSync.length < (minInSync.get(topic) ?? 0));
  return [
    { signal: 'kafka.brokers.offline', labels: {}, value: brokersOffline(metadata).length },
    { signal: 'kafka.partitions.offline', labels: {}, value: partitions.filter(({ leader }) => leader === undefined).length },
    {
      signal: 'kafka.partitions.under_replicated',
      labels: {},
      value: partitions.filter(({ replicas, inSync }) => inSync.length < replicas.length).length,
    },
    ...(minInSync.size === 0 && topics.length > 0
      ? []
      : [{ signal: 'kafka.partitions.under_min_isr', labels: {}, value: short.length } as const]),
  ];
}

/** Numbers of the brokers that should hold a partition and are not there. */
export function brokersOffline({ brokers, topics }: KafkaMetadata): number[] {
  const living = new Set(brokers.map(({ nodeId }) => nodeId));
  const assigned = new Set(topics.flatMap(({ partitions }) => partitions.flatMap(({ replicas }) => replicas)));
  return [...assigned].filter((id) => !living.has(id));
}
