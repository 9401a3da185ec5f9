import { local } from '../../../environments/local.ts';
import { parseEnvironment } from '../../../environments/schema.ts';
import { declaredNames, matcherOf } from '../../../runtime/src/contracts/object-names.ts';
import { type Topology, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { declaredOn as declaredOnKafka } from '../../../runtime/src/topology/drivers/kafka/declared.ts';
import { compare as compareKafka } from '../../../runtime/src/topology/drivers/kafka/diff.ts';
import { declaredOn } from '../../../runtime/src/topology/drivers/opensearch/declared.ts';
import { compare } from '../../../runtime/src/topology/drivers/opensearch/diff.ts';
import { declaredOn as declaredOnRabbit } from '../../../runtime/src/topology/drivers/rabbitmq/declared.ts';
import { compare as compareRabbit } from '../../../runtime/src/topology/drivers/rabbitmq/diff.ts';
import { declaredOn as declaredOnRedis } from '../../../runtime/src/topology/drivers/redis/declared.ts';
import { compare as compareRedis } from '../../../runtime/src/topology/drivers/redis/diff.ts';

const service = (name: string) => ({ name, service: { endpoints: [], auth: { mode: 'none' as const } } });

/** What each driver would make on a server that has nothing: a change has the name of its object. */
const changesOnEmpty: Readonly<Record<string, (topology: Topology) => readonly { readonly name: string }[]>> = {
  log: (topology) => compareKafka(declaredOnKafka(topology, 'log'), [], { service: 'log', serverless: false }).map(({ change }) => change),
  tasks: (topology) => {
    const empty = { version: '4.2.1', exchanges: [], queues: [], bindings: [] };
    return compareRabbit('tasks', declaredOnRabbit(topology, 'tasks'), empty).map(({ change }) => change);
  },
  events: (topology) => {
    const declared = declaredOnRedis(topology, 'events');
    const none = { type: 'none', entries: 0, groups: [] };
    const streams = new Map(declared.streams.map(({ key }) => [key, none]));
    const result = { users: [], commands: [], keepsUsers: true, replicationUser: undefined };
    const live = {
      streams,
      strays: [],
      missingTenants: declared.tenants,
      wrongRegisters: [],
      nodes: [{ address: 'redis-0:6379', result }],
    };
    const passwordHashes = new Map(declared.users.map(({ name }) => [name, 'hash']));
    return compareRedis(declared, live, { service: service('events') as never, passwordHashes }).planned.map(({ change }) => change);
  },
  search: (topology) => {
    const capabilities = { indexManagement: true, security: true };
    const bound = {
      auth: { mode: 'none' as const },
      administration: { snapshotRepository: { type: 'fs' as const, settings: { location: 'archive' } } },
    };
    const empty = { capabilities, objects: new Map(), indices: new Map(), managed: new Map(), readAt: 0 };
    return compare('search', declaredOn(topology, 'search', { bound, capabilities }), empty).changes;
  },
};

/** The reference topology, with one each of the kinds that it has none of. */
function everyKind(): Topology {
  const { topology } = parseEnvironment(local);
  return topologySchema.parse({
    ...topology,
    aclUsers: { ...topology.aclUsers, acme: { service: 'events', topics: ['chat'], access: 'produce', tenant: 'acme' } },
    indices: { ...topology.indices, plain: { service: 'search' } },
    searchRoles: { ...topology.searchRoles, readers: { service: 'search', indices: ['plain'], access: 'read' } },
  });
}

describe('the names of declared objects', () => {
  test.each(Object.keys(changesOnEmpty))('on %s are those that its driver compares', (name) => {
    const topology = everyKind();
    const made = changesOnEmpty[name]!(topology).map((change) => change.name);
    expect(made.length).toBeGreaterThan(5);
    expect(
      declaredNames(topology)
        .filter(matcherOf([`${name}/*`]))
        .sort(),
    ).toEqual([...made].sort());
  });

  test('are of no other service, and each is there once', () => {
    const names = declaredNames(everyKind());
    expect(new Set(names.map((name) => name.split('/')[0]))).toEqual(new Set(Object.keys(changesOnEmpty)));
    expect(new Set(names).size).toBe(names.length);
  });

  test('have objects of every kind among them', () => {
    const kinds = new Set(declaredNames(everyKind()).map((name) => name.split('/')[1]));
    expect([...kinds].sort()).toEqual([
      'alias',
      'binding',
      'data-stream',
      'exchange',
      'group',
      'lifecycle',
      'queue',
      'repository',
      'role',
      'snapshots',
      'template',
      'tenant',
      'topic',
      'user',
    ]);
  });
});

describe('an archive that no snapshot policy names', () => {
  test('is the repository of its own name, where an index is archived', () => {
    const namesOf = (archive: boolean) =>
      declaredNames(
        topologySchema.parse({
          indices: { logs: { service: 'search', lifecycle: 'year' } },
          lifecycles: { year: { hotDays: 7, deleteDays: 365, archive } },
        }),
      ).filter(matcherOf(['search/repository/*']));
    expect([namesOf(true), namesOf(false)]).toEqual([['search/repository/archive'], []]);
  });
});
