import type { ServiceKind } from '../../runtime/src/contracts/binding.ts';
import type { Topic, TransportKind } from '../../runtime/src/contracts/topology.ts';
import type { Check, Draft } from './draft.ts';
import { problemIf, repeated, serviceOfKind } from './references.ts';

/** Kinds of server that carry a transport. */
const carriers: Readonly<Record<TransportKind, readonly ServiceKind[]>> = {
  'redis-streams': ['redis', 'redis-sentinel'],
  kafka: ['kafka'],
  rabbitmq: ['rabbitmq'],
};

const topics = (draft: Draft): [path: string, topic: Topic][] =>
  Object.entries(draft.topology.topics).map(([name, topic]) => [`topology.topics.${name}`, topic]);

const routesLeadToTheirKind: Check = (draft) =>
  topics(draft).flatMap(([path, { transports }]) =>
    transports.flatMap(({ kind, service }, index) =>
      serviceOfKind(draft, `${path}.transports.${index}.service`, service, `the transport ${kind}`, carriers[kind]),
    ),
  );

const streamsAreNotOnACache: Check = (draft) =>
  topics(draft).flatMap(([path, { transports }]) =>
    transports.flatMap(({ service }, index) =>
      problemIf(
        draft.services[service]?.role === 'cache',
        `${path}.transports.${index}.service`,
        `must not be a cache, got ${JSON.stringify(service)}: a cache evicts keys, and a stream is one key; choose a service of role events`,
      ),
    ),
  );

const oneRouteIsLive: Check = (draft) =>
  topics(draft).flatMap(([path, { transports }]) => {
    const live = transports.filter(({ phase }) => phase === 'live').length;
    const twice = repeated(transports.map(({ kind, service }) => `${kind} on ${service}`));
    return [
      ...problemIf(
        live !== 1,
        `${path}.transports`,
        `must have one transport in the phase live, got ${live}: consumers listen on that one, others are in the phase mirror`,
      ),
      ...twice.map((route) => ({ path: `${path}.transports`, message: `must name each transport once, got ${route} twice` })),
    ];
  });

const windowFitsRetention: Check = (draft) =>
  topics(draft).flatMap(([path, { windowHours, retentionHours }]) =>
    problemIf(
      windowHours !== undefined && windowHours > retentionHours,
      `${path}.windowHours`,
      `must be at most the ${retentionHours} hours of retentionHours, got ${windowHours}`,
    ),
  );

const groupsAreUnique: Check = (draft) =>
  topics(draft).flatMap(([path, { consumers }]) =>
    repeated(consumers.map(({ group }) => group)).map((group) => ({
      path: `${path}.consumers`,
      message: `must name each group once, got ${JSON.stringify(group)} twice: two services in one group would take events from each other`,
    })),
  );

const retryDelaysGrow: Check = (draft) =>
  topics(draft).flatMap(([path, { retry }]) =>
    problemIf(
      retry.initialDelayMs > retry.maxDelayMs,
      `${path}.retry.initialDelayMs`,
      `must be at most the ${retry.maxDelayMs} of maxDelayMs, got ${retry.initialDelayMs}`,
    ),
  );

const tenantTopicsHaveOneStreamEach: Check = (draft) =>
  topics(draft).flatMap(([path, { isolation, shards, tenantless }]) => [
    ...problemIf(
      isolation === 'tenant' && shards > 1,
      `${path}.shards`,
      `must be 1 for the isolation tenant, got ${shards}: each tenant has one stream, and tenants are the lanes`,
    ),
    ...problemIf(
      isolation === 'tenant' && tenantless,
      `${path}.tenantless`,
      'must be false for the isolation tenant, got true: an event without tenantid would have no stream',
    ),
  ]);

const exhaustedEventsAreKept: Check = (draft) =>
  topics(draft).flatMap(([path, { deadLetter, onExhausted }]) =>
    problemIf(
      !deadLetter && onExhausted === 'skip',
      `${path}.deadLetter`,
      'must be true where onExhausted is skip, got false: an event would be lost after its last attempt; or set onExhausted to block',
    ),
  );

/** Kafka gives a partition to one consumer of a group, which takes its events one after the other; more handlers than partitions have nothing to do. */
const partitionsCoverConsumers: Check = (draft) =>
  topics(draft).flatMap(([path, { transports, partitions, consumers }]) =>
    consumers.flatMap(({ group, concurrency }, index) =>
      problemIf(
        transports.some(({ kind }) => kind === 'kafka') && concurrency > partitions,
        `${path}.consumers.${index}.concurrency`,
        `must be at most the ${partitions} partitions on Kafka, got ${concurrency} for ${group}: the others would have nothing to do; or set partitions to ${concurrency}`,
      ),
    ),
  );

/** Rules about topics. */
export const topicChecks: readonly Check[] = [
  routesLeadToTheirKind,
  streamsAreNotOnACache,
  oneRouteIsLive,
  windowFitsRetention,
  groupsAreUnique,
  retryDelaysGrow,
  tenantTopicsHaveOneStreamEach,
  exhaustedEventsAreKept,
  partitionsCoverConsumers,
];
