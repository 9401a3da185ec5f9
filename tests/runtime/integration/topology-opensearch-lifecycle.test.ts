import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TopologyInput } from '../../../runtime/src/contracts/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestOpenSearch, type TestOpenSearch } from '../../support/servers.ts';
import { type IndexManagement, startIndexManagement } from '../support/index-management.ts';
import { searchHandle } from '../support/search-nodes.ts';
import { named, place, type SearchTopology, searchTopology } from '../support/topology-search.ts';

/** The server that is run here has no index management; where `MILLRACE_OPENSEARCH_HOME` is one that has it, it is asked itself. */
const home = process.env.MILLRACE_OPENSEARCH_HOME;
const hasPlugin = home !== undefined && existsSync(join(home, 'plugins', 'opensearch-index-management'));

let server: TestOpenSearch;
let plugin: IndexManagement;
let search: SearchTopology;

beforeAll(async () => {
  server = await startTestOpenSearch();
  plugin = await startIndexManagement(server);
  const auth = { mode: 'password', username: server.username, secretRef: { from: 'env', id: 'PASSWORD' } } as const;
  search = await searchTopology(searchHandle([plugin.port], { auth }, { PASSWORD: server.password }));
}, 120_000);
afterAll(async () => {
  await search?.close();
  await plugin?.close();
  await server?.stop();
});

const service = 'search';
const logs = { service, dataStream: true, lifecycle: 'year', replicas: 0 };
const year = { hotDays: 7, warmDays: 30, coldDays: 90, deleteDays: 365 };
const reference: TopologyInput = {
  indices: { logs },
  lifecycles: { year },
  snapshots: { archive: { service, repository: 'archive', everyHours: 24, keepDays: 365 } },
};
const withYear = (change: Partial<typeof year> & { archive?: boolean }): TopologyInput => ({
  ...reference,
  lifecycles: { year: { ...year, ...change } },
});
const [stream, policy] = ['.ds-logs-000001', '/_plugins/_ism/policies/year'];

/** As the plugin does it a moment after the index was made. */
const takeUp = () => plugin.managed.set(stream, { policy_id: 'year', policy_seq_no: plugin.policies.get('year')!.seqNo });

beforeEach(async () => {
  plugin.managed.clear();
  await search.applyAll(reference);
  takeUp();
  plugin.written.length = 0;
});

const compare = async (topology: TopologyInput) => (await search.open(topology)).compare();

test('lifecycle and snapshots are written once, and then nothing is left to do', async () => {
  plugin.policies.clear();
  plugin.snapshotPolicies.clear();
  const { changes, notes } = await search.applyAll(reference);
  expect(named(changes)).toEqual(['create search/snapshots/archive', 'create search/lifecycle/year']);
  expect(notes).toEqual([]);
  expect(await compare(reference)).toEqual({ changes: [], notes: [] });
  expect(plugin.policies.get('year')!.policy).toMatchObject({ ism_template: [{ index_patterns: ['logs'], priority: 500 }] });
});

test('a change of the declaration updates the version that was seen, and tells the indices that follow it', async () => {
  const { changes } = await search.applyAll(withYear({ hotDays: 3 }));
  expect(named(changes)).toEqual(['update search/lifecycle/year']);
  expect(changes[0]!.differences.map(({ property }) => property)).toEqual(['state hot']);
  expect(plugin.written).toEqual([`PUT ${policy}`, `POST /_plugins/_ism/change_policy/${stream}`]);
  const after = await compare(withYear({ hotDays: 3 }));
  expect(after.changes).toEqual([]);
  expect(after.notes).toEqual([
    { level: 'info', name: 'search/lifecycle/year', sentence: '1 index follows an older version until the next run, minutes from now' },
  ]);
});

test('a policy that was edited by hand is a conflict: shown, and overwritten only where it is allowed', async () => {
  const stored = plugin.policies.get('year')!;
  const edited = JSON.parse(JSON.stringify(stored.policy).replace('"365d"', '"30d"')) as Record<string, unknown>;
  plugin.policies.set('year', { ...stored, policy: edited, seqNo: stored.seqNo + 1 });
  const driver = await search.open(reference);
  const { changes } = await driver.compare();
  expect(named(changes)).toEqual(['conflict search/lifecycle/year']);
  expect(changes[0]!.differences.map(({ live, declared }) => [live?.includes('30d'), declared?.includes('365d')])).toContainEqual([
    true,
    true,
  ]);
  await driver.apply(changes[0]!);
  expect((await driver.compare()).changes).toEqual([]);
});

test('fails if the policy is changed between comparison and change, without overwriting it', async () => {
  const driver = await search.open(withYear({ hotDays: 3 }));
  const { changes } = await driver.compare();
  const stored = plugin.policies.get('year')!;
  plugin.policies.set('year', { ...stored, seqNo: stored.seqNo + 1 });
  await expect(driver.apply(changes[0]!)).rejects.toMatchObject({
    code: 'TOPOLOGY_CONFLICT',
    message: expect.stringContaining('search/lifecycle/year'),
  });
  expect(plugin.policies.get('year')!.policy).toEqual(stored.policy);
});

test('a policy that another run has written meanwhile, the same, is no conflict', async () => {
  plugin.policies.clear();
  const driver = await search.open(reference);
  const { changes } = await driver.compare();
  await driver.apply(changes[0]!);
  await driver.apply(changes[0]!);
  expect((await driver.compare()).changes).toEqual([]);
});

test('documents that would be deleted earlier are counted', async () => {
  await search.ask('POST', '/logs/_doc?refresh=true', { '@timestamp': '2026-11-21T00:00:00Z' });
  await search.ask('POST', '/logs/_rollover');
  const { changes } = await compare(withYear({ hotDays: 1, warmDays: 2, coldDays: 3, deleteDays: 30 }));
  expect(changes[0]!.danger).toMatchObject({
    messages: 0,
    sentence: expect.stringMatching(/^deletes what is older than 30 days: now 0 documents.*it was kept for 365$/),
  });
  const { changes: unarchived } = await compare(withYear({ archive: false }));
  expect(unarchived[0]!.danger).toEqual({ sentence: 'from now on indices are deleted without a snapshot' });
  await search.ask('DELETE', '/_data_stream/logs');
});

test('an index that is stuck is a problem with a way out', async () => {
  const state = { state: { name: 'warm' }, action: { name: 'allocation', failed: true }, step: { step_status: 'failed' } };
  plugin.managed.set(stream, { policy_id: 'year', ...state, info: { message: 'Failed to update allocation', cause: 'no node' } });
  plugin.managed.set('.ds-logs-000002', {
    policy_id: 'year',
    retry_info: { failed: true },
    info: { message: 'Fail to load policy: year' },
  });
  const { notes } = await compare(reference);
  expect(notes).toEqual([
    {
      ...{ level: 'problem', name: 'search/lifecycle/year' },
      sentence: `index ${stream} is stuck in state warm at allocation: Failed to update allocation: no node; mend that, then POST _plugins/_ism/retry/${stream}`,
    },
    expect.objectContaining({
      level: 'problem',
      sentence: expect.stringContaining('is stuck before its first state: Fail to load policy: year'),
    }),
  ]);
});

test('an index that follows another policy is put under the declared one', async () => {
  plugin.managed.set(stream, { policy_id: 'other', policy_seq_no: 0 });
  const stored = plugin.policies.get('year')!;
  plugin.policies.set('year', { ...stored, policy: { ...stored.policy, last_updated_time: Date.now() - 3_600_000 } });
  const { changes } = await search.applyAll(reference);
  expect(changes).toMatchObject([{ action: 'update', differences: [{ property: `index ${stream}`, live: 'other', declared: 'year' }] }]);
  expect(plugin.written).toContain(`POST /_plugins/_ism/change_policy/${stream}`);
});

test('a lifecycle for indices that are there already takes them in', async () => {
  plugin.policies.clear();
  plugin.managed.clear();
  await search.applyAll(reference);
  expect(plugin.managed.get(stream)).toMatchObject({ policy_id: 'year' });
});

describe('another lifecycle for an index', () => {
  const short = { hotDays: 1, deleteDays: 100, archive: false };
  const moved: TopologyInput = { ...reference, indices: { logs: { ...logs, lifecycle: 'short' } }, lifecycles: { year, short } };

  test('is dangerous where it keeps less, or no snapshot', async () => {
    const driver = await search.open(moved);
    const { changes } = await driver.compare();
    expect(named(changes)).toEqual(['create search/lifecycle/short', 'delete search/lifecycle/year']);
    expect(changes[0]!.danger).toMatchObject({
      messages: 0,
      sentence: expect.stringMatching(
        /^deletes what is older than 100 days: now 0 documents.*; it was kept for 365; from now on indices are deleted without a snapshot$/,
      ),
    });
    await driver.apply(changes[0]!);
    expect(plugin.policies.get('year')!.policy).toMatchObject({ ism_template: [] });
    const after = await driver.compare();
    expect(named(after.changes)).toEqual(['delete search/lifecycle/year']);
    expect(after.notes).toContainEqual({
      ...{ level: 'info', name: 'search/lifecycle/short' },
      sentence: '1 index follows another lifecycle until the next run, minutes from now',
    });
  });

  test('is none where it keeps more', async () => {
    const longer = { ...moved, lifecycles: { year, short: { ...year, deleteDays: 400 } } };
    const [change] = (await compare(longer)).changes;
    expect([change!.action, change!.danger]).toEqual(['create', undefined]);
  });

  test('may be one that another index gives up in the same run', async () => {
    const orders = { ...logs, lifecycle: 'short' };
    const first = { ...moved, indices: { logs, orders } };
    await search.applyAll(first);
    plugin.managed.set('.ds-orders-000001', { policy_id: 'short', policy_seq_no: plugin.policies.get('short')!.seqNo });
    const swapped = { ...moved, indices: { logs: { ...logs, lifecycle: 'short' }, orders: { ...orders, lifecycle: 'year' } } };
    expect(named((await search.applyAll(swapped)).changes)).toEqual(['update search/lifecycle/short', 'update search/lifecycle/year']);
    expect(plugin.policies.get('year')!.policy).toMatchObject({ ism_template: [{ index_patterns: ['orders'] }] });
    expect(plugin.policies.get('short')!.policy).toMatchObject({ ism_template: [{ index_patterns: ['logs'] }] });
    for (const name of ['logs', 'orders']) await search.ask('DELETE', `/_data_stream/${name}`);
    await search.ask('DELETE', '/_index_template/orders');
    plugin.policies.delete('short');
  });
});

describe('an index that is declared to be kept for ever', () => {
  const kept: TopologyInput = { ...reference, indices: { logs: { ...logs, lifecycle: undefined } } };

  test('follows no lifecycle any more, and the next one is not taken up', async () => {
    const driver = await search.open(kept);
    const { changes } = await driver.compare();
    expect(changes[0]).toMatchObject({
      ...{ action: 'update', name: 'search/data-stream/logs' },
      differences: [
        { property: 'taken up by', live: 'year' },
        { property: `index ${stream}`, live: 'year' },
      ],
    });
    await driver.apply(changes[0]!);
    expect(plugin.managed.size).toBe(0);
    expect(plugin.policies.get('year')!.policy).toMatchObject({ ism_template: [] });
    expect(named((await driver.compare()).changes)).toEqual(['delete search/lifecycle/year']);
  });

  test('is left to a policy of others, which is a problem', async () => {
    plugin.policies.set('theirs', { policy: { description: 'by hand', default_state: 'a', states: [] }, version: 1, seqNo: 7 });
    plugin.managed.set(stream, { policy_id: 'theirs', policy_seq_no: 7 });
    const { notes } = await compare(kept);
    expect(notes).toContainEqual({
      ...{ level: 'problem', name: 'search/data-stream/logs' },
      sentence: expect.stringContaining('follows lifecycle theirs, which Millrace did not make'),
    });
    plugin.policies.delete('theirs');
  });
});

test('what nothing declares is deleted when it is named, and others have theirs', async () => {
  plugin.policies.set('theirs', { policy: { description: 'by hand', default_state: 'a', states: [] }, version: 1, seqNo: 7 });
  const { changes } = await search.applyAll({ indices: { logs: { ...logs, lifecycle: undefined } } });
  expect(named(changes)).toEqual(['update search/data-stream/logs', 'delete search/lifecycle/year', 'delete search/snapshots/archive']);
  expect([...plugin.policies.keys(), ...plugin.snapshotPolicies.keys()]).toEqual(['theirs']);
  plugin.policies.delete('theirs');
});

(hasPlugin ? test : test.skip)('the plugin itself takes lifecycle and snapshots, and shows them as they were written', async () => {
  const direct = await searchTopology(server.handle());
  const topology = { ...reference, indices: { logs, 'domain-entities': { ...logs, dataStream: false } } };
  await direct.applyAll(topology, { snapshotRepository: place });
  await eventually(async () => (await (await direct.open(topology)).compare()).changes.length === 0, {
    what: 'nothing is left to do',
    timeoutMs: 30_000,
  });
  // One index was there before the lifecycle and was put under it, the other was taken up by its name.
  const isUnder = async () => {
    const explained = await direct.ask<Record<string, { policy_id?: string }>>('GET', '/_plugins/_ism/explain');
    return [stream, 'domain-entities-000001'].every((index) => explained[index]?.policy_id === 'year');
  };
  await eventually(isUnder, { what: 'both indices are under the lifecycle', timeoutMs: 60_000 });
  const longer = { ...topology, lifecycles: { year: { ...year, deleteDays: 400 } } };
  expect(named((await direct.applyAll(longer)).changes)).toEqual(['update search/lifecycle/year']);
  expect((await (await direct.open(longer)).compare()).changes).toEqual([]);
  const moved = {
    ...longer,
    indices: { ...topology.indices, logs: { ...logs, lifecycle: 'short' } },
    lifecycles: { ...longer.lifecycles, short: year },
  };
  expect(named((await direct.applyAll(moved)).changes)).toEqual(['create search/lifecycle/short', 'update search/lifecycle/year']);
  expect((await (await direct.open(moved)).compare()).changes).toEqual([]);
  const kept = { ...longer, indices: { ...topology.indices, logs: { ...logs, lifecycle: undefined } } };
  await direct.applyAll(kept);
  await eventually(async () => (await (await direct.open(kept)).compare()).changes.length === 0, {
    what: 'the index follows no lifecycle',
    timeoutMs: 30_000,
  });
  await direct.applyAll(longer);
  const { policy, _seq_no, _primary_term } = await direct.ask<{ policy: object; _seq_no: number; _primary_term: number }>(
    'GET',
    '/_plugins/_ism/policies/year',
  );
  const edited = JSON.parse(JSON.stringify(policy).replaceAll('"400d"', '"1d"')) as object;
  await direct.ask('PUT', `/_plugins/_ism/policies/year?if_seq_no=${_seq_no}&if_primary_term=${_primary_term}`, { policy: edited });
  expect(named((await direct.applyAll(longer)).changes)).toEqual(['conflict search/lifecycle/year']);
  expect(named((await direct.applyAll({ indices: {} })).changes).filter((change) => /lifecycle|snapshots/.test(change))).toEqual([
    'delete search/lifecycle/year',
    'delete search/snapshots/archive',
  ]);
  expect((await (await direct.open({ indices: {} })).compare()).changes).toEqual([]);
  await direct.close();
});
