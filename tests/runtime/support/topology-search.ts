import { setMaxListeners } from 'node:events';
import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import { connectSearch, type SearchConnection } from '../../../runtime/src/connections/opensearch/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Change, Comparison, Driver } from '../../../runtime/src/topology/driver.ts';
import { openSearchDriver } from '../../../runtime/src/topology/drivers/opensearch/index.ts';

/** Drivers of one server, one after the other, and a look at the server past them. */
export interface SearchTopology {
  /** A driver for `topology`; the one before is closed. */
  open(topology: TopologyInput, administration?: BoundService['administration']): Promise<Driver>;
  /** Opens, compares and carries everything out; gives what was found before. */
  applyAll(topology: TopologyInput, administration?: BoundService['administration']): Promise<Comparison>;
  /** A request past the driver. */
  ask<T = Record<string, unknown>>(method: string, path: string, body?: object): Promise<T>;
  close(): Promise<void>;
}

/** Relative to the server's folder for snapshots. */
export const place = { type: 'fs', settings: { location: 'archive' } } as const;

export async function searchTopology(handle: ServiceHandle): Promise<SearchTopology> {
  const admin: SearchConnection = await connectSearch(handle, { name: 'past-the-driver' });
  let driver: Driver | undefined;
  const leave = async () => {
    await driver?.[Symbol.asyncDispose]();
    driver = undefined;
  };
  const open: SearchTopology['open'] = async (topology, administration = { snapshotRepository: place }) => {
    await leave();
    const service = { ...handle, service: { ...handle.service, administration } };
    const signal = AbortSignal.timeout(120_000);
    setMaxListeners(0, signal);
    driver = await openSearchDriver({ service, topology: topologySchema.parse(topology), signal });
    return driver;
  };
  return {
    open,
    async applyAll(topology, administration) {
      const opened = await open(topology, administration);
      const before = await opened.compare();
      for (const change of before.changes) await opened.apply(change);
      return before;
    },
    ask: async (method, path, body) => (await admin.client.transport.request({ method, path, ...(body && { body }) })) as never,
    close: async () => {
      await leave();
      await admin.close();
    },
  };
}

/** `ACTION NAME` of each. */
export function named(changes: readonly Change[]): readonly string[] {
  return changes.map(({ action, name }) => `${action} ${name}`);
}
