import { allOf } from '../../differences.ts';
import type { Change, Danger, Note } from '../../driver.ts';
import type { DiffContext, Planned, RedisDifference } from './changes.ts';
import type { DeclaredRedis, DeclaredStream, DeclaredTenant } from './declared.ts';
import type { LiveGroup, LiveRedis, LiveStream } from './read.ts';
import { compareUsers } from './user-diff.ts';

/** Groups and tenants first, then the users who work with them; what is undeclared comes last. */
export function compareRedis(declared: DeclaredRedis, live: LiveRedis, context: DiffContext): RedisDifference {
  const { name } = context.service;
  const streams = declared.streams.map((stream) => compareStream(name, stream, live.streams.get(stream.key)!));
  const former = declared.formerStreams.flatMap(({ key, topic }) => formerShard(name, key, topic, live.streams.get(key)!));
  const users = compareUsers(declared.users, live.nodes, context);
  const all = [...streams.flatMap(({ planned }) => planned), ...live.missingTenants.map((tenant) => enter(name, tenant)), ...users.planned];
  return {
    planned: [...all.filter(({ change }) => change.undeclared !== true), ...all.filter(({ change }) => change.undeclared === true)],
    notes: [...streams.flatMap(({ notes }) => notes), ...former, ...users.notes],
  };
}

function compareStream(service: string, { key, groups }: DeclaredStream, live: LiveStream): RedisDifference {
  if (live.type !== 'stream' && live.type !== 'none') {
    const sentence = `the key holds a ${live.type}, so no event can be published there; look who made it, then delete or rename it`;
    return { planned: [], notes: [{ level: 'problem', name: `${service}/stream/${key}`, sentence }] };
  }
  const missing = groups.filter((group) => !live.groups.some(({ name }) => name === group));
  const undeclared = live.groups.filter(({ name }) => !groups.includes(name));
  return {
    planned: [
      ...missing.map((group): Planned => {
        const change: Change = { name: groupName(service, key, group), action: 'create', differences: allOf({ from: 'the first entry' }) };
        return { change, step: { do: 'create group', stream: key, group } };
      }),
      ...undeclared.map((group) => undeclaredGroup(service, key, group, live.entries)),
    ],
    notes: [],
  };
}

function undeclaredGroup(service: string, stream: string, group: LiveGroup, entries: number): Planned {
  const { name, pending, lag } = group;
  const change: Change = {
    name: groupName(service, stream, name),
    action: 'delete',
    undeclared: true,
    differences: [
      { property: 'pending', live: String(pending) },
      { property: 'undelivered', live: lag === undefined ? `at most ${entries}` : String(lag) },
    ],
    danger: groupDanger(group, entries),
  };
  return { change, step: { do: 'delete group', stream, group: name } };
}

/** The entries themselves stay in the stream; that the group has yet to handle them is forgotten. */
function groupDanger({ pending, lag }: LiveGroup, entries: number): Danger {
  const undelivered = lag ?? entries;
  const sentence =
    `forgets how far the group has come, ${pending} entries delivered and not acknowledged ` +
    `and ${lag === undefined ? 'at most ' : ''}${undelivered} not delivered yet`;
  return { sentence, messages: pending + undelivered };
}

function enter(service: string, tenant: DeclaredTenant): Planned {
  const change: Change = {
    name: `${service}/tenant/${tenant.topic}/${tenant.tenant}`,
    action: 'create',
    differences: allOf({ register: tenant.register }),
  };
  return { change, step: { do: 'enter tenant', tenant } };
}

function formerShard(service: string, key: string, topic: string, { type, entries }: LiveStream): Note[] {
  if (type !== 'stream' || entries === 0) return [];
  const sentence = `topic ${topic} has fewer shards than before, and ${entries} entries lie in this one, where nobody reads them; raise shards again until they are handled`;
  return [{ level: 'problem', name: `${service}/stream/${key}`, sentence }];
}

function groupName(service: string, stream: string, group: string): string {
  return `${service}/group/${stream}/${group}`;
}
