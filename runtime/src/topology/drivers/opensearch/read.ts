import { isMillraceError } from '../../../contracts/errors.ts';
import { type Ask, orNothing, refusalIn } from './ask.ts';
import { type Body, type Capabilities, keyOf, type Live, type LiveObject } from './model.ts';
import { aliasesIn, dataStreamsIn, indicesIn } from './read-indices.ts';
import { managedIn } from './read-managed.ts';
import { policiesIn, repositoriesIn, rolesIn, snapshotPoliciesIn, templatesIn } from './read-objects.ts';

/** Which parts of the topology decide what has to be read. */
export interface ReadScope {
  /** Names of indices that declare fields. */
  readonly withFields: readonly string[];
  /** Whether roles are declared. */
  readonly roles: boolean;
}

const everyIndex = 'expand_wildcards=all';
const comparedSettings = [
  'number_of_shards',
  'number_of_replicas',
  'refresh_interval',
  'creation_date',
  'plugins.index_state_management.rollover_alias',
];
const settingNames = comparedSettings.map((name) => `index.${name}`).join(',');
/** All there is: the default is 20. Above 10,000 the server refuses. */
const all = 'size=10000';

/** Everything that is compared, in one round of requests. */
export async function readLive(ask: Ask, { withFields, roles }: ReadScope): Promise<Live> {
  const get = (path: string) => ask('GET', path);
  const fieldsOf = withFields.map(encodeURIComponent).join(',');
  const [templates, streams, aliases, settings, marks, fields, sizes, repositories, security, management] = await Promise.all([
    get('/_index_template'),
    get('/_data_stream'),
    get('/_alias'),
    get(`/_settings/${settingNames}?flat_settings=true&${everyIndex}`),
    get(`/_mapping?${everyIndex}&filter_path=*.mappings._meta.millrace`),
    withFields.length === 0 ? {} : get(`/${fieldsOf}/_mapping?ignore_unavailable=true&filter_path=*.mappings.properties`),
    get(`/_stats/docs,store?level=indices&${everyIndex}&filter_path=indices.*.total.store.size_in_bytes,indices.*.primaries.docs.count`),
    get('/_snapshot'),
    readSecurity(ask, roles),
    readManagement(ask),
  ]);
  const indices = indicesIn({ settings, marks, fields, sizes });
  const capabilities: Capabilities = { indexManagement: management !== undefined, security: security !== undefined };
  const objects: readonly LiveObject[] = [
    ...repositoriesIn(repositories),
    ...snapshotPoliciesIn(management?.snapshotPolicies),
    ...policiesIn(management?.policies),
    ...templatesIn(templates),
    ...dataStreamsIn(streams, indices),
    ...aliasesIn(aliases, indices),
    ...rolesIn(security?.roles, security?.mappings),
  ];
  return {
    capabilities,
    objects: new Map(objects.map((object) => [keyOf(object), object])),
    indices,
    managed: managedIn(management?.explained),
    readAt: Date.now(),
  };
}

async function readManagement(ask: Ask) {
  return ofPlugin(async () => {
    const [policies, snapshotPolicies, explained] = await Promise.all([
      ask('GET', `/_plugins/_ism/policies?${all}`),
      ask('GET', `/_plugins/_sm/policies?${all}`),
      ask('GET', `/_plugins/_ism/explain?${all}`),
    ]);
    return { policies, snapshotPolicies, explained };
  });
}

async function readSecurity(ask: Ask, areDeclared: boolean): Promise<{ roles: unknown; mappings: unknown } | undefined> {
  const path = '/_plugins/_security/api';
  try {
    return await ofPlugin(async () => {
      const [roles, mappings] = await Promise.all([ask('GET', `${path}/roles`), ask('GET', `${path}/rolesmapping`)]);
      return { roles, mappings };
    });
  } catch (error) {
    // Where no roles are declared, a user that may not look at them will do.
    if (!areDeclared && isMillraceError(error, 'ACCESS_DENIED')) return { roles: {}, mappings: {} };
    throw error;
  }
}

/** Undefined where no handler has the path: the plugin is not installed. Answers of a plugin say what type of error it is. */
async function ofPlugin<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const refusal = refusalIn(error);
    if (refusal !== undefined && [400, 404, 405].includes(refusal.status) && refusal.type === undefined) return undefined;
    throw error;
  }
}

/** One object as it is now; undefined where it is not there. */
export async function readOne(
  ask: Ask,
  kind: 'template' | 'role' | 'lifecycle' | 'snapshots',
  name: string,
): Promise<LiveObject | undefined> {
  const found = await readers[kind](ask, encodeURIComponent(name));
  return found.find((object) => object.name === name);
}

const readers = {
  template: async (ask: Ask, name: string) => templatesIn(await orNothing(ask('GET', `/_index_template/${name}`))),
  role: async (ask: Ask, name: string) => {
    const path = '/_plugins/_security/api';
    const [roles, mappings] = await Promise.all([
      orNothing(ask('GET', `${path}/roles/${name}`)),
      orNothing(ask('GET', `${path}/rolesmapping/${name}`)),
    ]);
    return rolesIn(roles, mappings);
  },
  lifecycle: async (ask: Ask, name: string) =>
    policiesIn(listOf('policies', await orNothing(ask('GET', `/_plugins/_ism/policies/${name}`)))),
  snapshots: async (ask: Ask, name: string) =>
    snapshotPoliciesIn(listOf('policies', await orNothing(ask('GET', `/_plugins/_sm/policies/${name}`)))),
} as const;

function listOf(name: string, one: Body): Body {
  return Object.keys(one).length === 0 ? {} : { [name]: [one] };
}
