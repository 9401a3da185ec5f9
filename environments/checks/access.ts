import { plainTenant } from '../../runtime/src/contracts/event.ts';
import { routeOver } from '../../runtime/src/contracts/topology.ts';
import type { Check, Draft } from './draft.ts';
import { problemIf, serviceOfKind, unknownName } from './references.ts';

const users = (draft: Draft) =>
  Object.entries(draft.topology.aclUsers).map(([name, user]) => ({ path: `topology.aclUsers.${name}`, name, user }));

/** Who consumes nothing. */
const withoutGroups: ReadonlySet<string> = new Set(['produce', 'observe']);

const aclUsersExist: Check = (draft) =>
  Object.entries(draft.topology.topics).flatMap(([name, { consumers }]) =>
    consumers.flatMap(({ aclUser }, index) =>
      aclUser === undefined
        ? []
        : unknownName(`topology.topics.${name}.consumers.${index}.aclUser`, 'ACL user', aclUser, draft.names('topology.aclUsers')),
    ),
  );

const aclUsersReferToWhatExists: Check = (draft) => {
  const groups = Object.values(draft.topology.topics).flatMap(({ consumers }) => consumers.map(({ group }) => group));
  return users(draft).flatMap(({ path, user }) => [
    ...serviceOfKind(draft, `${path}.service`, user.service, 'an ACL user', ['redis', 'redis-sentinel']),
    ...user.topics.flatMap((topic, index) => unknownName(`${path}.topics.${index}`, 'topic', topic, draft.names('topology.topics'))),
    ...user.groups.flatMap((group, index) => unknownName(`${path}.groups.${index}`, 'consumer group', group, [...new Set(groups)])),
  ]);
};

/** A consumer whose user may not read its topic would be refused when it starts, at night perhaps. */
const consumersMayConsume: Check = (draft) =>
  Object.entries(draft.topology.topics).flatMap(([topic, { consumers }]) =>
    consumers.flatMap(({ group, aclUser }, index) => {
      const user = aclUser === undefined ? undefined : draft.topology.aclUsers[aclUser];
      if (user === undefined) return [];
      const path = `topology.topics.${topic}.consumers.${index}.aclUser`;
      const lacks = [
        ...(user.topics.includes(topic) ? [] : [`the topic ${topic} in its topics`]),
        ...(user.groups.includes(group) ? [] : [`the group ${group} in its groups`]),
        ...(withoutGroups.has(user.access) ? ['the access consume or both'] : []),
      ];
      return problemIf(lacks.length > 0, path, `must name a user with ${lacks.join(', and ')}, got ${JSON.stringify(aclUser)}`);
    }),
  );

/** Rights for keys that are never there look as if somebody were let in. */
const usersHaveTopicsOfTheirServer: Check = (draft) =>
  users(draft).flatMap(({ path, user }) =>
    user.topics.flatMap((name, index) => {
      const topic = draft.topology.topics[name];
      return problemIf(
        topic !== undefined && routeOver(topic, 'redis-streams', user.service) === undefined,
        `${path}.topics.${index}`,
        `must be a topic with the transport redis-streams on ${JSON.stringify(user.service)}, got ${JSON.stringify(name)}`,
      );
    }),
  );

const tenantsAreKeptApart: Check = (draft) =>
  users(draft).flatMap(({ path, user: { tenant, topics } }) => {
    if (tenant === undefined) return [];
    return [
      ...problemIf(
        !plainTenant.test(tenant),
        `${path}.tenant`,
        `must be of letters, digits and . _ : @ + = ~ -, got ${JSON.stringify(tenant)}: anything else has a meaning in the rules of Redis`,
      ),
      ...topics.flatMap((topic, index) =>
        problemIf(
          draft.topology.topics[topic]?.isolation === 'shared',
          `${path}.topics.${index}`,
          `must be a topic with the isolation tenant for the user of one tenant, got ${JSON.stringify(topic)}, which all tenants share`,
        ),
      ),
    ];
  });

const groupsAreForConsumers: Check = (draft) =>
  users(draft).flatMap(({ path, user: { access, groups } }) =>
    problemIf(
      groups.length > 0 && withoutGroups.has(access),
      `${path}.groups`,
      `must be left out for the access ${access}, got ${groups.join(', ')}: a group is for who consumes; or set access to both`,
    ),
  );

/** Rules about who may use what on Redis. */
export const accessChecks: readonly Check[] = [
  aclUsersExist,
  aclUsersReferToWhatExists,
  consumersMayConsume,
  usersHaveTopicsOfTheirServer,
  tenantsAreKeptApart,
  groupsAreForConsumers,
];
