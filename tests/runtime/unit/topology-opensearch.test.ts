import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { declaredOn } from '../../../runtime/src/topology/drivers/opensearch/declared.ts';
import { compare } from '../../../runtime/src/topology/drivers/opensearch/diff.ts';
import type { Live, LiveIndex, LiveObject } from '../../../runtime/src/topology/drivers/opensearch/model.ts';

const service = 'search';
const capabilities = { indexManagement: true, security: true };
const year = { hotDays: 7, warmDays: 30, coldDays: 90, deleteDays: 365 };
const topology = {
  indices: {
    logs: { service, dataStream: true, lifecycle: 'year' },
    orders: { service, lifecycle: 'year', fields: { '@timestamp': { type: 'date' } } },
  },
  lifecycles: { year },
  snapshots: { archive: { service, repository: 'archive', everyHours: 24, keepDays: 365 } },
} satisfies TopologyInput;

type Administration = NonNullable<BoundService['administration']>;

function declared(input: TopologyInput, administration: Administration = {}, mode: 'none' | 'iam' = 'none') {
  return declaredOn(topologySchema.parse(input), service, { bound: { administration, auth: { mode } }, capabilities });
}

interface State {
  readonly name: string;
  readonly actions: readonly Readonly<Record<string, unknown>>[];
  readonly transitions: readonly { state_name: string; conditions?: object }[];
}

/** `NAME: ACTIONS -> NEXT WHEN`, a line for each state. */
function lifecycle(input: TopologyInput, tiers: Administration['tiers'], mode: 'none' | 'iam' = 'none'): readonly string[] {
  const policy = declared(input, { tiers }, mode).objects.find(({ kind }) => kind === 'lifecycle')!;
  return (policy.body.states as State[]).map(({ name, actions, transitions }) => {
    const deeds = actions.map((action) => Object.keys(action).filter((each) => each !== 'retry')[0]);
    const [next] = transitions;
    const when = next?.conditions === undefined ? 'at once' : JSON.stringify(next.conditions).replace(/["{}]/g, '');
    return `${name}: ${deeds.join(', ')}${next === undefined ? '' : ` -> ${next.state_name} ${when}`}`;
  });
}

describe('a lifecycle on servers of one’s own', () => {
  test('with nodes for older indices', () => {
    expect(lifecycle(topology, 'node-attribute')).toEqual([
      'hot: rollover -> warm min_rollover_age:7d',
      'warm: allocation, replica_count, force_merge -> cold min_rollover_age:30d',
      'cold: read_only -> archive min_rollover_age:90d',
      'archive: snapshot -> delete min_rollover_age:365d',
      'delete: delete',
    ]);
  });

  test('where all nodes are alike, and nothing is archived', () => {
    expect(lifecycle({ ...topology, lifecycles: { year: { ...year, archive: false } } }, 'none')).toEqual([
      'hot: rollover -> warm min_rollover_age:7d',
      'warm: replica_count, force_merge -> cold min_rollover_age:30d',
      'cold: read_only -> delete min_rollover_age:365d',
      'delete: delete',
    ]);
  });

  test('with two phases', () => {
    expect(lifecycle({ ...topology, lifecycles: { year: { hotDays: 7, deleteDays: 30, archive: false } } }, 'none')).toEqual([
      'hot: rollover -> delete min_rollover_age:30d',
      'delete: delete',
    ]);
  });
});

describe('a lifecycle on Amazon OpenSearch Service', () => {
  test('archives before an index leaves hot storage, and deletes it where it lies then', () => {
    expect(lifecycle(topology, 'ultrawarm-and-cold')).toEqual([
      'hot: rollover -> archive min_rollover_age:7d',
      'archive: snapshot -> warm at once',
      'warm: warm_migration -> cold min_index_age:31d',
      'cold: cold_migration -> delete min_index_age:366d',
      'delete: cold_delete',
    ]);
  });

  test('without cold storage', () => {
    expect(lifecycle(topology, 'ultrawarm').slice(2)).toEqual(['warm: warm_migration -> delete min_index_age:366d', 'delete: delete']);
  });

  test('without further tiers', () => {
    expect(lifecycle(topology, 'none', 'iam')).toEqual([
      'hot: rollover -> archive min_rollover_age:7d',
      'archive: snapshot -> delete min_rollover_age:365d',
      'delete: delete',
    ]);
  });

  test('needs a time in every document that goes to cold storage', () => {
    const { notes } = declared({ ...topology, indices: { orders: { service, lifecycle: 'year' } } }, { tiers: 'ultrawarm-and-cold' });
    expect(notes.filter(({ name }) => name.includes('lifecycle'))).toEqual([
      { level: 'problem', name: 'search/lifecycle/year', sentence: expect.stringContaining('index orders has no field @timestamp') },
    ]);
    expect(declared(topology, { tiers: 'ultrawarm-and-cold' }).notes.filter(({ name }) => name.includes('lifecycle'))).toEqual([]);
  });
});

test('a lifecycle matches data streams by their name, and indices behind an alias by theirs', () => {
  const policy = declared(topology).objects.find(({ kind }) => kind === 'lifecycle')!;
  expect(policy.body.ism_template).toEqual([{ index_patterns: ['logs', 'orders-0*'], priority: 500 }]);
  const template = declared(topology).objects.find(({ kind, name }) => kind === 'template' && name === 'orders')!;
  expect(template.properties).toMatchObject({ 'index.plugins.index_state_management.rollover_alias': 'orders' });
});

describe('snapshots', () => {
  test.each([
    [1, '0 */1 * * *'],
    [5, '0 */5 * * *'],
    [24, '0 1 * * *'],
    [48, '0 1 */2 * *'],
    [10_000, '0 1 */28 * *'],
  ])('are taken every %i hours, or more often: %s', (everyHours, expression) => {
    const input = { ...topology, snapshots: { archive: { ...topology.snapshots.archive, everyHours } } };
    const policy = declared(input).objects.find(({ kind }) => kind === 'snapshots')!;
    expect(policy.body).toMatchObject({
      creation: { schedule: { cron: { expression, timezone: 'UTC' } } },
      deletion: { condition: { max_age: '365d' } },
    });
  });

  test('name the declared indices, and none where a warm one would make them fail', () => {
    const configOf = (tiers: Administration['tiers']) =>
      declared(topology, { tiers }).objects.find(({ kind }) => kind === 'snapshots')!.body.snapshot_config;
    expect(configOf('none')).toMatchObject({ repository: 'archive', indices: 'logs,orders' });
    expect(configOf('ultrawarm')).not.toHaveProperty('indices');
  });

  test('cannot be in two repositories at one place', () => {
    const second = { ...topology.snapshots.archive, repository: 'second' };
    const { objects, notes } = declared(
      { ...topology, snapshots: { ...topology.snapshots, second } },
      { snapshotRepository: { type: 'fs', settings: { location: 'x' } } },
    );
    expect(objects.filter(({ kind }) => kind === 'repository').map(({ name }) => name)).toEqual(['archive']);
    expect(notes).toEqual([{ level: 'problem', name: 'search/repository/second', sentence: expect.stringContaining('spoil each other') }]);
  });
});

describe('what an earlier deletion costs', () => {
  const dayMs = 86_400_000;
  const readAt = 1_000 * dayMs;
  const index = (ageDays: number, documents: number): LiveIndex => ({
    createdAt: readAt - ageDays * dayMs,
    documents,
    bytes: 10 * documents,
    settings: {},
    fields: {},
  });

  /** Rolled over 500, 100 and 20 days ago, and the index that is written to. */
  function live(managed: boolean): Live {
    const objects = declared(topology).objects.map((object) => {
      const indices = object.kind === 'data-stream' ? ['z', 'a', 'b', 'c'] : undefined;
      return {
        ...object,
        ours: true,
        changedByOthers: false,
        indices,
        version: { seqNo: 0, primaryTerm: 1, updatedAt: 0 },
      } satisfies LiveObject;
    });
    return {
      ...{ capabilities, readAt },
      objects: new Map(objects.filter(({ name }) => name !== 'orders').map((object) => [`${object.kind}/${object.name}`, object])),
      indices: new Map([
        ['z', index(600, 1)],
        ['a', index(500, 7)],
        ['b', index(100, 20)],
        ['c', index(20, 300)],
      ]),
      managed: new Map(managed ? ['z', 'a', 'b', 'c'].map((name) => [name, { policy: 'year', seqNo: 0, failed: false }]) : []),
    };
  }

  const changeTo = (deleteDays: number, from: Live) => {
    const { changes } = compare(service, declared({ ...topology, lifecycles: { year: { hotDays: 7, deleteDays } } }), from);
    return changes.find(({ name }) => name === 'search/lifecycle/year')!;
  };

  test('counts what is older by then, from the roll-over, and never what is written to', () => {
    expect(changeTo(50, live(true)).danger).toEqual({
      sentence: 'deletes what is older than 50 days: now 8 documents (80 bytes); it was kept for 365',
      ...{ messages: 8, bytes: 80 },
    });
    expect(changeTo(10, live(true)).danger).toMatchObject({ messages: 28 });
  });

  test('is not told where more is kept, however old something is', () => {
    expect(changeTo(200, live(true)).danger).toMatchObject({ messages: 1 });
    expect(changeTo(400, live(true)).danger).toBeUndefined();
  });

  test('counts for indices that were under no lifecycle as well', () => {
    expect(changeTo(700, live(false)).danger).toBeUndefined();
    const { changes } = compare(
      service,
      declared({ ...topology, lifecycles: { year: { ...year, deleteDays: 50, warmDays: 8, coldDays: 9 } } }),
      live(false),
    );
    expect(changes.find(({ name }) => name === 'search/lifecycle/year')).toMatchObject({ danger: { messages: 8 } });
  });
});

test('an index of others behind an alias is put under no lifecycle, even one that has the mark of the template', () => {
  const index = (madeFor?: string): LiveIndex => ({ createdAt: 0, documents: 1, bytes: 1, settings: {}, fields: {}, madeFor });
  const objects = declared(topology).objects.map((object): LiveObject => {
    const indices = object.kind === 'alias' ? ['theirs', 'orders-0backup', 'orders-000001'] : [];
    return { ...object, ours: true, changedByOthers: false, indices, written: indices.at(-1) };
  });
  const { changes } = compare(service, declared(topology), {
    ...{ capabilities, readAt: 86_400_000, managed: new Map() },
    objects: new Map(objects.map((object) => [`${object.kind}/${object.name}`, object])),
    indices: new Map([
      ['theirs', index()],
      ['orders-0backup', index('orders')],
      ['orders-000001', index('orders')],
    ]),
  });
  const differences = changes.filter(({ name }) => name === 'search/lifecycle/year').flatMap((change) => change.differences);
  expect(differences).toEqual([{ property: 'index orders-000001', declared: 'year' }]);
});
