import type { KafkaMetadata } from '../../connections/kafka/index.ts';
import type { SignalName } from '../../contracts/signals.ts';
import type { OpenLook } from '../look.ts';
import { ofService } from '../service-samples.ts';
import { openBrokers } from './brokers.ts';
import { clusterSamples, clusterSignals } from './cluster.ts';
import { type DeclaredGroup, declaredGroups, watchedTopics } from './declared.ts';
import { readGroups } from './groups.ts';
import { minInSyncReader } from './min-in-sync.ts';
import { readOffsets } from './offsets.ts';
import { deadLetterSamples, groupSamples, topicSamples } from './samples.ts';

/**
 * Looks at a Kafka cluster: its partitions, the lag and members of the declared groups, and what the declared topics and their dead-letter topics hold.
 *
 * A look is one request for the metadata of all topics, two to each leader for the offsets, one to each group's coordinator for what it has committed, and one
 * to each coordinator for the members; every 5 minutes one more for `min.insync.replicas`. Topics that are not there, or have a partition without leader,
 * have no samples. The user needs Describe of the topics and of the groups, and DescribeConfigs of the topics for `kafka.partitions.under_min_isr`, which is
 * not told without.
 */
export const openKafkaLook: OpenLook = ({ service, topology, wanted }) => {
  const brokers = openBrokers(service);
  const minInSync = minInSyncReader();
  const isWanted = (...names: SignalName[]): boolean => wanted === undefined || names.some((name) => wanted.has(name));
  const watched = watchedTopics(topology, service.name);
  const names = watched.flatMap(({ name, dead }) => [name, ...dead.map(({ topic }) => topic)]);
  const asked = isWanted(...clusterSignals) ? 'all' : names;
  const groups = isWanted('kafka.group.lag', 'kafka.group.members') ? declaredGroups(topology, service.name) : [];
  return {
    service: service.name,
    async sample(signal) {
      const connection = await brokers.any();
      signal.throwIfAborted();
      const metadata = await connection.metadata(asked);
      await brokers.keepOnly(metadata.brokers);
      signal.throwIfAborted();
      const required = isWanted('kafka.partitions.under_min_isr') ? await minInSync(connection, metadata) : new Map<string, number>();
      const offsets = await readOffsets(brokers, metadata, names);
      signal.throwIfAborted();
      // After the ends of the topics: a group that commits meanwhile is then ahead of them, which counts as no lag.
      const found = await readGroups(brokers, groupsThere(groups, metadata), signal);
      return ofService(service.name, [
        ...(asked === 'all' ? clusterSamples(metadata, required) : []),
        ...topicSamples(watched, offsets),
        ...deadLetterSamples(watched, offsets),
        ...groupSamples(found, offsets),
      ]);
    },
    [Symbol.asyncDispose]: () => brokers[Symbol.asyncDispose](),
  };
};

/** Groups with those of their topics that are there, each with its partitions. */
function groupsThere(groups: readonly DeclaredGroup[], { topics }: KafkaMetadata) {
  const partitions = new Map(topics.map(({ name, partitions: known }) => [name, known.map(({ partition }) => partition)]));
  return groups.map(({ group, topics: consumed }) => ({
    group,
    topics: consumed.flatMap((topic) => (partitions.has(topic) ? [{ topic, partitions: partitions.get(topic)! }] : [])),
  }));
}
