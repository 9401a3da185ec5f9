import type { ServiceKind, ServiceRole } from '../../runtime/src/contracts/binding.ts';
import type { Environment, ServiceDeclaration } from '../declaration.ts';
import { isRedis, resolveSettings } from '../size.ts';
import { zonesOf } from '../zones.ts';
import type { Check, Draft } from './draft.ts';
import { problemIf } from './references.ts';

/** What each kind of server may be used for. */
const rolesOf: Readonly<Record<ServiceKind, readonly ServiceRole[]>> = {
  redis: ['cache', 'events', 'jobs'],
  'redis-sentinel': ['events', 'jobs'],
  kafka: ['log', 'events'],
  rabbitmq: ['tasks', 'jobs'],
  opensearch: ['search'],
  postgres: ['database'],
  prometheus: ['metrics'],
  alertmanager: ['alerts'],
};

const services = (draft: Draft): [path: string, service: ServiceDeclaration][] =>
  Object.entries(draft.services).map(([name, service]) => [`services.${name}`, service]);

const roleFitsKind: Check = (draft) =>
  services(draft).flatMap(([path, { kind, role }]) => {
    const kinds = Object.entries(rolesOf).flatMap(([other, roles]) => (roles.includes(role) ? [other] : []));
    return problemIf(
      !rolesOf[kind].includes(role),
      `${path}.role`,
      `must be one of ${rolesOf[kind].join(', ')} for the kind ${kind}, got ${JSON.stringify(role)}, which is for ${kinds.join(' or ')}`,
    );
  });

/** Two published recommendations say `allkeys-lru` for the instance that holds streams; eviction takes whole streams, their groups included. */
const onlyCachesEvict: Check = (draft) =>
  services(draft).flatMap(([path, service]) => {
    const policy = isRedis(service) ? (service.overrides as { maxMemoryPolicy?: string } | undefined)?.maxMemoryPolicy : undefined;
    return problemIf(
      policy !== undefined && policy !== 'noeviction' && service.role !== 'cache',
      `${path}.overrides.maxMemoryPolicy`,
      `must be noeviction for the role ${service.role}, got ${JSON.stringify(policy)}, which deletes whole streams with their groups when memory is short; ` +
        'remove it, and keep what may be evicted on a service of role cache',
    );
  });

/** Kinds that the engine aws does not provision, and what stands in for them. */
const notOnAws: { readonly [K in ServiceKind]?: string } = {
  prometheus: 'where CloudWatch keeps the metrics',
  alertmanager: 'where CloudWatch alarms notify',
};

const awsProvisionsIt: Check = ({ services, engine }) =>
  Object.entries(services).flatMap(([name, { kind }]) =>
    problemIf(
      engine?.kind === 'aws' && notOnAws[kind] !== undefined,
      `services.${name}.kind`,
      `must not be ${kind} on the engine aws, ${notOnAws[kind]}`,
    ),
  );

/** Of these AWS has the memory of the node type. */
const sizedByNodeType: { readonly [K in ServiceKind]?: string } = {
  kafka: 'brokerType',
  rabbitmq: 'instanceType',
  opensearch: 'dataNodeType',
};

const awsHasTheMemoryOfTheNode: Check = ({ services, engine }) =>
  Object.entries(services).flatMap(([name, { kind, overrides }]) =>
    problemIf(
      engine?.kind === 'aws' && sizedByNodeType[kind] !== undefined && overrides !== undefined && 'memoryMiB' in overrides,
      `services.${name}.overrides.memoryMiB`,
      `must be left out on the engine aws, where ${sizedByNodeType[kind]} decides`,
    ),
  );

const databasesStandOnAws: Check = ({ services, engine }) =>
  Object.entries(services).flatMap(([name, service]) => {
    if (service.kind !== 'postgres' || engine === undefined) return [];
    const path = `services.${name}.existing`;
    return [
      ...problemIf(
        engine.kind === 'aws' && service.existing === undefined,
        path,
        'is required on the engine aws, which provisions no database: say how to reach yours',
      ),
      ...problemIf(
        engine.kind !== 'aws' && service.existing !== undefined,
        path,
        `must be left out on the engine ${engine.kind}, which starts a database of its own`,
      ),
    ];
  });

const workersRunOnAws: Check = ({ workers, engine }) =>
  Object.entries(workers).flatMap(([name, { command }]) =>
    problemIf(
      engine !== undefined && engine.kind !== 'aws',
      `workers.${name}`,
      `must be left out on the engine ${engine?.kind}: start it there with millrace ${command}`,
    ),
  );

const eventsSurviveANode: Check = ({ services, engine }) =>
  Object.entries(services).flatMap(([name, service]) =>
    problemIf(
      engine?.kind === 'aws' && service.kind === 'redis' && service.role !== 'cache' && service.overrides?.replicas === 0,
      `services.${name}.overrides.replicas`,
      `must be at least 1 for the role ${service.role} on aws, got 0: nothing would take over when the node fails`,
    ),
  );

/** MSK has a subnet in each of at most three zones. */
const zonesOfBrokers = (engine: Environment['engine']): number => (engine.kind === 'aws' ? Math.min(zonesOf(engine).length, 3) : 1);

/** MSK Serverless decides all of this itself. */
const kafkaKeepsItsCopies: Check = ({ services, engine, size }) =>
  Object.entries(services).flatMap(([name, service]) => {
    if (service.kind !== 'kafka' || service.overrides?.serverless === true || engine === undefined || size === undefined) return [];
    const { brokers, replicationFactor, minInSyncReplicas } = resolveSettings<'kafka'>(service, { engine, size });
    const path = `services.${name}.overrides`;
    const zones = zonesOfBrokers(engine);
    return [
      ...problemIf(brokers % zones !== 0, `${path}.brokers`, `must be a multiple of the ${zones} zones, got ${brokers}`),
      ...problemIf(
        replicationFactor > brokers,
        `${path}.replicationFactor`,
        `must be at most the ${brokers} brokers, got ${replicationFactor}`,
      ),
      ...problemIf(
        minInSyncReplicas >= replicationFactor && replicationFactor > 1,
        `${path}.minInSyncReplicas`,
        `must be less than the replication factor ${replicationFactor}, got ${minInSyncReplicas}: with one broker down for a patch nobody could write`,
      ),
    ];
  });

/** A sink that is replayed from the start of the log must find its events' ids still known, or they are set aside as too old. */
const inboxOutlivesOutbox: Check = ({ retention: { inboxDays, outboxDays } }) =>
  problemIf(
    inboxDays < outboxDays,
    'retention.inboxDays',
    `must be at least the ${outboxDays} days of retention.outboxDays, got ${inboxDays}: events replayed from the log would be set aside as too old`,
  );

/** Written into the topology's document from there, so that it is said in one place. */
const retentionIsTheEnvironments: Check = ({ topology }) =>
  problemIf(
    topology.retention !== undefined,
    'topology.retention',
    `must be left out, got ${JSON.stringify(topology.retention)}: declare outboxDays and inboxDays in retention of the environment`,
  );

const backupsOverlap: Check = ({ backup: { keepDays, snapshotEveryHours } }) =>
  problemIf(
    snapshotEveryHours > keepDays * 24,
    'backup.snapshotEveryHours',
    `must be at most the ${keepDays * 24} hours of backup.keepDays, got ${snapshotEveryHours}: there would be times without any backup`,
  );

/** Rules about the servers themselves. */
export const serviceChecks: readonly Check[] = [
  roleFitsKind,
  onlyCachesEvict,
  awsProvisionsIt,
  awsHasTheMemoryOfTheNode,
  databasesStandOnAws,
  workersRunOnAws,
  eventsSurviveANode,
  kafkaKeepsItsCopies,
  inboxOutlivesOutbox,
  retentionIsTheEnvironments,
  backupsOverlap,
];
