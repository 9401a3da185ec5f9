import { Logger, makeWorkerUtils, run, runMigrations } from 'graphile-worker';
import type { Peer, PeerEvent } from './peer.ts';

const logger = new Logger(() => () => undefined);

/** The settings of the figures that its documentation names. Jobs have no queue name: named queues would keep order, at a fraction of the rate. */
export const graphileWorker: Peer = {
  name: 'graphile-worker 0.17.3',
  source: 'https://worker.graphile.org/docs/performance',
  events: 60_000,
  async prepare({ pool }) {
    await runMigrations({ pgPool: pool, logger });
    await pool.query('truncate graphile_worker._private_jobs');
  },
  async fill({ pool }, events) {
    const utils = await makeWorkerUtils({ pgPool: pool, logger });
    for (let at = 0; at < events.length; at += 5_000) {
      await utils.addJobs(events.slice(at, at + 5_000).map((event) => ({ identifier: 'publish', payload: event })));
    }
    await utils.release();
    await pool.query('vacuum analyze graphile_worker._private_jobs');
  },
  async start({ pool, append }) {
    const runner = await run({
      pgPool: pool,
      logger,
      noHandleSignals: true,
      taskList: { publish: (payload) => append(payload as PeerEvent) },
      preset: {
        worker: { concurrentJobs: 24, maxPoolSize: 25, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 },
      },
    });
    return { stop: () => runner.stop() };
  },
};
