import { connectSearch, type SearchConnection } from '../../../runtime/src/connections/opensearch/index.ts';
import { type Topology, type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Lifted, Settings } from '../../../runtime/src/retention/redact/lifted.ts';
import { redactSearch, restoreSettings } from '../../../runtime/src/retention/redact/search.ts';
import type { Sought } from '../../../runtime/src/retention/redact/sought.ts';
import { runningUntil } from '../../../runtime/src/retention/redact/stopping.ts';
import { startTestOpenSearch, type TestOpenSearch } from '../../support/servers.ts';

let server: TestOpenSearch;
let search: SearchConnection;

beforeAll(async () => {
  server = await startTestOpenSearch();
  search = await connectSearch(server.handle());
}, 180_000);
afterAll(async () => {
  await search?.close();
  await server?.stop();
});

const request = <T = unknown>(method: string, path: string, body?: object) =>
  search.client.transport.request({ method, path, ...(body && { body }) }) as Promise<T>;

function topologyOf(indices: NonNullable<TopologyInput['indices']>, more: TopologyInput = {}) {
  return topologySchema.parse({ indices, ...more });
}

/** What a row of the database remembers, in memory. */
function remembered(): Lifted & { readonly now: Map<string, Settings> } {
  const now = new Map<string, Settings>();
  return {
    now,
    all: async () => Object.fromEntries(now),
    note: async (place, settings) => void now.set(place, settings),
    forget: async (place) => void now.delete(place),
  };
}

/** Without the wait for merges, and without what is told of them. */
async function run(topology: Topology, sought: Sought, dryRun = false, lifted: Lifted = remembered(), signal?: AbortSignal) {
  const work = { sought, dryRun, lifted, running: runningUntil(signal, 'r'), mergePatienceMs: 0 };
  const { counts, remains } = await redactSearch(server.handle(), topology, work);
  return { counts, remains: remains.filter(({ sentence }) => !sentence.startsWith('deleted documents of')) };
}

async function settingsOf(index: string): Promise<Record<string, string>> {
  const answer = await request<Record<string, { settings: Record<string, string> }>>('GET', `/${index}/_settings?flat_settings=true`);
  return answer[index]!.settings;
}

/** Everything in an index, as text. */
async function textOf(index: string): Promise<string> {
  await request('POST', `/${index}/_refresh`);
  return JSON.stringify(await request('GET', `/${index}/_search?size=1000`));
}

async function addTo(index: string, documents: readonly object[]): Promise<void> {
  for (const document of documents) await request('POST', `/${index}/_doc`, { '@timestamp': new Date().toISOString(), ...document });
}

test('documents of a tenant leave data streams and indices, of exactly this tenant', async () => {
  await request('PUT', '/_index_template/events', {
    index_patterns: ['events'],
    data_stream: {},
    template: { mappings: { properties: { tenantid: { type: 'keyword' } } } },
  });
  await addTo('events', [
    ...Array.from({ length: 40 }, (_, n) => ({ tenantid: 'acme', note: `of acme ${n}` })),
    { tenantid: 'acme north', note: 'stays' },
  ]);
  await addTo('logs', [{ tenantid: 'acme', note: 'of acme' }, { tenantid: 'acme north', note: 'stays' }, { note: 'of nobody' }]);
  const topology = topologyOf({
    events: { service: 'search', dataStream: true },
    logs: { service: 'search' },
    absent: { service: 'search' },
  });
  const counted = await run(topology, { tenant: 'acme' }, true);
  expect(counted.counts).toEqual({ 'search events': 40, 'search logs': 1 });
  expect(await run(topology, { tenant: 'acme' }, false)).toEqual({ counts: counted.counts, remains: [] });
  for (const index of ['events', 'logs']) {
    const text = await textOf(index);
    expect(text).not.toContain('of acme');
    expect(text).toContain('stays');
  }
  expect(await textOf('logs')).toContain('of nobody');
  expect((await run(topology, { tenant: 'acme' }, false)).counts).toEqual({
    'search events': 0,
    'search logs': 0,
  });
});

test('all that is sought must hold; other services and a choice of topics are left alone', async () => {
  await addTo('people', [
    { tenantid: 'acme', actorid: 'ann', subject: 'a' },
    { tenantid: 'acme', actorid: 'bob', subject: 'b' },
  ]);
  const topology = topologyOf({ people: { service: 'search' } });
  expect((await run(topology, { tenant: 'acme', actor: 'ann' }, false)).counts).toEqual({ 'search people': 1 });
  expect(await textOf('people')).toContain('bob');
  const chosen = await run(topology, { tenant: 'acme', topics: ['t'] }, false);
  expect(chosen).toMatchObject({ counts: {}, remains: [{ sentence: /know no topic/ }] });
  expect((await run(topologyOf({ people: { service: 'elsewhere' } }), { tenant: 'acme' }, false)).counts).toEqual({});
});

test('indices whose fields are named otherwise are searched, and those that cannot be searched are told of', async () => {
  await addTo('camel', [
    { tenantId: 'acme', actor_id: 'ann' },
    { tenantId: 'acme', actor_id: 'bob' },
    { tenantId: 'acme north', actor_id: 'ann' },
  ]);
  await addTo('prices', [{ amount: 3 }]);
  await request('PUT', '/empty');
  await request('PUT', '/vague', {
    mappings: { properties: { tenantid: { type: 'text' }, actorid: { type: 'keyword', normalizer: 'lowercase' } } },
  });
  await addTo('vague', [{ tenantid: 'acme north', actorid: 'Ann' }]);
  const topology = topologyOf(Object.fromEntries(['camel', 'prices', 'empty', 'vague'].map((name) => [name, { service: 'search' }])));
  const { counts, remains } = await run(topology, { tenant: 'acme', actor: 'ann' });
  expect(counts).toEqual({ 'search camel': 1 });
  expect(remains.map(({ sentence }) => sentence)).toEqual([
    'prices was not searched: it has no field tenantid, tenantId, tenant_id',
    expect.stringMatching(/^vague was not searched: tenantid is not a keyword/),
  ]);
  expect((await run(topology, { actor: 'ann' })).remains.map(({ sentence }) => sentence)).toEqual([
    expect.stringMatching(/^prices was not searched/),
    expect.stringMatching(/^vague was not searched: actorid is not a keyword/),
  ]);
  expect(await textOf('vague')).toContain('acme north');
});

test('a text that is longer than what is indexed of it is told of, or found in a field that has all of it', async () => {
  const long = 'n'.repeat(300);
  await addTo('cut', [{ subject: long }]);
  await request('PUT', '/whole', {
    mappings: { properties: { subject: { type: 'keyword', fields: { short: { type: 'keyword', ignore_above: 10 } } } } },
  });
  await addTo('whole', [{ subject: long }]);
  const { counts, remains } = await run(topologyOf({ cut: { service: 'search' }, whole: { service: 'search' } }), { subject: long });
  expect(counts).toEqual({ 'search whole': 1 });
  expect(remains).toEqual([
    { where: 'search cut', sentence: 'cut was not searched: subject is indexed only up to 256 characters (ignore_above)' },
  ]);
});

describe('an index that is closed to writing', () => {
  const topology = topologyOf({ entities: { service: 'search' } });
  const blocked = ['index.blocks.write', 'index.blocks.read_only'];

  beforeEach(async () => {
    await request('PUT', '/entities-000001', {
      settings: { number_of_replicas: 0 },
      mappings: { properties: { tenantid: { type: 'keyword' } } },
      aliases: { entities: {} },
    });
    // Few deleted among many: a merge that expunges passes over them by default.
    await addTo('entities-000001', [...Array.from({ length: 30 }, () => ({ tenantid: 'beta' })), { tenantid: 'acme' }]);
    await request('POST', '/entities-000001/_refresh');
    await request('POST', '/entities-000001/_forcemerge?max_num_segments=1');
  });
  afterEach(() => request('DELETE', '/entities-000001'));

  test.each(blocked)('by %s: it is lifted for the deletion and comes back', async (block) => {
    await request('PUT', '/entities-000001/_settings', { [block]: true });
    const before = await settingsOf('entities-000001');
    expect((await run(topology, { tenant: 'acme' }, true)).counts).toEqual({ 'search entities': 1 });
    const lifted = remembered();
    expect(await run(topology, { tenant: 'acme' }, false, lifted)).toEqual({ counts: { 'search entities': 1 }, remains: [] });
    expect(await settingsOf('entities-000001')).toEqual(before);
    expect(lifted.now.size).toBe(0);
    await request('PUT', '/entities-000001/_settings', { [block]: null });
  });

  test('not at all: no deleted document stays in a segment, few as they are', async () => {
    const work = { sought: { tenant: 'acme' }, dryRun: false, lifted: remembered(), running: runningUntil(undefined, 'r') };
    expect((await redactSearch(server.handle(), topology, work)).remains).toEqual([]);
    const stats = await request<{ _all: { total: { docs: object } } }>('GET', '/entities-000001/_stats/docs');
    expect(stats._all.total.docs).toMatchObject({ count: 30, deleted: 0 });
  }, 120_000);

  test('by a redaction that was killed: the next one brings the block back, and so does the end of it', async () => {
    await request('PUT', '/entities-000001/_settings', { 'index.blocks.write': true });
    const lifted = remembered();
    const note = lifted.note;
    const stop = new AbortController();
    lifted.note = async (place, settings) => {
      await note(place, settings);
      // As a kill leaves it: noted, and lifted.
      await request('PUT', '/entities-000001/_settings', { 'index.blocks.write': null });
      stop.abort();
    };
    await expect(run(topology, { tenant: 'acme' }, false, lifted, stop.signal)).rejects.toMatchObject({ code: 'REDACTION_STOPPED' });
    expect(await textOf('entities-000001')).toContain('acme');
    expect([...lifted.now.keys()]).toEqual(['search entities-000001']);
    await request('PUT', '/entities-000001/_settings', { 'index.blocks.write': null });
    lifted.note = note;
    expect(await run(topology, { tenant: 'acme' }, false, lifted)).toMatchObject({ counts: { 'search entities': 1 }, remains: [] });
    expect(await settingsOf('entities-000001')).toMatchObject({ 'index.blocks.write': 'true' });

    await request('PUT', '/entities-000001/_settings', { 'index.blocks.write': null });
    await lifted.note('search entities-000001', { 'index.blocks.write': 'true' });
    await lifted.note('search gone-000001', { 'index.blocks.write': 'true' });
    await restoreSettings(server.handle(), lifted);
    expect(await settingsOf('entities-000001')).toMatchObject({ 'index.blocks.write': 'true' });
    expect(lifted.now.size).toBe(0);
  });

  test('by the server, whose disk is full: that is told, and the others are done', async () => {
    await addTo('others', [{ tenantid: 'acme' }]);
    await request('PUT', '/entities-000001/_settings', { 'index.blocks.read_only_allow_delete': true });
    const both = topologyOf({ entities: { service: 'search' }, others: { service: 'search' } });
    const lifted = remembered();
    const { counts, remains } = await run(both, { tenant: 'acme' }, false, lifted);
    expect(counts).toMatchObject({ 'search others': 1 });
    expect(remains).toEqual([
      { where: 'search entities', sentence: expect.stringMatching(/documents of entities-000001 are not deleted: .*block/) },
    ]);
    expect(await textOf('entities-000001')).toContain('acme');
  });
});

test('copies that a deletion does not reach are told of: snapshots, archived indices, cold storage', async () => {
  const topology = topologySchema.parse({
    indices: { late: { service: 'search', lifecycle: 'year' } },
    lifecycles: { year: { hotDays: 7, deleteDays: 365 } },
    snapshots: { archive: { service: 'search', repository: 'archive', everyHours: 24, keepDays: 365 } },
  });
  const handle = server.handle();
  const managed = { ...handle, service: { ...handle.service, administration: { tiers: 'ultrawarm-and-cold' as const } } };
  const work = { sought: { tenant: 'acme' }, dryRun: false, lifted: remembered(), running: runningUntil(undefined, 'r') };
  expect((await redactSearch(managed, topology, work)).remains.map(({ sentence }) => sentence)).toEqual([
    expect.stringMatching(/365 days/),
    expect.stringMatching(/lifecycle year keeps indices as snapshots/),
    expect.stringMatching(/cold storage/),
    expect.stringMatching(/hourly snapshots/),
  ]);
});
