import { differencesBetween } from '../../differences.ts';
import type { Note, PropertyDifference } from '../../driver.ts';
import type { DiffContext, Planned, RedisDifference } from './changes.ts';
import type { DeclaredUser } from './declared.ts';
import type { Visited } from './nodes.ts';
import type { LiveNode, LiveUser } from './read.ts';
import { canonicalRights, type Rights, rightsOf, type ServerCommand, type UserRights } from './rules.ts';

type ReadNode = LiveNode & { readonly address: string };

/** Users on every server that could be read; one that is down is told of, and has its own copy of the users when it is back. */
export function compareUsers(
  declared: readonly DeclaredUser[],
  nodes: readonly Visited<LiveNode>[],
  context: DiffContext,
): RedisDifference {
  const { name: service } = context.service;
  const read = nodes.flatMap(({ address, result }): ReadNode[] => (result === undefined ? [] : [{ ...result, address }]));
  const wanted = declared.filter(({ name }) => context.passwordHashes.has(name));
  return {
    planned: [
      ...wanted.flatMap((user) => compareUser(service, user, context.passwordHashes.get(user.name)!, read)),
      ...undeclaredUsers(declared, read, context),
    ],
    notes: [...nodes.flatMap((node) => (declared.length === 0 ? [] : nodeNotes(service, node))), ...noteMissing(declared, context)],
  };
}

function compareUser(service: string, user: DeclaredUser, passwordHash: string, nodes: readonly ReadNode[]): Planned[] {
  const found = nodes.map((node) => ({ node, live: node.users.find(({ username }) => username === user.username) }));
  const differences = found.flatMap(({ node, live }) => {
    const onNode = live === undefined ? missing(user) : userDifferences(user, passwordHash, live, node.commands);
    return nodes.length === 1
      ? onNode
      : onNode.map((difference) => ({ ...difference, property: `${difference.property} on ${node.address}` }));
  });
  if (differences.length === 0) return [];
  const action = found.every(({ live }) => live === undefined) ? 'create' : 'update';
  return [{ change: { name: `${service}/user/${user.name}`, action, differences }, step: { do: 'set user', user } }];
}

function missing({ rules }: DeclaredUser): PropertyDifference[] {
  return [{ property: 'rules', declared: rules.join(' ') }];
}

function userDifferences(
  user: DeclaredUser,
  passwordHash: string,
  live: LiveUser,
  commands: readonly ServerCommand[],
): PropertyDifference[] {
  const login = live.withoutPassword ? 'none' : live.passwordHashes.join() === passwordHash ? 'as in the secret' : 'another';
  return [
    ...differencesBetween({ state: 'on', password: 'as in the secret' }, { state: live.enabled ? 'on' : 'off', password: login }),
    ...rightsDifferences(rightsOf(user.rules), live.rights, commands),
  ];
}

const parts = ['commands', 'keys', 'channels'] as const;
const nothing: Rights = { commands: [], keys: [], channels: [] };

/** By what the rules mean; shown in the words of each side. */
function rightsDifferences(wanted: UserRights, live: UserRights, commands: readonly ServerCommand[]): PropertyDifference[] {
  const differ = (a: Rights, b: Rights): boolean => canonicalRights(a, commands) !== canonicalRights(b, commands);
  const [main, ...further] = wanted;
  const [liveMain, ...liveFurther] = live;
  const furtherOf = (all: readonly Rights[]): string =>
    all
      .map((rights) => canonicalRights(rights, commands))
      .sort()
      .join();
  const shown = parts
    .filter((part) => differ({ ...nothing, [part]: main[part] }, { ...nothing, [part]: liveMain[part] }))
    .map((part) => ({ property: part, live: liveMain[part].join(' '), declared: main[part].join(' ') }));
  const same = furtherOf(further) === furtherOf(liveFurther);
  return same ? shown : [...shown, { property: 'selectors', live: textOf(liveFurther), declared: textOf(further) }];
}

function textOf(further: readonly Rights[]): string {
  return further.map(({ commands, keys, channels }) => `(${[...commands, ...keys, ...channels].join(' ')})`).join(' ');
}

/** Left alone, without being shown: whoever applies, replicas, and `default`, who cannot be deleted. */
function undeclaredUsers(declared: readonly DeclaredUser[], nodes: readonly ReadNode[], { service }: DiffContext): Planned[] {
  const known = new Set([
    ...['default', service.service.auth.username, service.service.administration?.auth?.username],
    ...declared.map(({ username }) => username),
    ...nodes.map(({ replicationUser }) => replicationUser),
  ]);
  const names = [...new Set(nodes.flatMap(({ users }) => users.map(({ username }) => username)))].filter((name) => !known.has(name)).sort();
  return names.map((username) => ({
    change: {
      name: `${service.name}/user/${username}`,
      action: 'delete',
      undeclared: true,
      differences: [
        {
          property: 'on',
          live: nodes.flatMap(({ users, address }) => (users.some((user) => user.username === username) ? [address] : [])).join(', '),
        },
      ],
      danger: { sentence: 'deletes the user, whose connections are closed' },
    },
    step: { do: 'delete user', username },
  }));
}

function nodeNotes(service: string, { address, result, error }: Visited<LiveNode>): Note[] {
  const name = `${service}/node/${address}`;
  if (result === undefined) {
    const sentence = `its users could not be looked at (${error.message}); once it answers, apply again`;
    return [{ level: 'problem', name, sentence }];
  }
  if (result.keepsUsers) return [];
  return [
    { level: 'info', name, sentence: 'has no file of users (aclfile), so they are gone after a restart until they are applied again' },
  ];
}

function noteMissing(declared: readonly DeclaredUser[], { service, passwordHashes }: DiffContext): Note[] {
  return declared
    .filter(({ name }) => !passwordHashes.has(name))
    .map(({ name }) => ({
      level: 'problem',
      name: `${service.name}/user/${name}`,
      sentence: `the binding has no credentials of the user; provision the environment again, so that services.${service.name}.users has them`,
    }));
}
