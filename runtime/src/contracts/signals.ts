import type { ServiceKind } from './binding.ts';

/** Units are those of the OpenTelemetry semantic conventions (UCUM); `1` is a ratio, a state or a plain count. */
export type SignalUnit =
  | '1'
  | 's'
  | 'By'
  | '%'
  | '{event}'
  | '{entry}'
  | '{message}'
  | '{key}'
  | '{transaction}'
  | '{operation}'
  | '{operation}/s'
  | '{connection}';

/** What a signal is of: a kind of server, the outbox in a database, or the probe itself. */
export type SignalSubject = Exclude<ServiceKind, 'redis-sentinel' | 'prometheus' | 'alertmanager'> | 'outbox' | 'probe';

/** Whether a value may fall as well as rise, or only rises until its server starts anew. */
export type SignalKind = 'gauge' | 'counter';

export interface Signal {
  readonly unit: SignalUnit;
  readonly kind: SignalKind;
  readonly subject: SignalSubject;
  /** Every one has a value in every sample; `''` says that the sample is of all of them together. */
  readonly labels: readonly SignalLabel[];
  /** How samples become one where somebody asks for fewer labels: what shows the trouble. */
  readonly fold: 'max' | 'min' | 'sum';
  /**
   * Whether the probe tells it to CloudWatch, at 0.30 USD a month for each series: what AWS or a machine of ours publishes already, it does not.
   * Dimensions are Environment, Service and those of `topic`, `group`, `queue`, `sink` among its labels; the other labels are folded.
   */
  readonly onAws: boolean;
  readonly meaning: string;
}

export const signalLabels = ['service', 'node', 'topic', 'shard', 'group', 'consumer', 'queue', 'sink'] as const;
export type SignalLabel = (typeof signalLabels)[number];

const gauge = { kind: 'gauge', fold: 'max', onAws: false } as const;
const counter = { kind: 'counter', fold: 'sum', onAws: false } as const;
const node = ['service', 'node'] as const;
const stream = ['service', 'topic', 'shard'] as const;
const streamGroup = ['service', 'topic', 'shard', 'group'] as const;

/**
 * Every quantity that is watched and that servers do not publish by themselves, named once: the probe samples them, alerts and dashboards refer to them.
 *
 * Prometheus knows `redis.stream.lag` as `millrace_redis_stream_lag`, with the unit at its end (`_seconds`, `_bytes`) and `_total` after counters; CloudWatch knows it by its own
 * name in the namespace Millrace. No label has a tenant in it: streams of tenants are told together, as the shard `tenants`.
 */
export const signals = {
  'probe.up': {
    ...gauge,
    ...{ unit: '1', subject: 'probe', labels: ['service'], fold: 'min', onAws: true },
    meaning: '1 when the last look at the service was complete, 0 when it could not be looked at',
  },
  'probe.duration': { ...gauge, unit: 's', subject: 'probe', labels: ['service'], meaning: 'seconds that the last look took' },

  'redis.memory.used_ratio': { ...gauge, unit: '1', subject: 'redis', labels: node, meaning: 'used memory over maxmemory' },
  'redis.replication.lag': {
    ...gauge,
    unit: 's',
    subject: 'redis',
    labels: node,
    meaning: 'seconds since the replica last acknowledged to its master',
  },
  'redis.replicas.missing': {
    ...gauge,
    ...{ unit: '1', subject: 'redis', labels: ['service'] },
    meaning:
      'replicas that the binding names and that are not connected to the master, or not in sync with it; of a binding that names some alone',
  },
  'redis.operations': {
    ...gauge,
    ...{ unit: '{operation}/s', subject: 'redis', labels: node, fold: 'sum', onAws: true },
    meaning: 'commands processed a second; by replicas too, which process every write of their master',
  },
  'redis.connections.used_ratio': { ...gauge, unit: '1', subject: 'redis', labels: node, meaning: 'connected clients over maxclients' },
  'redis.evicted_keys': { ...counter, unit: '{key}', subject: 'redis', labels: node, meaning: 'keys that made room for others' },
  'redis.refused_writes': {
    ...counter,
    unit: '{operation}',
    subject: 'redis',
    labels: node,
    meaning: 'commands refused because maxmemory was reached',
  },
  'redis.persistence.failed': {
    ...gauge,
    ...{ unit: '1', subject: 'redis', labels: node },
    meaning: '1 while a snapshot, a rewrite or the append-only file could not be written',
  },
  'redis.stream.length': {
    ...gauge,
    unit: '{entry}',
    subject: 'redis',
    labels: stream,
    fold: 'sum',
    meaning: 'entries kept, with what was acknowledged',
  },
  'redis.stream.window_ratio': {
    ...gauge,
    ...{ unit: '1', subject: 'redis', labels: ['service', 'topic'], onAws: true },
    meaning: 'entries kept over those that the declared volume makes in the declared window; of topics with a volume alone',
  },
  'redis.stream.entries_added': {
    ...counter,
    unit: '{entry}',
    subject: 'redis',
    labels: stream,
    onAws: true,
    meaning: 'entries ever added',
  },
  'redis.stream.lag': {
    ...gauge,
    unit: '{entry}',
    subject: 'redis',
    labels: streamGroup,
    fold: 'sum',
    onAws: true,
    meaning: 'entries not yet delivered to the group',
  },
  'redis.stream.backlog': {
    ...gauge,
    ...{ unit: '{entry}', subject: 'redis', labels: streamGroup, fold: 'sum', onAws: true },
    meaning: 'entries not yet delivered to the group, and those delivered and not acknowledged',
  },
  'redis.stream.pending': {
    ...gauge,
    ...{ unit: '{entry}', subject: 'redis', labels: [...streamGroup, 'consumer'], onAws: true },
    meaning: 'entries delivered to one consumer and not acknowledged; the consumer is empty where it is the most of any',
  },
  'redis.stream.oldest_pending_age': {
    ...gauge,
    ...{ unit: 's', subject: 'redis', labels: streamGroup, onAws: true },
    meaning: 'age of the oldest entry that was delivered and not acknowledged',
  },
  'redis.stream.oldest_waiting_age': {
    ...gauge,
    ...{ unit: 's', subject: 'redis', labels: streamGroup, onAws: true },
    meaning: 'age of the oldest entry that was not yet delivered to the group',
  },
  'redis.stream.dead_letters': {
    ...gauge,
    ...{ unit: '{event}', subject: 'redis', labels: streamGroup, fold: 'sum', onAws: true },
    meaning: 'events set aside after the last attempt, until somebody deals with them',
  },
  'redis.stream.dead_letters_added': {
    ...counter,
    unit: '{event}',
    subject: 'redis',
    labels: streamGroup,
    onAws: true,
    meaning: 'events ever set aside',
  },
  'redis.stream.blocked_keys': {
    ...gauge,
    ...{ unit: '{key}', subject: 'redis', labels: streamGroup, fold: 'sum', onAws: true },
    meaning: 'partition keys held back behind a dead letter; of topics that block alone',
  },
  'redis.stream.retention_held': {
    ...gauge,
    ...{ unit: 's', subject: 'redis', labels: ['service', 'topic', 'shard'], onAws: true },
    meaning: 'seconds by which the oldest entry is over the window, kept because a group has not acknowledged it',
  },

  'kafka.brokers.offline': {
    ...gauge,
    ...{ unit: '1', subject: 'kafka', labels: ['service'], onAws: true },
    meaning: 'brokers that partitions are assigned to and that are not there',
  },
  'kafka.partitions.offline': { ...gauge, unit: '1', subject: 'kafka', labels: ['service'], meaning: 'partitions without a leader' },
  'kafka.partitions.under_replicated': {
    ...gauge,
    unit: '1',
    subject: 'kafka',
    labels: ['service'],
    meaning: 'partitions with fewer replicas in sync than assigned',
  },
  'kafka.partitions.under_min_isr': {
    ...gauge,
    ...{ unit: '1', subject: 'kafka', labels: ['service'] },
    meaning: 'partitions with fewer replicas in sync than min.insync.replicas, which take no writes with acks=all',
  },
  'kafka.group.lag': {
    ...gauge,
    unit: '{message}',
    subject: 'kafka',
    labels: ['service', 'topic', 'group'],
    fold: 'sum',
    meaning: 'messages between the committed and the last offset, over all partitions',
  },
  'kafka.group.members': {
    ...gauge,
    unit: '1',
    subject: 'kafka',
    labels: ['service', 'group'],
    fold: 'min',
    meaning: 'members of the group',
  },
  'kafka.topic.messages_added': {
    ...counter,
    unit: '{message}',
    subject: 'kafka',
    labels: ['service', 'topic'],
    onAws: true,
    meaning: 'sum of the end offsets of all partitions',
  },
  'kafka.topic.dead_letters': {
    ...gauge,
    ...{ unit: '{event}', subject: 'kafka', labels: ['service', 'topic', 'group'], fold: 'sum', onAws: true },
    meaning: 'messages in the dead-letter topic of the group; `topic` is the one that they come from',
  },
  'kafka.topic.dead_letters_added': {
    ...counter,
    ...{ unit: '{event}', subject: 'kafka', labels: ['service', 'topic', 'group'], onAws: true },
    meaning: 'sum of the end offsets of the dead-letter topic of the group',
  },

  // Amazon MQ tells these of the broker as a whole, and of nodes under names that nobody knows beforehand; one node in need stops all publishers.
  'rabbitmq.node.running': {
    ...gauge,
    ...{ unit: '1', subject: 'rabbitmq', labels: node, fold: 'min', onAws: true },
    meaning: '1 while the node runs',
  },
  'rabbitmq.memory.used_ratio': {
    ...gauge,
    ...{ unit: '1', subject: 'rabbitmq', labels: node, onAws: true },
    meaning: 'used memory over the limit at which the broker reads from no publisher',
  },
  'rabbitmq.disk.free_ratio': {
    ...gauge,
    ...{ unit: '1', subject: 'rabbitmq', labels: node, fold: 'min', onAws: true },
    meaning: 'free disk over the limit at which the broker reads from no publisher',
  },
  'rabbitmq.alarms': {
    ...gauge,
    ...{ unit: '1', subject: 'rabbitmq', labels: node, fold: 'sum', onAws: true },
    meaning: 'resource alarms in effect: memory, disk',
  },
  'rabbitmq.file_descriptors.used_ratio': {
    ...gauge,
    unit: '1',
    subject: 'rabbitmq',
    labels: node,
    meaning: 'open file descriptors over their limit',
  },
  'rabbitmq.connections': {
    ...gauge,
    unit: '{connection}',
    subject: 'rabbitmq',
    labels: ['service'],
    fold: 'sum',
    meaning: 'open connections',
  },
  'rabbitmq.queue.depth': {
    ...gauge,
    unit: '{message}',
    subject: 'rabbitmq',
    labels: ['service', 'queue'],
    onAws: true,
    meaning: 'messages ready in the queue',
  },
  'rabbitmq.queue.unacknowledged': {
    ...gauge,
    unit: '{message}',
    subject: 'rabbitmq',
    labels: ['service', 'queue'],
    onAws: true,
    meaning: 'messages delivered and not acknowledged',
  },
  'rabbitmq.queue.consumers': {
    ...gauge,
    unit: '1',
    subject: 'rabbitmq',
    labels: ['service', 'queue'],
    fold: 'min',
    onAws: true,
    meaning: 'consumers attached to the queue',
  },
  'rabbitmq.queue.published': {
    ...counter,
    unit: '{message}',
    subject: 'rabbitmq',
    labels: ['service', 'queue'],
    meaning: 'messages routed to the queue since the broker counts',
  },
  'rabbitmq.queue.dead_letters': {
    ...gauge,
    ...{ unit: '{message}', subject: 'rabbitmq', labels: ['service', 'queue'], onAws: true },
    meaning: 'messages, ready or not acknowledged, in a queue that others name as their deadLetterQueue',
  },
  'rabbitmq.queue.sources_published': {
    ...counter,
    ...{ unit: '{message}', subject: 'rabbitmq', labels: ['service', 'queue'], onAws: true },
    meaning: 'messages routed to the queues that name this one as their deadLetterQueue, since the broker counts',
  },

  'opensearch.cluster.status': { ...gauge, unit: '1', subject: 'opensearch', labels: ['service'], meaning: '0 green, 1 yellow, 2 red' },
  'opensearch.shards.unassigned': { ...gauge, unit: '1', subject: 'opensearch', labels: ['service'], meaning: 'shards without a node' },
  'opensearch.shards.used_ratio': {
    ...gauge,
    unit: '1',
    subject: 'opensearch',
    labels: ['service'],
    meaning: 'shards over cluster.max_shards_per_node times the data nodes; at 1 no index can be made',
  },
  'opensearch.indices.write_blocked': {
    ...gauge,
    unit: '1',
    subject: 'opensearch',
    labels: ['service'],
    meaning: 'indices with a block on writes, for want of disk above all',
  },
  'opensearch.disk.free_ratio': {
    ...gauge,
    unit: '1',
    subject: 'opensearch',
    labels: node,
    fold: 'min',
    meaning: 'free over all of the disk of the node',
  },
  'opensearch.cpu.used_ratio': {
    ...gauge,
    unit: '1',
    subject: 'opensearch',
    labels: node,
    meaning: 'processor time in use over what the node has',
  },
  'opensearch.heap.used_ratio': { ...gauge, unit: '1', subject: 'opensearch', labels: node, meaning: 'used heap over its largest size' },
  'opensearch.write.rejected': {
    ...counter,
    unit: '{operation}',
    subject: 'opensearch',
    labels: node,
    meaning: 'writes refused because the queue of the node was full',
  },
  'opensearch.search.rejected': {
    ...counter,
    unit: '{operation}',
    subject: 'opensearch',
    labels: node,
    meaning: 'searches refused because the queue of the node was full',
  },

  'postgres.connections.used_ratio': {
    ...gauge,
    unit: '1',
    subject: 'postgres',
    labels: ['service'],
    meaning: 'connections over max_connections less those kept for the superuser',
  },
  'postgres.transaction.oldest_age': {
    ...gauge,
    ...{ unit: 's', subject: 'postgres', labels: ['service'], onAws: true },
    meaning: 'age of the oldest transaction of any database, which keeps vacuum and the detaching of partitions waiting',
  },

  'outbox.oldest_age': {
    ...gauge,
    unit: 's',
    subject: 'outbox',
    labels: ['service', 'sink'],
    onAws: true,
    meaning: 'age of the oldest event that the sink has not published',
  },
  'outbox.backlog': {
    ...gauge,
    unit: '{event}',
    subject: 'outbox',
    labels: ['service', 'sink'],
    onAws: true,
    meaning: 'ids between the cursor of the sink and the end of the log',
  },
  'outbox.gaps': {
    ...gauge,
    unit: '{transaction}',
    subject: 'outbox',
    labels: ['service', 'sink'],
    onAws: true,
    meaning: 'ids below the newest published one whose transactions are still in doubt',
  },
  'outbox.parked_keys': {
    ...gauge,
    unit: '{key}',
    subject: 'outbox',
    labels: ['service', 'sink'],
    onAws: true,
    meaning: 'keys held back behind a failing event, of the first 5,000 events that are',
  },
  'outbox.dead_letters': {
    ...gauge,
    unit: '{event}',
    subject: 'outbox',
    labels: ['service', 'sink'],
    onAws: true,
    meaning: 'events given up after the last attempt, at most 10,000',
  },
  'outbox.partition_headroom': {
    ...gauge,
    unit: '{event}',
    subject: 'outbox',
    labels: ['service'],
    fold: 'min',
    onAws: true,
    meaning: 'ids left in the partitions made ahead',
  },
  'outbox.retention_held': {
    ...gauge,
    ...{ unit: 's', subject: 'outbox', labels: ['service'], onAws: true },
    meaning:
      'seconds by which the oldest partition of the log is over its retention, whatever keeps it: a sink, a parked event, the archive, or that no janitor runs',
  },
  'outbox.lease_age': {
    ...gauge,
    unit: 's',
    subject: 'outbox',
    labels: ['service', 'sink'],
    onAws: true,
    meaning: 'seconds since the lease of the sink ran out; 0 while a relay holds it',
  },
  'outbox.published': {
    ...counter,
    unit: '{event}',
    subject: 'outbox',
    labels: ['service', 'sink'],
    onAws: true,
    meaning: 'highest id below which the sink has published everything',
  },
  'inbox.parked': {
    ...gauge,
    unit: '{event}',
    subject: 'outbox',
    labels: ['service'],
    onAws: true,
    meaning: 'events set aside by inboxes because they were older than what an inbox remembers, at most 10,000',
  },
} as const satisfies Record<string, Signal>;

export type SignalName = keyof typeof signals;

/** One value of a signal, with one text for each of its labels. */
export interface Sample {
  readonly signal: SignalName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Shard of the samples that stand for the streams of all tenants of a topic. */
export const tenantShards = 'tenants';

/** Namespace of CloudWatch that the probe writes to. */
export const cloudWatchNamespace = 'Millrace';

/** How Prometheus ends the name of a metric of a unit. */
const suffixes: Partial<Record<SignalUnit, string>> = { s: '_seconds', By: '_bytes', '%': '_percent' };

/** Name of a signal in Prometheus. @example prometheusName('outbox.oldest_age') // millrace_outbox_oldest_age_seconds */
export function prometheusName(name: SignalName): string {
  const { unit, kind }: Signal = signals[name];
  return `millrace_${name.replaceAll('.', '_')}${suffixes[unit] ?? ''}${kind === 'counter' ? '_total' : ''}`;
}

const dimensionLabels: Partial<Record<SignalLabel, string>> = {
  service: 'Service',
  topic: 'Topic',
  group: 'Group',
  queue: 'Queue',
  sink: 'Sink',
};

/** Dimensions of a signal in CloudWatch beside `Environment`, by the labels that they come from. @example dimensionsOf('redis.stream.lag') // { service: 'Service', topic: 'Topic', group: 'Group' } */
export function dimensionsOf(name: SignalName): Partial<Record<SignalLabel, string>> {
  const { labels }: Signal = signals[name];
  return Object.fromEntries(labels.flatMap((label) => (dimensionLabels[label] === undefined ? [] : [[label, dimensionLabels[label]]])));
}
