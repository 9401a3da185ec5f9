import type { ServiceKind } from './binding.ts';

/** Where a signal's values come from: CloudWatch publishes it, an exporter scrapes it, or the probe samples it. */
export type SignalSource = 'cloudwatch' | 'exporter' | 'probe';

/** Units are those of the OpenTelemetry semantic conventions (UCUM). */
export type SignalUnit = '1' | 's' | 'By' | '%' | '{event}' | '{entry}' | '{message}' | '{key}' | '{transaction}' | '{operation}/s';

export interface Signal {
  readonly unit: SignalUnit;
  readonly service: ServiceKind | 'outbox';
  readonly labels: readonly string[];
  readonly source: SignalSource;
  readonly meaning: string;
}

/** Every quantity that is watched, named once; alerts, dashboards and the probe refer to these names. */
export const signals = {
  'redis.memory.used_ratio': {
    unit: '1',
    service: 'redis',
    labels: ['service', 'node'],
    source: 'exporter',
    meaning: 'used memory over maxmemory',
  },
  'redis.replication.lag': {
    unit: 's',
    service: 'redis',
    labels: ['service', 'node'],
    source: 'exporter',
    meaning: 'seconds a replica is behind its master',
  },
  'redis.operations': {
    unit: '{operation}/s',
    service: 'redis',
    labels: ['service', 'node'],
    source: 'exporter',
    meaning: 'commands processed a second',
  },
  'redis.stream.length': {
    unit: '{entry}',
    service: 'redis',
    labels: ['service', 'topic', 'shard'],
    source: 'probe',
    meaning: 'entries kept, against the configured window',
  },
  'redis.stream.lag': {
    unit: '{entry}',
    service: 'redis',
    labels: ['service', 'topic', 'shard', 'group'],
    source: 'probe',
    meaning: 'entries not yet delivered to the group',
  },
  'redis.stream.pending': {
    unit: '{entry}',
    service: 'redis',
    labels: ['service', 'topic', 'shard', 'group', 'consumer'],
    source: 'probe',
    meaning: 'entries delivered and not acknowledged',
  },
  'redis.stream.oldest_pending_age': {
    unit: 's',
    service: 'redis',
    labels: ['service', 'topic', 'shard', 'group'],
    source: 'probe',
    meaning: 'age of the oldest unacknowledged entry',
  },
  'redis.stream.dead_letters': {
    unit: '{event}',
    service: 'redis',
    labels: ['service', 'topic', 'shard'],
    source: 'probe',
    meaning: 'events set aside after the last attempt',
  },
  'redis.stream.retention_held': {
    unit: 's',
    service: 'redis',
    labels: ['service', 'topic', 'stream'],
    source: 'probe',
    meaning: 'seconds by which the oldest entry is over the window, kept because a group has not acknowledged it',
  },
  'kafka.group.lag': {
    unit: '{message}',
    service: 'kafka',
    labels: ['service', 'topic', 'partition', 'group'],
    source: 'probe',
    meaning: 'messages between the committed and the last offset',
  },
  'kafka.partitions.under_replicated': {
    unit: '1',
    service: 'kafka',
    labels: ['service', 'broker'],
    source: 'exporter',
    meaning: 'partitions with fewer replicas in sync than declared',
  },
  'rabbitmq.queue.depth': {
    unit: '{message}',
    service: 'rabbitmq',
    labels: ['service', 'queue'],
    source: 'probe',
    meaning: 'messages ready in the queue',
  },
  'rabbitmq.queue.consumers': {
    unit: '1',
    service: 'rabbitmq',
    labels: ['service', 'queue'],
    source: 'probe',
    meaning: 'consumers attached to the queue',
  },
  'opensearch.cluster.status': {
    unit: '1',
    service: 'opensearch',
    labels: ['service'],
    source: 'probe',
    meaning: '0 green, 1 yellow, 2 red',
  },
  'outbox.oldest_age': {
    unit: 's',
    service: 'outbox',
    labels: ['service', 'sink'],
    source: 'probe',
    meaning: 'age of the oldest event the sink has not published',
  },
  'outbox.backlog': {
    unit: '{event}',
    service: 'outbox',
    labels: ['service', 'sink'],
    source: 'probe',
    meaning: 'ids between the cursor of the sink and the end of the log',
  },
  'outbox.gaps': {
    unit: '1',
    service: 'outbox',
    labels: ['service', 'sink'],
    source: 'probe',
    meaning: 'ids whose transactions are still in doubt',
  },
  'outbox.parked_keys': {
    unit: '{key}',
    service: 'outbox',
    labels: ['service', 'sink'],
    source: 'probe',
    meaning: 'keys held back behind a failing event',
  },
  'outbox.dead_letters': {
    unit: '{event}',
    service: 'outbox',
    labels: ['service', 'sink'],
    source: 'probe',
    meaning: 'events given up after the last attempt',
  },
  'outbox.partition_headroom': {
    unit: '{event}',
    service: 'outbox',
    labels: ['service'],
    source: 'probe',
    meaning: 'ids left in the partitions made ahead',
  },
  'outbox.retention_held': {
    unit: 's',
    service: 'outbox',
    labels: ['service'],
    source: 'probe',
    meaning: 'seconds by which the oldest partition of the log is over its retention, kept because something still needs it',
  },
  'outbox.lease_age': {
    unit: 's',
    service: 'outbox',
    labels: ['service', 'sink'],
    source: 'probe',
    meaning: 'seconds since a relay last held the lease of the sink',
  },
} as const satisfies Record<string, Signal>;

export type SignalName = keyof typeof signals;

export const severities = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof severities)[number];

/** One alert, for every back end: what is too much, for how long, why it matters, and where the remedy is written. */
export interface AlertPolicy {
  readonly id: string;
  readonly service: ServiceKind | 'outbox';
  readonly signal: SignalName;
  readonly statistic: 'max' | 'min' | 'avg' | 'sum' | 'p95';
  readonly comparison: '>' | '<';
  readonly threshold: { readonly small: number; readonly medium: number; readonly large: number };
  readonly forMinutes: number;
  readonly severity: Severity;
  readonly why: string;
  /** Path of the runbook. */
  readonly runbook: string;
}
