import { connectSearch } from '../../../runtime/src/connections/opensearch/index.ts';
import type { TopologyInput } from '../../../runtime/src/contracts/topology.ts';
import type { Change } from '../../../runtime/src/topology/driver.ts';
import { startTestOpenSearch, type TestOpenSearch } from '../../support/servers.ts';
import { searchHandle } from '../support/search-nodes.ts';
import { named, place, type SearchTopology, searchTopology } from '../support/topology-search.ts';

let server: TestOpenSearch;
let search: SearchTopology;

beforeAll(async () => {
  server = await startTestOpenSearch();
  search = await searchTopology(server.handle());
}, 120_000);
afterAll(async () => {
  await search?.close();
  await server?.stop();
});

const service = 'search';
type Indices = NonNullable<TopologyInput['indices']>;
const indices = {
  logs: { service, dataStream: true, lifecycle: 'year', replicas: 0 },
  events: { service, dataStream: true, lifecycle: 'year', refresh: 'historical', replicas: 0 },
  'domain-entities': { service, refresh: 'real-time', replicas: 0, fields: { title: { type: 'text' }, 'shop.id': { type: 'keyword' } } },
} as const satisfies Indices;
const reference: TopologyInput = {
  indices,
  lifecycles: { year: { hotDays: 7, warmDays: 30, coldDays: 90, deleteDays: 365 } },
  snapshots: { archive: { service, repository: 'archive', everyHours: 24, keepDays: 365 } },
  searchRoles: { viewer: { service, indices: ['logs', 'domain-entities'], access: 'read', users: ['eve'] } },
};

/** The reference with one index that is declared otherwise. */
const withIndex = (name: string, index: Indices[string]): TopologyInput => ({ ...reference, indices: { ...indices, [name]: index } });

const expectNothingLeft = async (topology: TopologyInput) => {
  expect((await (await search.open(topology)).compare()).changes).toEqual([]);
};

/** Whatever a test did to the objects, the next one finds what the reference declares. */
afterEach(async () => {
  await search.applyAll(reference);
});

/** Without documents, and with one index each. */
async function startAnew(): Promise<void> {
  await search.ask('DELETE', '/_data_stream/logs,events,domain-entities');
  const left = Object.keys(await search.ask('GET', '/_alias')).filter((name) => !name.startsWith('.'));
  if (left.length > 0) await search.ask('DELETE', `/${left.join(',')}`);
  await search.applyAll(reference);
}

test('everything is made on an empty server, and then nothing is left to do', async () => {
  const { changes, notes } = await search.applyAll(reference);
  expect(named(changes)).toEqual([
    'create search/repository/archive',
    'create search/template/domain-entities',
    'create search/template/events',
    'create search/template/logs',
    'create search/data-stream/events',
    'create search/data-stream/logs',
    'create search/alias/domain-entities',
    'create search/role/viewer',
  ]);
  expect(changes.filter(({ danger }) => danger !== undefined)).toEqual([]);
  await expectNothingLeft(reference);
  const sentences = notes.map(({ level, sentence }) => `${level}: ${sentence}`);
  expect(sentences).toEqual([
    'info: snapshots archive are not taken: this OpenSearch has no index management plugin',
    'info: lifecycle year is not applied: this OpenSearch has no index management plugin',
  ]);
});

test('documents go where they are declared to, with the refresh class of the declaration', async () => {
  await search.ask('POST', '/logs/_doc', { '@timestamp': '2026-11-21T00:00:00Z', message: 'one' });
  await search.ask('POST', '/domain-entities/_doc', { title: 'a lamp' });
  const settings = await search.ask<Record<string, { settings: object }>>(
    'GET',
    '/.ds-*,domain-*/_settings/index.refresh_interval?flat_settings=true&expand_wildcards=all',
  );
  const intervals = Object.fromEntries(Object.entries(settings).map(([name, each]) => [name, Object.values(each.settings)[0]]));
  expect(intervals).toEqual({ '.ds-logs-000001': '1s', '.ds-events-000001': '30s', 'domain-entities-000001': '100ms' });
});

test('a comparison of what is as declared takes less than 0.6 s', async () => {
  const driver = await search.open(reference);
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const startedAt = performance.now();
    await driver.compare();
    times.push(performance.now() - startedAt);
  }
  expect(Math.min(...times)).toBeLessThan(600);
});

test('every change may be carried out twice, as after a kill in the middle', async () => {
  await search.ask('DELETE', '/_data_stream/logs');
  await search.ask('DELETE', '/domain-entities-000001');
  await search.ask('DELETE', '/_index_template/domain-entities');
  const driver = await search.open(withIndex('events', { ...indices.events, refresh: 'default' }));
  const { changes } = await driver.compare();
  expect(changes.length).toBeGreaterThan(4);
  for (const change of changes) {
    await driver.apply(change);
    await driver.apply(change).catch((error: unknown) => {
      // Written a second time it is not what was seen: nothing is lost by saying so.
      expect(error).toMatchObject({ code: 'TOPOLOGY_CONFLICT' });
    });
  }
  expect((await driver.compare()).changes).toEqual([]);
});

test('what can be changed while an index is written to is changed in it, and in its template', async () => {
  const changed = withIndex('domain-entities', {
    ...indices['domain-entities'],
    refresh: 'historical',
    fields: { ...indices['domain-entities'].fields, price: { type: 'float' } },
  });
  const { changes } = await search.applyAll(changed);
  expect(named(changes)).toEqual(['update search/template/domain-entities', 'update search/alias/domain-entities']);
  expect(changes[1]!.differences).toEqual([
    { property: 'index.refresh_interval', live: '100ms', declared: '30s' },
    { property: 'field price', declared: 'mapped' },
  ]);
  await expectNothingLeft(changed);
  const mapping = await search.ask<Record<string, { mappings: { properties: object } }>>('GET', '/domain-entities/_mapping');
  expect(mapping['domain-entities-000001']!.mappings.properties).toMatchObject({ price: { type: 'float' } });
});

test('shards and the type of a field wait for the next index, and a note says so', async () => {
  await startAnew();
  const changed = withIndex('domain-entities', { ...indices['domain-entities'], shards: 2, fields: { title: { type: 'keyword' } } });
  await search.applyAll(changed);
  const driver = await search.open(changed);
  const { changes, notes } = await driver.compare();
  expect(changes).toEqual([]);
  expect(notes).toContainEqual({
    level: 'info',
    name: 'search/alias/domain-entities',
    sentence: expect.stringContaining('number_of_shards 2 (now 1), field title as keyword (now text)'),
  });
  await search.ask('POST', '/domain-entities/_rollover');
  const after = await driver.compare();
  expect([after.changes, after.notes.filter(({ name }) => name.includes('domain'))]).toEqual([[], []]);
});

describe('what others changed', () => {
  const edit = { index_patterns: ['logs'], priority: 500, data_stream: {}, template: { settings: { number_of_shards: 5 } } };

  test('a template that was edited by hand is a conflict, which is overwritten when it is allowed', async () => {
    const { index_templates } = await search.ask<{
      index_templates: { index_template: { _meta: object; template: { settings: { index: object } } } }[];
    }>('GET', '/_index_template/logs');
    const { index_template } = index_templates[0]!;
    await search.ask('PUT', '/_index_template/logs', {
      ...index_template,
      template: { ...index_template.template, settings: { number_of_shards: 5 } },
    });
    const driver = await search.open(reference);
    const { changes } = await driver.compare();
    expect(named(changes)).toEqual(['conflict search/template/logs']);
    expect(changes[0]!.differences).toContainEqual({ property: 'index.number_of_shards', live: '5', declared: '1' });
    await driver.apply(changes[0]!);
    await expectNothingLeft(reference);
  });

  test('a template that Millrace did not make is a conflict too', async () => {
    await search.ask('PUT', '/_index_template/logs', edit);
    expect(named((await (await search.open(reference)).compare()).changes)).toEqual(['conflict search/template/logs']);
  });

  test('a declaration that changes, where nobody edited anything, is an update', async () => {
    const driver = await search.open(withIndex('logs', { ...indices.logs, refresh: 'historical' }));
    expect(named((await driver.compare()).changes)).toEqual(['update search/template/logs', 'update search/data-stream/logs']);
  });

  test('fails if a template is changed between comparison and change, without overwriting it', async () => {
    const driver = await search.open(withIndex('logs', { ...indices.logs, refresh: 'historical' }));
    const { changes } = await driver.compare();
    await search.ask('PUT', '/_index_template/logs', edit);
    await expect(driver.apply(changes[0]!)).rejects.toMatchObject({
      code: 'TOPOLOGY_CONFLICT',
      message: expect.stringContaining('search/template/logs'),
    });
    const { index_templates } = await search.ask<{ index_templates: object[] }>('GET', '/_index_template/logs');
    expect(index_templates).toMatchObject([{ index_template: { template: { settings: { index: { number_of_shards: '5' } } } } }]);
  });

  test('an alias that was taken away is put on the newest of its indices again', async () => {
    await startAnew();
    await search.ask('POST', '/domain-entities/_rollover');
    await search.ask('POST', '/domain-entities/_doc?refresh=true', { title: 'kept' });
    await search.ask('POST', '/_aliases', { actions: [{ remove: { index: 'domain-entities-*', alias: 'domain-entities' } }] });
    const { changes } = await search.applyAll(reference);
    expect(named(changes)).toEqual(['create search/alias/domain-entities']);
    expect(await search.ask('GET', '/domain-entities/_count')).toMatchObject({ count: 1 });
    await expectNothingLeft(reference);
  });
});

describe('what nothing declares', () => {
  const { logs: _logs, ...others } = indices;

  test('is told with its documents, and deleted when its name is given', async () => {
    await startAnew();
    for (const message of ['one', 'two'])
      await search.ask('POST', '/logs/_doc?refresh=true', { '@timestamp': '2026-11-21T00:00:00Z', message });
    const driver = await search.open({ ...reference, indices: others });
    const { changes } = await driver.compare();
    expect(named(changes)).toEqual(['delete search/data-stream/logs', 'delete search/template/logs']);
    expect(changes.every(({ undeclared }) => undeclared)).toBe(true);
    expect(changes[0]!.danger).toMatchObject({
      messages: 2,
      sentence: expect.stringMatching(/^deletes the data stream and 2 documents \(\d+ bytes\)$/),
    });
    expect(changes[0]!.danger!.bytes).toBeGreaterThan(1_000);
    for (const change of changes) await driver.apply(change);
    expect((await driver.compare()).changes).toEqual([]);
    expect(await search.ask('GET', '/_data_stream')).toMatchObject({ data_streams: [{ name: 'events' }] });
  });

  test('stays recognisable without its template: an alias with its indices', async () => {
    const { 'domain-entities': _entities, ...rest } = indices;
    await search.ask('DELETE', '/_index_template/domain-entities');
    const { changes } = await search.applyAll({ ...reference, indices: rest });
    expect(named(changes)).toEqual(['delete search/alias/domain-entities']);
    expect(await search.ask('GET', '/domain-*/_alias')).toEqual({});
  });

  test('is not told of where others made it', async () => {
    await search.ask('PUT', '/_index_template/theirs', { index_patterns: ['theirs*'], priority: 7, data_stream: {} });
    await search.ask('PUT', '/_data_stream/theirs');
    await search.ask('PUT', '/.kibana_1', { aliases: { '.kibana': {} } });
    await search.ask('PUT', '/_plugins/_security/api/roles/theirs', { cluster_permissions: [] });
    await expectNothingLeft(reference);
    await search.ask('DELETE', '/_data_stream/theirs');
    for (const path of ['/_index_template/theirs', '/.kibana_1', '/_plugins/_security/api/roles/theirs']) await search.ask('DELETE', path);
  });
});

describe('a name that something else has', () => {
  test('an index that was made by writing too early is replaced when that is allowed', async () => {
    await startAnew();
    await search.ask('DELETE', '/domain-entities-000001');
    await search.ask('POST', '/domain-entities/_doc?refresh=true', { title: 'too early' });
    const driver = await search.open(reference);
    const { changes } = await driver.compare();
    expect(named(changes)).toEqual(['replace search/alias/domain-entities']);
    expect(changes[0]!.danger).toMatchObject({
      messages: 1,
      sentence: expect.stringContaining('deletes the index that has the name and 1 document'),
    });
    await driver.apply(changes[0]!);
    await expectNothingLeft(reference);
  });

  test.each([
    ['logs', 'a data stream becomes an alias', { ...indices.logs, dataStream: false }, 'alias'],
    ['domain-entities', 'an alias becomes a data stream', { ...indices['domain-entities'], dataStream: true }, 'data-stream'],
  ] as const)('%s: %s', async (name, _title, index, kind) => {
    const changed = withIndex(name, index);
    const { changes } = await search.applyAll(changed);
    expect(named(changes)).toEqual([`replace search/${kind}/${name}`]);
    expect(changes[0]!.danger).toBeDefined();
    await expectNothingLeft(changed);
    const back = await search.applyAll(reference);
    expect(back.changes.map(({ action }) => action)).toEqual(['replace']);
    await expectNothingLeft(reference);
  });
});

describe('roles', () => {
  const eve = () => {
    const auth = { mode: 'password', username: 'eve', secretRef: { from: 'env', id: 'PASSWORD' } } as const;
    return searchHandle(
      [server.port],
      { auth, tls: { caRef: { from: 'env', id: 'CA' } } },
      { PASSWORD: 'lamp-Quartz-7-river', CA: server.ca },
    );
  };

  test('let their holders do what is declared, and nothing else', async () => {
    await startAnew();
    await search.ask('PUT', '/_plugins/_security/api/internalusers/eve', { password: 'lamp-Quartz-7-river' });
    await using connection = await connectSearch(eve());
    const { client } = connection;
    for (const index of ['logs', 'domain-entities']) expect((await client.search({ index })).hits).toBeDefined();
    const denied = { code: 'ACCESS_DENIED' };
    await expect(client.search({ index: 'events' })).rejects.toMatchObject(denied);
    await expect(client.index({ index: 'domain-entities', document: { title: 'x' } })).rejects.toMatchObject(denied);
    await search.applyAll({
      ...reference,
      searchRoles: { viewer: { service, indices: ['logs', 'domain-entities'], access: 'both', users: ['eve'] } },
    });
    await client.index({ index: 'domain-entities', document: { title: 'x' } });
    await client.bulk({ index: 'logs', operations: [{ create: {} }, { '@timestamp': '2026-11-21T00:00:00Z' }] });
    await expect(client.indices.delete({ index: 'domain-entities-000001' })).rejects.toMatchObject(denied);
  });

  test('that were half made are completed', async () => {
    await search.ask('DELETE', '/_plugins/_security/api/rolesmapping/viewer');
    const { changes } = await search.applyAll(reference);
    expect(changes.map(({ action, name, differences }) => [action, name, differences])).toEqual([
      ['update', 'search/role/viewer', [{ property: 'users', live: '[]', declared: expect.stringContaining('eve') }]],
    ]);
    await expectNothingLeft(reference);
  });

  test('that were widened by hand are a conflict', async () => {
    const { viewer } = await search.ask<{ viewer: { description: string } }>('GET', '/_plugins/_security/api/roles/viewer');
    await search.ask('PUT', '/_plugins/_security/api/roles/viewer', {
      description: viewer.description,
      cluster_permissions: ['*'],
      index_permissions: [],
    });
    const { changes } = await search.applyAll(reference);
    expect(named(changes)).toEqual(['conflict search/role/viewer']);
  });

  test('that nothing declares are deleted with who has them', async () => {
    const { changes } = await search.applyAll({ ...reference, searchRoles: {} });
    expect(changes).toMatchObject([{ action: 'delete', name: 'search/role/viewer', undeclared: true }]);
    expect(await search.ask('GET', '/_plugins/_security/api/rolesmapping')).not.toHaveProperty('viewer');
  });
});

describe('the place of snapshots', () => {
  test('another one is dangerous, because snapshots stay behind', async () => {
    const elsewhere = { snapshotRepository: { ...place, settings: { location: 'elsewhere' } } };
    const { changes } = await (await search.open(reference, elsewhere)).compare();
    expect(changes).toMatchObject([
      {
        ...{ action: 'update', name: 'search/repository/archive' },
        differences: [{ property: 'location', live: 'archive', declared: 'elsewhere' }],
        danger: { sentence: expect.stringContaining('leaves the snapshots behind') },
      },
    ]);
  });

  test('fails if it lies where the server may not write, with what the server says', async () => {
    const outside = { snapshotRepository: { ...place, settings: { location: '/outside' } } };
    const driver = await search.open(reference, outside);
    const [change] = (await driver.compare()).changes as [Change];
    await expect(driver.apply(change)).rejects.toMatchObject({
      code: 'TOPOLOGY_REFUSED',
      message: expect.stringMatching(/search\/repository\/archive.*outside/),
    });
  });

  test('that the binding does not name is a problem', async () => {
    const { changes, notes } = await (await search.open(reference, {})).compare();
    expect(changes).toEqual([]);
    expect(notes).toContainEqual({
      level: 'problem',
      name: 'search/repository/archive',
      sentence: expect.stringContaining('nothing is archived'),
    });
  });
});
