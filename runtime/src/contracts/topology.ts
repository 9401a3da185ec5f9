import * as z from 'zod/mini';
import { serviceName } from './binding.ts';

export const topologySchemaId = 'millrace.topology/1';

const positive = z.int().check(z.minimum(1));
/** Topic, queue, stream and exchange names: what every one of the systems accepts (Kafka allows 249 characters of this set). */
export const topicName = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/), z.maxLength(200));
const groupName = z.string().check(z.regex(/^[a-z0-9][a-z0-9-]*$/), z.maxLength(64));

export const transportKinds = ['redis-streams', 'kafka', 'rabbitmq'] as const;
export type TransportKind = (typeof transportKinds)[number];

/** One way a topic travels. In the phase `mirror` it is published there too and compared, but consumers stay on the `live` one. */
const route = z.strictObject({
  kind: z.enum(transportKinds),
  service: serviceName,
  phase: z._default(z.enum(['live', 'mirror']), 'live'),
});

type Route = z.infer<typeof route>;

const retry = z.strictObject({
  /** Attempts in all, the first one included. */
  attempts: z._default(positive, 10),
  initialDelayMs: z._default(positive, 1_000),
  maxDelayMs: z._default(positive, 300_000),
});

const consumer = z.strictObject({
  group: groupName,
  /** Handlers at once in one process; events of one key still run one after the other. */
  concurrency: z._default(positive, 1),
  aclUser: z.optional(z.string()),
});

const volume = z.strictObject({
  eventsPerDay: positive,
  /** Attributes and data of one event. */
  averageBytes: z._default(positive, 500),
});

const defaultRetry = { attempts: 10, initialDelayMs: 1_000, maxDelayMs: 300_000 };

export const topicSchema = z.strictObject({
  transports: z.array(route).check(z.minLength(1)),
  /** `tenant` gives each tenant streams of its own, so that a consumer bound to one cannot read another's. */
  isolation: z._default(z.enum(['shared', 'tenant']), 'shared'),
  /** Parallel ordered lanes on Redis; a key always falls on the same one. */
  shards: z._default(positive, 1),
  /** Kafka partitions. */
  partitions: z._default(positive, 3),
  ordered: z._default(z.boolean(), true),
  tenantless: z._default(z.boolean(), false),
  retentionHours: z._default(positive, 90 * 24),
  /** What the Redis stream keeps of the retention, when less: its memory affords a window, log and archive keep the rest. */
  windowHours: z.optional(positive),
  maxBytes: z._default(positive, 262_144),
  /** What is expected of it, over all tenants: from this is estimated whether the retention fits the declared size. Not estimated without. */
  volume: z.optional(volume),
  retry: z._default(retry, defaultRetry),
  deadLetter: z._default(z.boolean(), true),
  /** After the last attempt: `block` holds back the later events of the key, `skip` goes on without the dead one. */
  onExhausted: z._default(z.enum(['block', 'skip']), 'skip'),
  consumers: z._default(z.array(consumer), []),
});
export type Topic = z.infer<typeof topicSchema>;

const queue = z.strictObject({
  service: serviceName,
  type: z._default(z.enum(['quorum', 'classic']), 'quorum'),
  ttlSeconds: z.optional(positive),
  maxRetries: z.optional(positive),
  maxPriority: z.optional(z.int().check(z.minimum(1), z.maximum(32))),
  prefetch: z._default(positive, 20),
  deadLetterQueue: z.optional(topicName),
});

const exchange = z.strictObject({
  service: serviceName,
  type: z.enum(['direct', 'topic', 'fanout', 'headers']),
});

const queueBinding = z.strictObject({
  exchange: topicName,
  queue: topicName,
  routingKey: z._default(z.string(), ''),
  headers: z.optional(z.record(z.string(), z.string())),
  /** Whether all of `headers` must be there, or one of them. @default all, where there are headers */
  match: z.optional(z.enum(['all', 'any'])),
});

const aclUser = z.strictObject({
  service: serviceName,
  groups: z._default(z.array(groupName), []),
  topics: z.array(topicName),
  /** `observe` sees how streams and groups fare, `admin` mends them. */
  access: z.enum(['produce', 'consume', 'both', 'observe', 'admin']),
  tenant: z.optional(z.string()),
});

const lifecycle = z.strictObject({
  /** An index is rolled over at this age, or at this size of a primary shard, whichever comes first. */
  rolloverDays: z._default(positive, 1),
  rolloverGiB: z._default(positive, 30),
  /** Days are counted from the roll-over of an index, and name the age at which it leaves the phase; it is deleted at `deleteDays`. */
  hotDays: positive,
  warmDays: z.optional(positive),
  coldDays: z.optional(positive),
  deleteDays: positive,
  /** A snapshot of the index is taken before it is deleted. */
  archive: z._default(z.boolean(), true),
});

const index = z.strictObject({
  service: serviceName,
  dataStream: z._default(z.boolean(), false),
  lifecycle: z.optional(z.string()),
  refresh: z._default(z.enum(['real-time', 'default', 'historical']), 'default'),
  shards: z._default(positive, 1),
  replicas: z._default(z.int().check(z.minimum(0)), 1),
  /** Fields, as OpenSearch's `mappings.properties` has them; others are mapped as they come. */
  fields: z.optional(z.record(z.string(), z.record(z.string(), z.unknown()))),
  volume: z.optional(volume),
});

/** Who may do what with indices: a role of OpenSearch's, and who has it. */
const searchRole = z.strictObject({
  service: serviceName,
  indices: z.array(topicName).check(z.minLength(1)),
  access: z.enum(['read', 'write', 'both']),
  /** ARNs of IAM roles on AWS (a `*` stands for any text), elsewhere roles that a directory gives. */
  backendRoles: z._default(z.array(z.string()), []),
  users: z._default(z.array(z.string()), []),
});

const snapshots = z.strictObject({
  service: serviceName,
  repository: z.string(),
  everyHours: positive,
  keepDays: positive,
});

/** Refresh interval per class, in milliseconds. */
export const refreshIntervalMs = { 'real-time': 100, default: 1_000, historical: 30_000 } as const;

/** What lives on the servers, whatever hosts them: one canonical document, reviewed like the plan and applied by `millrace apply`. */
export const topologySchema = z.strictObject({
  schema: z._default(z.literal(topologySchemaId), topologySchemaId),
  topics: z._default(z.record(topicName, topicSchema), {}),
  queues: z._default(z.record(topicName, queue), {}),
  exchanges: z._default(z.record(topicName, exchange), {}),
  bindings: z._default(z.array(queueBinding), []),
  aclUsers: z._default(z.record(z.string(), aclUser), {}),
  lifecycles: z._default(z.record(z.string(), lifecycle), {}),
  indices: z._default(z.record(topicName, index), {}),
  snapshots: z._default(z.record(z.string(), snapshots), {}),
  searchRoles: z._default(z.record(z.string(), searchRole), {}),
  /** Objects that others look after, as `SERVICE/KIND/NAME` with `*` for any text: neither shown as undeclared nor touched. */
  unmanaged: z._default(z.array(z.string()), []),
  /** Of the database; written from the environment's `retention`, not declared here. */
  retention: z.optional(z.strictObject({ outboxDays: positive, inboxDays: positive })),
});
export type Topology = z.infer<typeof topologySchema>;
export type TopologyInput = z.input<typeof topologySchema>;

/**
 * Key of a stream on Redis. Braces are real hash tags: the stream, its dead letters, leases and fences share a cluster slot.
 *
 * @param tenant organisation, for topics with isolation `tenant`; such a topic has one stream a tenant.
 */
export function streamKey(topic: string, shard: number, tenant?: string): string {
  return tenant === undefined ? `stream:{${topic}:${shard}}` : `tenant:{${tenant}}:stream:${topic}`;
}

/** Channel on which a tenant's real-time notices travel. */
export function channelKey(topic: string, tenant: string): string {
  return `tenant:{${tenant}}:channel:${topic}`;
}

/** Set of the tenants that have a stream of `topic`; consumers discover them here. */
export function tenantsKey(topic: string): string {
  return `tenants:{${topic}}`;
}

/** Kafka topic with the events that `group` has given up. */
export function deadLetterTopic(topic: string, group: string): string {
  return `${topic}.dead.${group}`;
}

/** The topics that take what the groups of `topic` give up on Kafka, in the order of its consumers; none when dead letters are not kept. */
export function deadLetterTopics(topic: string, { consumers, deadLetter }: Pick<Topic, 'consumers' | 'deadLetter'>): string[] {
  return deadLetter ? consumers.map(({ group }) => deadLetterTopic(topic, group)) : [];
}

/** How long what was given up is kept, on every transport: a month longer than the topic keeps its events, for a person has to look at it. */
export function deadLetterHours({ retentionHours }: Pick<Topic, 'retentionHours'>): number {
  return retentionHours + 30 * 24;
}

/** How a topic travels over `service`, live or as a mirror: either way its events are kept there. Undefined when it does not. */
export function routeOver({ transports }: Pick<Topic, 'transports'>, kind: TransportKind, service: string): Route | undefined {
  return transports.find((each) => each.kind === kind && each.service === service);
}

/** The topics that travel over `service`, live or as a mirror, in their order. */
export function carriedBy({ topics }: Pick<Topology, 'topics'>, kind: TransportKind, service: string): [name: string, topic: Topic][] {
  return Object.entries(topics).filter(([, topic]) => routeOver(topic, kind, service) !== undefined);
}

/** Those of `objects` that lie on `service`, in their order. */
export function ownedBy<T extends { readonly service: string }>(
  objects: Readonly<Record<string, T>>,
  service: string,
): [name: string, object: T][] {
  return Object.entries(objects).filter(([, object]) => object.service === service);
}

/** Names of the services that the topology has objects for, in their order. */
export function servicesOf({ topics, queues, exchanges, aclUsers, indices, snapshots, searchRoles }: Topology): string[] {
  const routed = Object.values(topics).flatMap(({ transports }) => transports);
  const placed = [queues, exchanges, aclUsers, indices, snapshots, searchRoles].flatMap((objects) => Object.values(objects));
  return [...new Set([...routed, ...placed].map(({ service }) => service))].sort();
}
