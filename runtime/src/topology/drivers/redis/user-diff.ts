import { canonicalJson } from '../../../contracts/canonical-json.ts';
import { objectName } from '../../../contracts/object-names.ts';
import { differencesBetween } from '../../differences.ts';
import type { Change, Danger, Note, PropertyDifference } from '../../driver.ts';
import { dangerOfUser, type StreamRisks } from './danger.ts';
import type { DeclaredUser } from './declared.ts';
import { defaultUserNotes } from './default-user.ts';
import type { Visited } from './nodes.ts';
import type { LiveNode, LiveUser } from './read.ts';
import { rightsDifferences } from './rights-diff.ts';
import { rightsOf, type ServerCommand, type UserRights } from './rules.ts';
import type { DiffContext, PasswordHashes, Planned, RedisDifference } from './steps.ts';

type ReadNode = LiveNode & { readonly address: string };

/** Users on every server that could be read; one that is down is told of, and has its own copy of the users when it is back. */
export function compareUsers(
  declared: readonly DeclaredUser[],
  nodes: readonly Visited<LiveNode>[],
  context: DiffContext,
  risks: StreamRisks,
): RedisDifference {
  const { name: service } = context.service;
  const read = nodes.flatMap(({ address, result }): ReadNode[] => (result === undefined ? [] : [{ ...result, address }]));
  const wanted = declared.filter(({ name }) => context.passwordHashes.has(name));
  return {
    planned: [
      ...wanted.flatMap((user) => compareUser(service, user, context.passwordHashes, read, risks)),
      ...undeclaredUsers(declared, read, context),
    ],
    notes: [
      ...nodes.flatMap((node) => (declared.length === 0 ? [] : nodeNotes(service, node))),
      ...read.flatMap((node) => defaultUserNotes(context.service, node)),
      ...noteMissing(declared, context),
    ],
  };
}

function compareUser(
  service: string,
  user: DeclaredUser,
  passwordHashes: PasswordHashes,
  nodes: readonly ReadNode[],
  risks: StreamRisks,
): Planned[] {
  const found = nodes.map((node) => ({ node, live: node.users.find(({ username }) => username === user.username) }));
  const hash = passwordHashes.get(user.name)!;
  const differences = together(
    found.map(({ node: { address, commands }, live }) => ({
      address,
      differences: live === undefined ? missing(user) : userDifferences(user, hash, live, commands),
    })),
  );
  if (differences.length === 0) return [];
  const known = found.flatMap(({ live }) => live ?? []);
  const danger = userDanger(user, known, risks);
  const change: Change = {
    name: objectName(service, 'user', user.name),
    action: known.length === 0 ? 'create' : 'update',
    differences,
    ...(danger !== undefined && { danger }),
  };
  return [{ change, step: { do: 'set user', user } }];
}

interface NodeDifferences {
  readonly address: string;
  readonly differences: readonly PropertyDifference[];
}

/** Where all servers differ in the same way that is said once, else with the servers that do. */
function together(nodes: readonly NodeDifferences[]): PropertyDifference[] {
  const places = new Map<string, { difference: PropertyDifference; addresses: string[] }>();
  for (const { address, differences } of nodes) {
    for (const difference of differences) {
      const key = canonicalJson(difference);
      const place = places.get(key) ?? { difference, addresses: [] };
      place.addresses.push(address);
      places.set(key, place);
    }
  }
  return [...places.values()].map(({ difference, addresses }) =>
    addresses.length === nodes.length ? difference : { ...difference, property: `${difference.property} on ${addresses.join(', ')}` },
  );
}

/** By the keys that the user has on no server any more, or on none yet. */
function userDanger(user: DeclaredUser, live: readonly LiveUser[], risks: StreamRisks): Danger | undefined {
  const wanted = keysOf(rightsOf(user.rules));
  const had = new Set(live.flatMap(({ rights }) => [...keysOf(rights)]));
  const without = (some: ReadonlySet<string>, others: ReadonlySet<string>) => new Set([...some].filter((key) => !others.has(key)));
  return dangerOfUser(without(had, wanted), without(wanted, had), risks);
}

function keysOf(rights: UserRights): Set<string> {
  return new Set(rights.flatMap(({ keys }) => keys.map((pattern) => pattern.replace(/^(%[RW]+)?~/, ''))));
}

function missing({ rules }: DeclaredUser): PropertyDifference[] {
  return [{ property: 'rules', declared: rules.join(' ') }];
}

function userDifferences(
  user: DeclaredUser,
  hash: string | Error,
  live: LiveUser,
  commands: readonly ServerCommand[],
): PropertyDifference[] {
  return [
    ...differencesBetween(
      { state: 'on', password: 'as in the secret' },
      { state: live.enabled ? 'on' : 'off', password: loginOf(live, hash) },
    ),
    ...rightsDifferences(rightsOf(user.rules), live.rights, commands),
  ];
}

function loginOf({ withoutPassword, passwordHashes }: LiveUser, hash: string | Error): string {
  if (withoutPassword) return 'none';
  if (typeof hash !== 'string') return 'cannot be compared, the secret is not readable';
  return passwordHashes.join() === hash ? 'as in the secret' : 'another';
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
      name: objectName(service.name, 'user', username),
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
    const sentence = `its users could not be looked at, and it keeps those it had (${error.message}); once it answers, apply again`;
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
      name: objectName(service.name, 'user', name),
      sentence: `the binding has no credentials of the user; provision the environment again, so that services.${service.name}.users has them`,
    }));
}
