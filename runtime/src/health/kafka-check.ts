import type { KafkaConnection, KafkaMetadata, KafkaTopicMetadata } from '../connections/kafka/index.ts';
import { type CheckOptions, checkIdentity, type Fault, type HealthCheck, type Observation, outcomeOf } from './check.ts';

export interface KafkaCheckOptions extends CheckOptions {
  /** Deadline; the answer may need several brokers. @default 3_000 */
  readonly timeoutMs?: number;
  /** Topics to look at; without any, only the cluster is. @default none */
  readonly topics?: readonly string[];
  /** Groups to look at; above `maxLag` messages in all, it is `degraded`. @default none */
  readonly groups?: readonly { readonly groupId: string; readonly topics: readonly string[]; readonly maxLag: number }[];
  /** `down` with fewer. @default 1 */
  readonly minBrokers?: number;
  /** `down` when fewer replicas are in sync than `min.insync.replicas` of the topic asks for, so that writes fail; otherwise `degraded`. @default true */
  readonly writable?: boolean;
  /** `down` when it is another cluster. @default the id of the first answer */
  readonly clusterId?: string;
}

/**
 * Looks at a cluster over the connection that `connection` keeps for this, and never opens one of its own.
 *
 * A topic that is missing or a partition without leader is `down`; a replica that is not in sync is `degraded`, and `down` for writers when too few are
 * left. Metadata is what one broker knows; a broker that has just died is missed after its session (`broker.session.timeout.ms`).
 */
export function kafkaCheck(connection: KafkaConnection, options: KafkaCheckOptions = {}): HealthCheck {
  const { topics = [], groups = [], minBrokers = 1, writable = true, timeoutMs = 3_000 } = options;
  let expectedId = options.clusterId;
  return {
    ...checkIdentity({ ...options, timeoutMs }, connection.name),
    componentType: 'datastore',
    async check(signal) {
      const metadata = await connection.metadata(topics);
      expectedId ??= metadata.clusterId;
      const faults = [...clusterFaults(metadata, minBrokers, expectedId), ...topicFaults(metadata, topics)];
      const short = underReplicated(metadata);
      signal.throwIfAborted();
      const needed = writable && short.length > 0 ? await minInSync(connection, short) : new Map<string, number>();
      faults.push(...short.map((replicas) => replicaFault(replicas, needed.get(replicas.topic))));
      const lags = faults.some(({ status }) => status === 'down') ? [] : await Promise.all(groups.map((group) => lagOf(connection, group)));
      faults.push(...lags.flatMap(({ fault }) => fault ?? []));
      return outcomeOf(faults, [...clusterObservations(metadata, short), ...lags.flatMap(({ observation }) => observation ?? [])]);
    },
  };
}

function clusterFaults({ clusterId, controllerId, brokers }: KafkaMetadata, minBrokers: number, expectedId: string): Fault[] {
  const faults: Fault[] = [];
  if (clusterId !== expectedId)
    faults.push({ status: 'down', code: 'KAFKA_CLUSTER_OTHER', reason: `this is cluster ${clusterId}, not ${expectedId}` });
  if (brokers.length < minBrokers)
    faults.push({ status: 'down', code: 'KAFKA_BROKER_MISSING', reason: `${brokers.length} of at least ${minBrokers} brokers are there` });
  if (controllerId === undefined) faults.push({ status: 'degraded', code: 'KAFKA_NO_CONTROLLER', reason: 'the cluster has no controller' });
  return faults;
}

/** Error codes of the protocol for a topic. */
const topicErrors: Readonly<Record<number, Pick<Fault, 'reason' | 'code'>>> = {
  3: { reason: 'does not exist', code: 'TOPIC_UNKNOWN' },
  5: { reason: 'has no leader yet', code: 'KAFKA_NO_LEADER' },
  29: { reason: 'may not be seen by this user', code: 'ACCESS_DENIED' },
};

function topicFaults({ topics }: KafkaMetadata, wanted: readonly string[]): Fault[] {
  return wanted.flatMap((name): Fault[] => {
    const topic = topics.find((entry) => entry.name === name);
    const errorCode = topic === undefined ? 3 : topic.errorCode;
    if (errorCode !== 0) {
      const { reason, ...known } = topicErrors[errorCode] ?? { reason: `gives error ${errorCode}`, code: 'KAFKA_TOPIC_FAILS' as const };
      return [{ status: 'down', ...known, reason: `topic ${name} ${reason}` }];
    }
    const leaderless = topic?.partitions.filter(({ leader }) => leader === undefined) ?? [];
    if (leaderless.length === 0) return [];
    return [{ status: 'down', code: 'KAFKA_NO_LEADER', reason: `topic ${name} has no leader for ${listed(leaderless)}` }];
  });
}

interface ShortReplicas {
  readonly topic: string;
  readonly partitions: KafkaTopicMetadata['partitions'];
  /** Replicas in sync of the worst partition. */
  readonly fewest: number;
}

function underReplicated({ topics }: KafkaMetadata): ShortReplicas[] {
  return topics.flatMap(({ name, partitions }) => {
    const short = partitions.filter(({ leader, replicas, inSync }) => leader !== undefined && inSync.length < replicas.length);
    return short.length === 0 ? [] : [{ topic: name, partitions: short, fewest: Math.min(...short.map(({ inSync }) => inSync.length)) }];
  });
}

function replicaFault({ topic, partitions, fewest }: ShortReplicas, needed: number | undefined): Fault {
  if (needed !== undefined && fewest < needed) {
    const reason = `topic ${topic} takes no writes: ${fewest} replicas are in sync and min.insync.replicas is ${needed}`;
    return { status: 'down', code: 'KAFKA_UNDER_MIN_ISR', reason };
  }
  return { status: 'degraded', code: 'KAFKA_UNDER_REPLICATED', reason: `topic ${topic} is under-replicated in ${listed(partitions)}` };
}

/** Asked only while replicas are missing; of a topic whose settings the user may not see (DescribeConfigs) nothing is known. */
async function minInSync(connection: KafkaConnection, short: readonly ShortReplicas[]): Promise<Map<string, number>> {
  const topics = short.map(({ topic }) => topic);
  const values = await connection.topicSetting(topics, 'min.insync.replicas');
  return new Map([...values].map(([topic, value]) => [topic, Number(value)]));
}

async function lagOf(
  connection: KafkaConnection,
  { groupId, topics, maxLag }: NonNullable<KafkaCheckOptions['groups']>[number],
): Promise<{ fault?: Fault; observation?: Observation }> {
  try {
    const lag = Number((await connection.lag(groupId, topics)).reduce((sum, partition) => sum + partition.lag, 0n));
    const observation = { measure: `lag.${groupId}`, value: lag, unit: '{message}' };
    if (lag <= maxLag) return { observation };
    const reason = `group ${groupId} is ${lag} messages behind, more than ${maxLag}`;
    return { observation, fault: { status: 'degraded', code: 'KAFKA_GROUP_BEHIND', reason } };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { fault: { status: 'degraded', code: 'KAFKA_GROUP_UNREADABLE', reason: `the lag of group ${groupId} cannot be read: ${why}` } };
  }
}

function clusterObservations({ brokers, controllerId }: KafkaMetadata, short: readonly ShortReplicas[]): Observation[] {
  return [
    { measure: 'brokers', value: brokers.length, unit: '{broker}' },
    { measure: 'controller', value: controllerId ?? 'none' },
    { measure: 'underReplicatedPartitions', value: short.reduce((sum, { partitions }) => sum + partitions.length, 0), unit: '{partition}' },
  ];
}

function listed(partitions: readonly { readonly partition: number }[]): string {
  const numbers = partitions.map(({ partition }) => partition).sort((a, b) => a - b);
  const shown = numbers.slice(0, 10).join(', ');
  return `partition${numbers.length === 1 ? '' : 's'} ${shown}${numbers.length > 10 ? ` and ${numbers.length - 10} more` : ''}`;
}
