import { connectSearch } from '../../../runtime/src/connections/opensearch/index.ts';
import type { Change } from '../../../runtime/src/topology/driver.ts';
import { searchHandle } from '../support/search-nodes.ts';
import { named, place } from '../support/topology-search.ts';
import { type Bench, reference, service } from './topology-opensearch-bench.ts';

/** Who may do what, and where snapshots lie. */
export function describeAccess(bench: () => Bench): void {
  describe('roles', () => {
    const eve = () => {
      const auth = { mode: 'password', username: 'eve', secretRef: { from: 'env', id: 'PASSWORD' } } as const;
      return searchHandle(
        [bench().server.port],
        { auth, tls: { caRef: { from: 'env', id: 'CA' } } },
        { PASSWORD: 'lamp-Quartz-7-river', CA: bench().server.ca },
      );
    };

    test('let their holders do what is declared, and nothing else', async () => {
      await bench().startAnew();
      await bench().search.ask('PUT', '/_plugins/_security/api/internalusers/eve', { password: 'lamp-Quartz-7-river' });
      await using connection = await connectSearch(eve());
      const { client } = connection;
      for (const index of ['logs', 'domain-entities']) expect((await client.search({ index })).hits).toBeDefined();
      const denied = { code: 'ACCESS_DENIED' };
      await expect(client.search({ index: 'events' })).rejects.toMatchObject(denied);
      await expect(client.index({ index: 'domain-entities', document: { title: 'x' } })).rejects.toMatchObject(denied);
      await bench().search.applyAll({
        ...reference,
        searchRoles: { viewer: { service, indices: ['logs', 'domain-entities'], access: 'both', users: ['eve'] } },
      });
      await client.index({ index: 'domain-entities', document: { title: 'x' } });
      await client.bulk({ index: 'logs', operations: [{ create: {} }, { '@timestamp': '2026-11-21T00:00:00Z' }] });
      await expect(client.indices.delete({ index: 'domain-entities-000001' })).rejects.toMatchObject(denied);
    });

    test('that were half made are completed', async () => {
      await bench().search.ask('DELETE', '/_plugins/_security/api/rolesmapping/viewer');
      const { changes } = await bench().search.applyAll(reference);
      expect(changes.map(({ action, name, differences }) => [action, name, differences])).toEqual([
        ['update', 'search/role/viewer', [{ property: 'users', live: '[]', declared: expect.stringContaining('eve') }]],
      ]);
      await bench().expectNothingLeft(reference);
    });

    test('that were widened by hand are a conflict', async () => {
      const { viewer } = await bench().search.ask<{ viewer: { description: string } }>('GET', '/_plugins/_security/api/roles/viewer');
      await bench().search.ask('PUT', '/_plugins/_security/api/roles/viewer', {
        description: viewer.description,
        cluster_permissions: ['*'],
        index_permissions: [],
      });
      const { changes } = await bench().search.applyAll(reference);
      expect(named(changes)).toEqual(['conflict search/role/viewer']);
    });

    test('that nothing declares are deleted with who has them', async () => {
      const { changes } = await bench().search.applyAll({ ...reference, searchRoles: {} });
      expect(changes).toMatchObject([{ action: 'delete', name: 'search/role/viewer', undeclared: true }]);
      expect(await bench().search.ask('GET', '/_plugins/_security/api/rolesmapping')).not.toHaveProperty('viewer');
    });
  });

  describe('the place of snapshots', () => {
    test('another one is dangerous, because snapshots stay behind', async () => {
      const elsewhere = { snapshotRepository: { ...place, settings: { location: 'elsewhere' } } };
      const { changes } = await (await bench().search.open(reference, elsewhere)).compare();
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
      const driver = await bench().search.open(reference, outside);
      const [change] = (await driver.compare()).changes as [Change];
      await expect(driver.apply(change)).rejects.toMatchObject({
        code: 'TOPOLOGY_REFUSED',
        message: expect.stringMatching(/search\/repository\/archive.*outside/),
      });
    });

    test('that the binding does not name is a problem', async () => {
      const { changes, notes } = await (await bench().search.open(reference, {})).compare();
      expect(changes).toEqual([]);
      expect(notes).toContainEqual({
        level: 'problem',
        name: 'search/repository/archive',
        sentence: expect.stringContaining('nothing is archived'),
      });
    });
  });
}
