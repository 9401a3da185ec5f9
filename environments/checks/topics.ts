import type { ServiceKind } from '../../runtime/src/contracts/binding.ts';
import type { Topic, TransportKind } from '../../runtime/src/contracts/topology.ts';
import type { Check, Draft } from './draft.ts';
import { problemIf, repeated, serviceOfKind, unknownName } from './references.ts';

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

const aclUsersExist: Check = (draft) =>
  topics(draft).flatMap(([path, { consumers }]) =>
    consumers.flatMap(({ aclUser }, index) =>
      aclUser === undefined ? [] : unknownName(`${path}.consumers.${index}.aclUser`, 'ACL user', aclUser, draft.names('topology.aclUsers')),
    ),
  );

const aclUsersReferToWhatExists: Check = (draft) => {
  const groups = topics(draft).flatMap(([, { consumers }]) => consumers.map(({ group }) => group));
  return Object.entries(draft.topology.aclUsers).flatMap(([name, user]) => {
    const path = `topology.aclUsers.${name}`;
    return [
      ...serviceOfKind(draft, `${path}.service`, user.service, 'an ACL user', carriers['redis-streams']),
      ...user.topics.flatMap((topic, index) => unknownName(`${path}.topics.${index}`, 'topic', topic, draft.names('topology.topics'))),
      ...user.groups.flatMap((group, index) => unknownName(`${path}.groups.${index}`, 'consumer group', group, [...new Set(groups)])),
    ];
  });
};

/** Rules about topics and about who may use them. */
export const topicChecks: readonly Check[] = [
  routesLeadToTheirKind,
  streamsAreNotOnACache,
  oneRouteIsLive,
  windowFitsRetention,
  groupsAreUnique,
  retryDelaysGrow,
  tenantTopicsHaveOneStreamEach,
  exhaustedEventsAreKept,
  aclUsersExist,
  aclUsersReferToWhatExists,
];
