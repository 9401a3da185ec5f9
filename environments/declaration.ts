import * as z from 'zod';
import { type ServiceKind, serviceName, serviceRoles } from '../runtime/src/contracts/binding.ts';
import { topologySchema } from '../runtime/src/contracts/topology.ts';
import { alerts, defaultAlerts, reason } from './alerts.ts';
import { engine } from './engine.ts';

const days = z.int().min(1);
const hours = z.int().min(1);

const secretArn = z.string().regex(/^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:/);

const positive = z.int().min(1);
/** Of a node that runs in a process or container of this kit; heap or limit, as the table of sizes says. */
const ownMemory = positive.optional();
const evictionPolicies = [
  'noeviction',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
] as const;
const maxMemoryPolicy = z.enum(evictionPolicies).optional();

const version = z.string().regex(/^\d+\.\d+$/);
const searchNodeType = z.string().regex(/\.search$/);

/** What may be set per kind instead of the size's default; the columns are those of `size.ts`. */
const overrides = {
  redis: z.strictObject({
    nodeType: z
      .string()
      .regex(/^cache\./)
      .optional(),
    replicas: z.int().min(0).max(5).optional(),
    memoryMiB: positive.optional(),
    maxMemoryPolicy,
    engine: z.enum(['valkey', 'redis']).optional(),
    /** Of the users; a cache that goes from redis to valkey keeps `redis` here, because its users must not be of Valkey before it is. */
    userEngine: z.enum(['valkey', 'redis']).optional(),
    /** Major and minor, `8.2`. */
    engineVersion: version.optional(),
    /** More than one are a cluster, with `clusterMode: 'enabled'`: keys are spread over them, clients ask for `cluster: true`. */
    shards: z.int().min(1).max(500).optional(),
    /** A cache that stands goes from `disabled` to `enabled` by way of `compatible`, a deployment each, shards in a further one. */
    clusterMode: z.enum(['disabled', 'compatible', 'enabled']).optional(),
    /** Whether changes wait for the maintenance window when false; another engine, major version or cluster mode cannot. */
    applyImmediately: z.boolean().optional(),
    /** A cache without nodes, paid by use; its limits are those of the bill. */
    serverless: z.strictObject({ maxStorageGiB: positive, maxEcpuPerSecond: z.int().min(1_000) }).optional(),
  }),
  'redis-sentinel': z.strictObject({
    instanceType: z.string().optional(),
    /** A machine image that has Redis or Valkey installed, in place of Amazon Linux and its packages. */
    imageId: z
      .string()
      .regex(/^ami-[0-9a-f]+$/)
      .optional(),
    memoryMiB: positive.optional(),
    diskGiB: positive.optional(),
    downAfterMs: z.int().min(500).max(60_000).optional(),
    failoverTimeoutMs: z.int().min(1_000).optional(),
    maxMemoryPolicy,
  }),
  kafka: z.strictObject({
    brokerType: z
      .string()
      .regex(/^(kafka|express)\./)
      .optional(),
    brokers: positive.optional(),
    memoryMiB: ownMemory,
    diskGiB: positive.optional(),
    /** How far a broker's disk may grow by itself; it never shrinks. */
    maxDiskGiB: positive.optional(),
    /** `4.0.x.kraft`, `3.9.x`: as MSK writes it. */
    version: z.string().min(1).optional(),
    /** The version that runs now, while the declaration asks for another: the way there is checked before anything is planned. */
    upgradeFrom: z.string().min(1).optional(),
    /** Kafka without brokers to size, paid by use; IAM is its only way in. */
    serverless: z.literal(true).optional(),
    replicationFactor: positive.optional(),
    minInSyncReplicas: positive.optional(),
  }),
  rabbitmq: z.strictObject({
    instanceType: z.string().regex(/^mq\./).optional(),
    nodes: z.union([z.literal(1), z.literal(3)]).optional(),
    memoryMiB: ownMemory,
    version: z.enum(['3.13', '4.2']).optional(),
    /** A higher number draws a new password for the administrator; RabbitMQ learns it from you, see the page on AWS. */
    passwordGeneration: positive.optional(),
    /** Whether what needs a reboot happens at deployment, or in the maintenance window. */
    applyImmediately: z.boolean().optional(),
  }),
  opensearch: z.strictObject({
    dataNodeType: searchNodeType.optional(),
    dataNodes: positive.optional(),
    memoryMiB: ownMemory,
    dedicatedMasters: z.union([z.literal(0), z.literal(3)]).optional(),
    masterNodeType: searchNodeType.optional(),
    warmNodes: z.int().min(0).optional(),
    warmNodeType: searchNodeType.optional(),
    /** Whether indices may move to detached storage; needs warm nodes. */
    coldStorage: z.boolean().optional(),
    diskGiB: positive.optional(),
    /** Major and minor, `3.3`. */
    version: version.optional(),
    /** The version that runs now, while the declaration asks for another: the way there is checked before anything is planned. */
    upgradeFrom: version.optional(),
    /** Whether AWS adjusts queues, caches and heap to the load; false before a domain goes to nodes that it cannot adjust, t3. */
    autoTune: z.boolean().optional(),
  }),
  postgres: z.strictObject({
    memoryMiB: positive.optional(),
    maxConnections: positive.optional(),
    /** Further lines of postgresql.conf. */
    settings: z.record(z.string().regex(/^[a-z_.]+$/), z.string()).optional(),
  }),
  prometheus: z.strictObject({ retentionDays: positive.optional(), scrapeIntervalSeconds: positive.optional() }),
  alertmanager: z.strictObject({ retentionHours: positive.optional() }),
} as const satisfies Record<ServiceKind, z.ZodType>;

const role = z.enum(serviceRoles);

/** A database that is there already, as the binding names it; on AWS Millrace provisions none. */
const existingDatabase = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65_535).default(5_432),
  database: z.string().min(1),
  username: z.string().min(1),
  /** Secret with the password under the key `password`, as RDS and Aurora write theirs. */
  passwordSecretArn: secretArn,
  /** The customer managed key of that secret, where it has one. */
  encryptionKeyArn: z
    .string()
    .regex(/^arn:[a-z-]+:kms:/)
    .optional(),
  /** Group of the database: the clients of the environment are let out to it, and in. */
  securityGroupId: z.string().regex(/^sg-[0-9a-f]+$/),
  /** Authority that signs its certificate, in PEM, where it is no public one. */
  caSecretArn: secretArn.optional(),
});
const service = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('redis'), role, overrides: overrides.redis.optional() }),
  z.strictObject({ kind: z.literal('redis-sentinel'), role, overrides: overrides['redis-sentinel'].optional() }),
  z.strictObject({ kind: z.literal('kafka'), role, overrides: overrides.kafka.optional() }),
  z.strictObject({ kind: z.literal('rabbitmq'), role, overrides: overrides.rabbitmq.optional() }),
  z.strictObject({ kind: z.literal('opensearch'), role, overrides: overrides.opensearch.optional() }),
  z.strictObject({ kind: z.literal('postgres'), role, overrides: overrides.postgres.optional(), existing: existingDatabase.optional() }),
  z.strictObject({ kind: z.literal('prometheus'), role, overrides: overrides.prometheus.optional() }),
  z.strictObject({ kind: z.literal('alertmanager'), role, overrides: overrides.alertmanager.optional() }),
]);

/** Programs of the package `millrace` that run beside the services. */
const workerCommands = ['relay', 'janitor', 'probe'] as const;

/** A program of the package as a service of containers, from one image; on AWS alone. */
const worker = z.strictObject({
  command: z.enum(workerCommands),
  /** What follows the command, `--sink events` for example. */
  arguments: z.array(z.string()).default([]),
  /** The image with the package, by a fixed tag or a digest: what runs must be what was reviewed. */
  image: z.string().regex(/@sha256:[0-9a-f]{64}$|:(?!latest$)[A-Za-z0-9_][A-Za-z0-9_.-]*$/),
  /** How many run; of relays one works and the others stand by. */
  tasks: z.int().min(0).default(2),
  /** 1,024 are one processor. */
  cpuUnits: z.union([z.literal(256), z.literal(512), z.literal(1_024), z.literal(2_048), z.literal(4_096)]).default(256),
  memoryMiB: z.int().min(512).default(512),
  /** What the image is built for; on Graviton a task costs a fifth less. */
  architecture: z.enum(['arm64', 'x86_64']).default('arm64'),
});

const defaultRetention = { outboxDays: 7, inboxDays: 14, serverLogDays: 365 };
/** How long what is neither topic nor index is kept; those say it themselves in the topology. */
const retention = z.strictObject({
  /** The outbox log: how far back a sink can be replayed or started from PostgreSQL alone. */
  outboxDays: days.default(defaultRetention.outboxDays),
  /** How long an inbox recognises a duplicate; older events are set aside, not applied. */
  inboxDays: days.default(defaultRetention.inboxDays),
  /** Log groups of the servers (CKV_AWS_338 asks for a year). */
  serverLogDays: days.default(defaultRetention.serverLogDays),
});

const defaultProtection = { deletion: true, allowDestroy: [] };
const protection = z.strictObject({
  /** Whether what holds data refuses to be destroyed. */
  deletion: z.boolean(),
  /**
   * Changes of the topology that may cost messages or documents at the next deployment, by the names that its refusal gives: `tasks/queue/emails`. To be
   * taken out after that deployment; on the engine process `--allow-destroy` says it.
   */
  allowDestroy: z.array(z.string().regex(/^[a-z][a-z0-9-]*\/[a-z-]+\/\S+$/)).default(defaultProtection.allowDestroy),
});

const defaultBackup = { snapshotEveryHours: 24, appendLogEveryHours: 1, keepDays: 7 };
const backup = z.strictObject({
  snapshotEveryHours: hours.default(defaultBackup.snapshotEveryHours),
  appendLogEveryHours: hours.default(defaultBackup.appendLogEveryHours),
  keepDays: days.default(defaultBackup.keepDays),
});

/** The declaration of one environment as zod sees it; `parseEnvironment` adds the checks between its parts. */
export const environmentSchema = z.strictObject({
  /** Prefix of stack and resource names: short, because an OpenSearch domain has at most 28 characters. */
  name: z
    .string()
    .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
    .max(12)
    // The stacks that environments of an account share are called so, and `destroy` takes all stacks of a name.
    .refine((name) => name !== 'bootstrap', {
      error: () => 'must be another than bootstrap, which is the name of what environments share',
    }),
  engine,
  size: z.enum(['small', 'medium', 'large']),
  services: z.record(serviceName, service).default({}),
  workers: z.record(serviceName, worker).default({}),
  topology: z._default(topologySchema, () => topologySchema.parse({})),
  alerts: alerts.default(defaultAlerts),
  checks: z.strictObject({ suppress: z.record(z.string().min(1), z.strictObject({ reason })).default({}) }).default({ suppress: {} }),
  retention: retention.default(defaultRetention),
  backup: backup.default(defaultBackup),
  protection: protection.default(defaultProtection),
  budgetUsdPerMonth: z.number().positive().optional(),
});

/** One environment, complete: every default that does not depend on the size is in it. */
export type Environment = z.output<typeof environmentSchema>;
/** What a file of `environments/` writes down. */
export type EnvironmentInput = z.input<typeof environmentSchema>;
export type ServiceDeclaration = Environment['services'][string];
export type WorkerDeclaration = Environment['workers'][string];
export type Size = Environment['size'];
export type EvictionPolicy = (typeof evictionPolicies)[number];
