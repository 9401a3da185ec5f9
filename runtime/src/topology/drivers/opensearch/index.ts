import { assumedRole } from '../../../aws/assumed-role.ts';
import { connectSearch } from '../../../connections/opensearch/index.ts';
import { ownedBy } from '../../../contracts/topology.ts';
import { notCompared, type OpenDriver } from '../../driver.ts';
import { applyChange, type Seen } from './apply.ts';
import { askWith } from './ask.ts';
import { declaredOn } from './declared.ts';
import { compare } from './diff.ts';
import { readLive } from './read.ts';

/**
 * Keeps the objects of an OpenSearch server: index templates, data streams and write aliases, lifecycles, snapshots, roles.
 *
 * Written by hand since, a template, a lifecycle, a snapshot policy or a role is a conflict: their marks tell. Undeclared are objects with a mark alone.
 *
 * @throws {MillraceError} what `connectSearch` throws; AWS_CREDENTIALS_UNAVAILABLE when the role of `administration` cannot be assumed.
 */
export const openSearchDriver: OpenDriver = async ({ service, topology, signal }) => {
  const { administration, iam } = service.service;
  const credentials = administration?.roleArn === undefined ? undefined : await assumedRole(administration.roleArn, iam?.region);
  const connection = await connectSearch(service, { name: 'millrace-apply', ...(credentials && { credentials }) });
  const ask = askWith(connection, signal);
  const scope = scopeOf(service.name, topology);
  let seen: Seen | undefined;
  return {
    async compare() {
      const live = await readLive(ask, scope);
      const declaration = declaredOn(topology, service.name, { bound: service.service, capabilities: live.capabilities });
      seen = { declaration, live };
      return compare(service.name, declaration, live);
    },
    async apply(change) {
      if (seen === undefined) throw notCompared(change.name);
      await applyChange(ask, service.name, change, seen);
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
};

function scopeOf(service: string, { indices, searchRoles }: Parameters<OpenDriver>[0]['topology']) {
  const withFields = ownedBy(indices, service).flatMap(([name, { fields }]) => (fields === undefined ? [] : [name]));
  return { withFields, roles: ownedBy(searchRoles, service).length > 0 };
}
