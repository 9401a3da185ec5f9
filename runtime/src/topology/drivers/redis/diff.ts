import type { DeclaredStream, DeclaredTenant } from '../../../contracts/declared-objects.ts';
import { objectName } from '../../../contracts/object-names.ts';
import { tenantsKey } from '../../../contracts/topology.ts';
import { allOf } from '../../differences.ts';
import type { Change, Note } from '../../driver.ts';
import {
  dangerOfDeletion,
  dangerOfGroup,
  dangerOfGroupDeletion,
  entriesOf,
  pendingOf,
  risksOf,
  type Stray,
  type StreamRisks,
  unhandledIn,
} from './danger.ts';
import type { DeclaredRedis } from './declared.ts';
import type { LiveGroup, LiveRedis, LiveStream, WrongRegister } from './read.ts';
import type { DiffContext, Planned, RedisDifference } from './steps.ts';
import { compareUsers } from './user-diff.ts';

/** Groups and tenants first, then the users who work with them; what is undeclared comes last. */
export function compare(declared: DeclaredRedis, live: LiveRedis, context: DiffContext): RedisDifference {
  const { name } = context.service;
  const risks = risksOf(declared, live);
  const streams = declared.streams.map((stream) => compareStream(name, stream, live.streams.get(stream.key)!, risks));
  const users = compareUsers(declared.users, live.nodes, context, risks);
  const all = [
    ...streams.flatMap(({ planned }) => planned),
    ...live.missingTenants.map((tenant) => enter(name, tenant)),
    ...users.planned,
    ...risks.strays.map((stray) => undeclaredStreams(name, stray)),
  ];
  return {
    planned: [...all.filter(({ change }) => change.undeclared !== true), ...all.filter(({ change }) => change.undeclared === true)],
    notes: [
      ...streams.flatMap(({ notes }) => notes),
      ...risks.strays.flatMap((stray) => formerShard(name, declared, stray)),
      ...live.wrongRegisters.map((register) => wrongRegister(name, register)),
      ...users.notes,
    ],
  };
}

function compareStream(service: string, { key, groups }: DeclaredStream, live: LiveStream, risks: StreamRisks): RedisDifference {
  if (live.type !== 'stream' && live.type !== 'none') {
    const sentence = `the key holds a ${live.type}, so no event can be published there; look who made it, then delete or rename it`;
    return { planned: [], notes: [{ level: 'problem', name: objectName(service, 'stream', key), sentence }] };
  }
  const missing = groups.filter((group) => !live.groups.some(({ name }) => name === group));
  const undeclared = live.groups.filter(({ name }) => !groups.includes(name));
  const danger = dangerOfGroup(key, risks);
  return {
    planned: [
      ...missing.map((group): Planned => {
        const change: Change = {
          name: objectName(service, 'group', key, group),
          action: 'create',
          differences: allOf({ from: 'the first entry' }),
          ...(danger !== undefined && { danger }),
        };
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
    name: objectName(service, 'group', stream, name),
    action: 'delete',
    undeclared: true,
    differences: [
      { property: 'pending', live: String(pending) },
      { property: 'undelivered', live: lag === undefined ? `at most ${entries}` : String(lag) },
    ],
    danger: dangerOfGroupDeletion(group, entries),
  };
  return { change, step: { do: 'delete group', stream, group: name } };
}

function undeclaredStreams(service: string, stray: Stray): Planned {
  const { topic, isolation, streams } = stray;
  const ofTenants = isolation === 'tenant';
  const change: Change = {
    name: ofTenants ? objectName(service, 'tenant-streams', topic!) : objectName(service, 'stream', streams[0]!.key),
    action: 'delete',
    undeclared: true,
    differences: [
      ...(ofTenants ? [{ property: 'streams', live: String(streams.length) }] : []),
      { property: 'entries', live: String(entriesOf(streams)) },
      { property: 'pending', live: String(pendingOf(streams)) },
    ],
    danger: dangerOfDeletion(stray),
  };
  return { change, step: { do: 'delete streams', streams, register: ofTenants ? tenantsKey(topic!) : undefined } };
}

function enter(service: string, tenant: DeclaredTenant): Planned {
  const change: Change = {
    name: objectName(service, 'tenant', tenant.topic, tenant.tenant),
    action: 'create',
    differences: allOf({ register: tenant.register }),
  };
  return { change, step: { do: 'enter tenant', tenant } };
}

function formerShard(service: string, declared: DeclaredRedis, { topic, isolation, streams }: Stray): Note[] {
  const unhandled = unhandledIn(streams[0]!);
  const isFormer = isolation === 'shared' && declared.streams.some((stream) => stream.topic === topic);
  if (!isFormer || unhandled === 0) return [];
  const sentence = `topic ${topic} has fewer shards than before, and ${unhandled} of the entries in this one are not handled, where nobody reads them; raise shards again until they are`;
  return [{ level: 'problem', name: objectName(service, 'stream', streams[0]!.key), sentence }];
}

function wrongRegister(service: string, { topic, register, type }: WrongRegister): Note {
  const sentence = `${register} holds a ${type}, so no tenant can be entered; look who made it, then delete or rename it`;
  return { level: 'problem', name: objectName(service, 'tenant', topic), sentence };
}
