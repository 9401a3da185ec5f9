import { connectSearch, type SearchConnection } from '../../../runtime/src/connections/opensearch/index.ts';
import { type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { redactSearch } from '../../../runtime/src/retention/redact/search.ts';
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
  const counted = await redactSearch(server.handle(), topology, { tenant: 'acme' }, true);
  expect(counted.counts).toEqual({ 'search events': 40, 'search logs': 1 });
  expect(await redactSearch(server.handle(), topology, { tenant: 'acme' }, false)).toEqual({ counts: counted.counts, remains: [] });
  for (const index of ['events', 'logs']) {
    const text = await textOf(index);
    expect(text).not.toContain('of acme');
    expect(text).toContain('stays');
  }
  expect(await textOf('logs')).toContain('of nobody');
  expect((await redactSearch(server.handle(), topology, { tenant: 'acme' }, false)).counts).toEqual({
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
  expect((await redactSearch(server.handle(), topology, { tenant: 'acme', actor: 'ann' }, false)).counts).toEqual({ 'search people': 1 });
  expect(await textOf('people')).toContain('bob');
  const chosen = await redactSearch(server.handle(), topology, { tenant: 'acme', topics: ['t'] }, false);
  expect(chosen).toMatchObject({ counts: {}, remains: [{ sentence: /know no topic/ }] });
  expect((await redactSearch(server.handle(), topologyOf({ people: { service: 'elsewhere' } }), { tenant: 'acme' }, false)).counts).toEqual(
    {},
  );
});

test('fields that are full text alone cannot be matched exactly: that is told, as are snapshots, and nothing is deleted', async () => {
  await request('PUT', '/vague', { mappings: { properties: { tenantid: { type: 'text' } } } });
  await addTo('vague', [{ tenantid: 'acme north' }]);
  const topology = topologyOf(
    { vague: { service: 'search' } },
    { snapshots: { archive: { service: 'search', repository: 'archive', everyHours: 24, keepDays: 365 } } },
  );
  const { counts, remains } = await redactSearch(server.handle(), topology, { tenant: 'acme' }, false);
  expect(counts).toEqual({});
  expect(remains.map(({ sentence }) => sentence)).toEqual([
    expect.stringMatching(/texts without a keyword/),
    expect.stringMatching(/365 days/),
  ]);
  expect(await textOf('vague')).toContain('acme north');
});
