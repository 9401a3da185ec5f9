import type { KafkaConnection } from '../../connections/kafka/index.ts';
import { carriedBy, type Topology } from '../../contracts/topology.ts';
import { sha256 } from '../../hash.ts';
import { answer, requireOk } from './protocol/answers.ts';
import { type DescribedTopic, describeTopics } from './protocol/topics.ts';

/** They change when somebody changes them by hand. */
const settingsKeptMs = 60_000;
const hashChars = 16;

/**
 * Asks the cluster who it is: its id, and of each topic of the service the id, which another topic of the same name does not have.
 *
 * Of topics that can lose what was acknowledged in an election it is also how often their leaders were elected: where one replica is enough for an
 * acknowledgement (`min.insync.replicas` 1), or where a replica may lead that was not in sync (`unclean.leader.election.enable`). Every such election counts,
 * because those that lose nothing cannot be told from the others.
 *
 * @throws {MillraceError} CONNECTION_FAILED
 */
export function createIncarnation(connection: KafkaConnection, topology: Topology, service: string): () => Promise<string> {
  const names = carriedBy(topology, 'kafka', service).map(([name]) => name);
  const fragile = fragileTopics(connection, names);
  return async () => {
    const { clusterId, topics } = await connection.ask(describeTopics, names);
    const losing = await fragile();
    const parts = topics.map((topic) => described(topic, losing.has(topic.name))).sort();
    return `${clusterId}/${sha256(parts.join('\n')).slice(0, hashChars)}`;
  };
}

function described({ name, errorCode, id, partitions }: DescribedTopic, countsElections: boolean): string {
  if (errorCode === answer.unknownTopic) return `${name} -`;
  requireOk(errorCode, `topic ${name}`);
  const epochs = partitions.map(({ partition, leaderEpoch }) => `${partition}:${leaderEpoch}`).sort();
  return countsElections ? `${name} ${id} ${epochs.join(' ')}` : `${name} ${id}`;
}

/** Topics whose elections can lose something; those whose settings the user may not see are taken for such. */
function fragileTopics(connection: KafkaConnection, names: readonly string[]): () => Promise<ReadonlySet<string>> {
  let known: ReadonlySet<string> | undefined;
  let until = 0;
  return async () => {
    if (known !== undefined && performance.now() < until) return known;
    const replicas = await connection.topicSetting(names, 'min.insync.replicas');
    const unclean = await connection.topicSetting(names, 'unclean.leader.election.enable');
    known = new Set(names.filter((name) => Number(replicas.get(name) ?? 1) < 2 || unclean.get(name) !== 'false'));
    until = performance.now() + settingsKeptMs;
    return known;
  };
}
