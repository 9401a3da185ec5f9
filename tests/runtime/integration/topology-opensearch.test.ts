import { named } from '../support/topology-search.ts';
import { describeAccess } from './topology-opensearch-access.ts';
import { describeAliases } from './topology-opensearch-aliases.ts';
import { type Bench, indices, reference, startBench, withIndex } from './topology-opensearch-bench.ts';
import { describeFields } from './topology-opensearch-fields.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
}, 120_000);
afterAll(() => bench?.stop());

/** Whatever a test did to the objects, the next one finds what the reference declares. */
afterEach(async () => {
  await bench.search.applyAll(reference);
});

test('everything is made on an empty server, and then nothing is left to do', async () => {
  const { changes, notes } = await bench.search.applyAll(reference);
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
  await bench.expectNothingLeft(reference);
  const sentences = notes.map(({ level, sentence }) => `${level}: ${sentence}`);
  expect(sentences).toEqual([
    'info: snapshots archive are not taken: this OpenSearch has no index management plugin',
    'info: lifecycle year is not applied: this OpenSearch has no index management plugin',
  ]);
});

test('documents go where they are declared to, with the refresh class of the declaration', async () => {
  await bench.search.ask('POST', '/logs/_doc', { '@timestamp': '2026-11-21T00:00:00Z', message: 'one' });
  await bench.search.ask('POST', '/domain-entities/_doc', { title: 'a lamp' });
  const settings = await bench.search.ask<Record<string, { settings: object }>>(
    'GET',
    '/.ds-*,domain-*/_settings/index.refresh_interval?flat_settings=true&expand_wildcards=all',
  );
  const intervals = Object.fromEntries(Object.entries(settings).map(([name, each]) => [name, Object.values(each.settings)[0]]));
  expect(intervals).toEqual({ '.ds-logs-000001': '1s', '.ds-events-000001': '30s', 'domain-entities-000001': '100ms' });
});

test('a comparison of what is as declared takes less than 0.6 s', async () => {
  const driver = await bench.search.open(reference);
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const startedAt = performance.now();
    await driver.compare();
    times.push(performance.now() - startedAt);
  }
  expect(Math.min(...times)).toBeLessThan(600);
});

test('every change may be carried out twice, as after a kill in the middle', async () => {
  await bench.search.ask('DELETE', '/_data_stream/logs');
  await bench.search.ask('DELETE', '/domain-entities-000001');
  await bench.search.ask('DELETE', '/_index_template/domain-entities');
  const driver = await bench.search.open(withIndex('events', { ...indices.events, refresh: 'default' }));
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
  const { changes } = await bench.search.applyAll(changed);
  expect(named(changes)).toEqual(['update search/template/domain-entities', 'update search/alias/domain-entities']);
  expect(changes[1]!.differences).toEqual([
    { property: 'index.refresh_interval', live: '100ms', declared: '30s' },
    { property: 'field price', declared: 'mapped' },
  ]);
  await bench.expectNothingLeft(changed);
  const mapping = await bench.search.ask<Record<string, { mappings: { properties: object } }>>('GET', '/domain-entities/_mapping');
  expect(mapping['domain-entities-000001']!.mappings.properties).toMatchObject({ price: { type: 'float' } });
});

test('shards and the type of a field wait for the next index, and a note says so', async () => {
  await bench.startAnew();
  const changed = withIndex('domain-entities', { ...indices['domain-entities'], shards: 2, fields: { title: { type: 'keyword' } } });
  await bench.search.applyAll(changed);
  const driver = await bench.search.open(changed);
  const { changes, notes } = await driver.compare();
  expect(changes).toEqual([]);
  expect(notes).toContainEqual({
    level: 'info',
    name: 'search/alias/domain-entities',
    sentence: expect.stringContaining('number_of_shards 2 (now 1), field title as keyword (now text)'),
  });
  await bench.search.ask('POST', '/domain-entities/_rollover');
  const after = await driver.compare();
  expect([after.changes, after.notes.filter(({ name }) => name.includes('domain'))]).toEqual([[], []]);
});

describe('what others changed', () => {
  const edit = { index_patterns: ['logs'], priority: 500, data_stream: {}, template: { settings: { number_of_shards: 5 } } };

  test('a template that was edited by hand is a conflict, which is overwritten when it is allowed', async () => {
    const { index_templates } = await bench.search.ask<{
      index_templates: { index_template: { _meta: object; template: { settings: { index: object } } } }[];
    }>('GET', '/_index_template/logs');
    const { index_template } = index_templates[0]!;
    await bench.search.ask('PUT', '/_index_template/logs', {
      ...index_template,
      template: { ...index_template.template, settings: { number_of_shards: 5 } },
    });
    const driver = await bench.search.open(reference);
    const { changes } = await driver.compare();
    expect(named(changes)).toEqual(['conflict search/template/logs']);
    expect(changes[0]!.differences).toContainEqual({ property: 'index.number_of_shards', live: '5', declared: '1' });
    await driver.apply(changes[0]!);
    await bench.expectNothingLeft(reference);
  });

  test('a template that Millrace did not make is a conflict too', async () => {
    await bench.search.ask('PUT', '/_index_template/logs', edit);
    expect(named((await (await bench.search.open(reference)).compare()).changes)).toEqual(['conflict search/template/logs']);
  });

  test('a declaration that changes, where nobody edited anything, is an update', async () => {
    const driver = await bench.search.open(withIndex('logs', { ...indices.logs, refresh: 'historical' }));
    expect(named((await driver.compare()).changes)).toEqual(['update search/template/logs', 'update search/data-stream/logs']);
  });

  test('fails if a template is changed between comparison and change, without overwriting it', async () => {
    const driver = await bench.search.open(withIndex('logs', { ...indices.logs, refresh: 'historical' }));
    const { changes } = await driver.compare();
    await bench.search.ask('PUT', '/_index_template/logs', edit);
    await expect(driver.apply(changes[0]!)).rejects.toMatchObject({
      code: 'TOPOLOGY_CONFLICT',
      message: expect.stringContaining('search/template/logs'),
    });
    const { index_templates } = await bench.search.ask<{ index_templates: object[] }>('GET', '/_index_template/logs');
    expect(index_templates).toMatchObject([{ index_template: { template: { settings: { index: { number_of_shards: '5' } } } } }]);
  });

  test('an alias that was taken away is put on the newest of its indices again', async () => {
    await bench.startAnew();
    await bench.search.ask('POST', '/domain-entities/_rollover');
    await bench.search.ask('POST', '/domain-entities/_doc?refresh=true', { title: 'kept' });
    await bench.search.ask('POST', '/_aliases', { actions: [{ remove: { index: 'domain-entities-*', alias: 'domain-entities' } }] });
    const { changes } = await bench.search.applyAll(reference);
    expect(named(changes)).toEqual(['create search/alias/domain-entities']);
    expect(await bench.search.ask('GET', '/domain-entities/_count')).toMatchObject({ count: 1 });
    await bench.expectNothingLeft(reference);
  });
});

describe('what nothing declares', () => {
  const { logs: _logs, ...others } = indices;

  test('is told with its documents, and deleted when its name is given', async () => {
    await bench.startAnew();
    for (const message of ['one', 'two'])
      await bench.search.ask('POST', '/logs/_doc?refresh=true', { '@timestamp': '2026-11-21T00:00:00Z', message });
    const driver = await bench.search.open({ ...reference, indices: others });
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
    expect(await bench.search.ask('GET', '/_data_stream')).toMatchObject({ data_streams: [{ name: 'events' }] });
  });

  test('stays recognisable without its template: an alias with its indices', async () => {
    const { 'domain-entities': _entities, ...rest } = indices;
    await bench.search.ask('DELETE', '/_index_template/domain-entities');
    const { changes } = await bench.search.applyAll({ ...reference, indices: rest });
    expect(named(changes)).toEqual(['delete search/alias/domain-entities']);
    expect(await bench.search.ask('GET', '/domain-*/_alias')).toEqual({});
  });

  test('is not told of where others made it', async () => {
    await bench.search.ask('PUT', '/_index_template/theirs', { index_patterns: ['theirs*'], priority: 7, data_stream: {} });
    await bench.search.ask('PUT', '/_data_stream/theirs');
    await bench.search.ask('PUT', '/.kibana_1', { aliases: { '.kibana': {} } });
    await bench.search.ask('PUT', '/_plugins/_security/api/roles/theirs', { cluster_permissions: [] });
    await bench.expectNothingLeft(reference);
    await bench.search.ask('DELETE', '/_data_stream/theirs');
    for (const path of ['/_index_template/theirs', '/.kibana_1', '/_plugins/_security/api/roles/theirs'])
      await bench.search.ask('DELETE', path);
  });
});

describe('a name that something else has', () => {
  test('an index that was made by writing too early is replaced when that is allowed', async () => {
    await bench.startAnew();
    await bench.search.ask('DELETE', '/domain-entities-000001');
    await bench.search.ask('POST', '/domain-entities/_doc?refresh=true', { title: 'too early' });
    const driver = await bench.search.open(reference);
    const { changes } = await driver.compare();
    expect(named(changes)).toEqual(['replace search/alias/domain-entities']);
    expect(changes[0]!.danger).toMatchObject({
      messages: 1,
      sentence: expect.stringContaining('deletes the index that has the name and 1 document'),
    });
    await driver.apply(changes[0]!);
    await bench.expectNothingLeft(reference);
  });

  test.each([
    ['logs', 'a data stream becomes an alias', { ...indices.logs, dataStream: false }, 'alias'],
    ['domain-entities', 'an alias becomes a data stream', { ...indices['domain-entities'], dataStream: true }, 'data-stream'],
  ] as const)('%s: %s', async (name, _title, index, kind) => {
    const changed = withIndex(name, index);
    const { changes } = await bench.search.applyAll(changed);
    expect(named(changes)).toEqual([`replace search/${kind}/${name}`]);
    expect(changes[0]!.danger).toBeDefined();
    await bench.expectNothingLeft(changed);
    const back = await bench.search.applyAll(reference);
    expect(back.changes.map(({ action }) => action)).toEqual(['replace']);
    await bench.expectNothingLeft(reference);
  });
});

describeAliases(() => bench);
describeFields(() => bench);
describeAccess(() => bench);
