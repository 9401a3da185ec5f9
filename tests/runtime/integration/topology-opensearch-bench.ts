import type { TopologyInput } from '../../../runtime/src/contracts/topology.ts';
import { startTestOpenSearch, type TestOpenSearch } from '../../support/servers.ts';
import { type SearchTopology, searchTopology } from '../support/topology-search.ts';

export const service = 'search';
type Indices = NonNullable<TopologyInput['indices']>;
export const indices = {
  logs: { service, dataStream: true, lifecycle: 'year', replicas: 0 },
  events: { service, dataStream: true, lifecycle: 'year', refresh: 'historical', replicas: 0 },
  'domain-entities': { service, refresh: 'real-time', replicas: 0, fields: { title: { type: 'text' }, 'shop.id': { type: 'keyword' } } },
} as const satisfies Indices;
export const reference: TopologyInput = {
  indices,
  lifecycles: { year: { hotDays: 7, warmDays: 30, coldDays: 90, deleteDays: 365 } },
  snapshots: { archive: { service, repository: 'archive', everyHours: 24, keepDays: 365 } },
  searchRoles: { viewer: { service, indices: ['logs', 'domain-entities'], access: 'read', users: ['eve'] } },
};

/** The reference with one index that is declared otherwise. */
export const withIndex = (name: string, index: Indices[string]): TopologyInput => ({
  ...reference,
  indices: { ...indices, [name]: index },
});

/** One server, which all tests of the file share. */
export interface Bench {
  readonly server: TestOpenSearch;
  readonly search: SearchTopology;
  expectNothingLeft(topology: TopologyInput): Promise<void>;
  /** Leaves the reference without documents, and with one index each. */
  startAnew(): Promise<void>;
  stop(): Promise<void>;
}

export async function startBench(): Promise<Bench> {
  const server = await startTestOpenSearch();
  const search = await searchTopology(server.handle());
  return {
    ...{ server, search },
    async expectNothingLeft(topology) {
      expect((await (await search.open(topology)).compare()).changes).toEqual([]);
    },
    async startAnew() {
      await search.ask('DELETE', '/_data_stream/logs,events,domain-entities');
      const left = Object.keys(await search.ask('GET', '/_alias')).filter((name) => !name.startsWith('.'));
      if (left.length > 0) await search.ask('DELETE', `/${left.join(',')}`);
      await search.applyAll(reference);
    },
    async stop() {
      await search.close();
      await server.stop();
    },
  };
}
