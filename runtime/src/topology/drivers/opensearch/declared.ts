import { objectName } from '../../../contracts/object-names.ts';
import { ownedBy, refreshIntervalMs, type Topology } from '../../../contracts/topology.ts';
import type { Note } from '../../driver.ts';
import { intervalText, roleMembers, roleProperties, templateProperties } from './comparable.ts';
import { declareLifecycles } from './declared-lifecycles.ts';
import { declareSnapshots } from './declared-snapshots.ts';
import { priority } from './lifecycle.ts';
import { describe, markFor } from './marks.ts';
import { type Body, type Capabilities, type DeclareContext, type DeclaredObject, kinds } from './model.ts';
import { namesIn } from './names.ts';

/** What the topology means on one service. */
export interface Declaration {
  /** In an order in which they can be made. */
  readonly objects: readonly DeclaredObject[];
  readonly notes: readonly Note[];
}

type Index = Topology['indices'][string];
type SearchRole = Topology['searchRoles'][string];

/** Pure: the same for the same topology, binding and capabilities. */
export function declaredOn(topology: Topology, service: string, server: Pick<DeclareContext, 'bound' | 'capabilities'>): Declaration {
  const context = { topology, service, ...server };
  const { capabilities } = server;
  const indices = byName(ownedBy(topology.indices, service));
  const roles = byName(ownedBy(topology.searchRoles, service));
  const snapshots = declareSnapshots(
    context,
    indices.map(([name]) => name),
  );
  const lifecycles = declareLifecycles(context, Object.fromEntries(indices));
  const objects = [
    ...snapshots.objects,
    ...lifecycles.objects,
    ...indices.flatMap(([name, index]) => [templateFor(name, index, capabilities), targetFor(name, index, capabilities)]),
    ...(capabilities.security ? roles.map(([name, role]) => roleFor(name, role)) : []),
  ];
  const lacking = capabilities.security ? [] : roles.map(([name]) => withoutSecurity(service, name));
  return {
    objects: objects.sort((one, other) => kinds.indexOf(one.kind) - kinds.indexOf(other.kind)),
    notes: [...snapshots.notes, ...lifecycles.notes, ...lacking],
  };
}

function byName<T>(entries: readonly [name: string, T][]): [name: string, T][] {
  return entries.toSorted(([one], [other]) => (one < other ? -1 : 1));
}

function withoutSecurity(service: string, name: string): Note {
  const sentence = `role ${name} is not applied: this OpenSearch has no security plugin`;
  return { level: 'info', name: objectName(service, 'role', name), sentence };
}

function templateFor(name: string, index: Index, capabilities: Capabilities): DeclaredObject {
  const { shards, fields } = index;
  const template = {
    settings: { 'index.number_of_shards': String(shards), ...liveSettings(name, index, capabilities) },
    ...(fields && { mappings: { properties: fields } }),
  };
  const content = { index_patterns: [namesIn(name, index).pattern], priority, ...(index.dataStream && { data_stream: {} }) };
  const properties = templateProperties({ ...content, template });
  // The mapping's part is on every index that is made from it, and outlives the template.
  const mappings = { ...template.mappings, _meta: { millrace: { index: name } } };
  const body = { ...content, template: { ...template, mappings }, _meta: { millrace: { mark: markFor(properties) } } };
  return { kind: 'template', name, properties, body };
}

/** The data stream, or the alias with the index behind it, that services write to. */
function targetFor(name: string, index: Index, capabilities: Capabilities): DeclaredObject {
  const { shards, lifecycle, fields = {}, dataStream } = index;
  const settings = liveSettings(name, index, capabilities);
  return { kind: dataStream ? 'data-stream' : 'alias', name, properties: settings, body: settings, index: { shards, lifecycle, fields } };
}

/** What can be changed while an index is written to. */
function liveSettings(name: string, { replicas, refresh, lifecycle, dataStream }: Index, { indexManagement }: Capabilities) {
  return {
    'index.number_of_replicas': String(replicas),
    'index.refresh_interval': intervalText(refreshIntervalMs[refresh]),
    ...(lifecycle !== undefined && !dataStream && indexManagement && { 'index.plugins.index_state_management.rollover_alias': name }),
  };
}

const clusterPermissions: Readonly<Record<SearchRole['access'], readonly string[]>> = {
  read: ['cluster_composite_ops_ro'],
  write: ['cluster_composite_ops'],
  both: ['cluster_composite_ops'],
};

/** Neither lets its holder make or delete an index: those that are declared are there. */
const indexActions: Readonly<Record<SearchRole['access'], readonly string[]>> = {
  read: ['read', 'indices:admin/mappings/get'],
  write: ['write'],
  both: ['read', 'indices:admin/mappings/get', 'write'],
};

function roleFor(name: string, { indices, access, backendRoles, users }: SearchRole): DeclaredObject {
  const role = {
    cluster_permissions: clusterPermissions[access],
    index_permissions: [{ index_patterns: [...indices].sort(), allowed_actions: indexActions[access] }],
    tenant_permissions: [],
  };
  const properties = roleProperties(role);
  const members: Body = { backend_roles: [...backendRoles].sort(), users: [...users].sort() };
  const body = { role: { ...role, description: describe('Declared in the topology', markFor(properties)) }, members };
  return { kind: 'role', name, properties: { ...properties, ...roleMembers(members) }, body };
}
