import { createPostgresBackend, Queue, Worker } from 'bullmq';
import { type Peer, type PeerEvent, type PeerTools, peerConnections } from './peer.ts';

const queueName = 'publish';

/** Its PostgreSQL backend: a row of its job table is what a transaction of the service would have to write. One job a statement, whatever the settings. */
export const bullMq: Peer = {
  name: 'bullmq 6.7.0, PostgreSQL backend',
  source: 'https://docs.bullmq.io/guide/postgresql, https://docs.bullmq.io/guide/workers/concurrency',
  events: 10_000,
  async prepare(tools) {
    const queue = new Queue(queueName, options(tools), createPostgresBackend);
    await queue.obliterate({ force: true });
    await queue.close();
  },
  async fill(tools, events) {
    const queue = new Queue(queueName, options(tools), createPostgresBackend);
    for (let at = 0; at < events.length; at += 1_000) {
      const jobs = events.slice(at, at + 1_000).map((data) => ({ name: 'event', data, opts: { removeOnComplete: true } }));
      await queue.addBulk(jobs);
    }
    await queue.close();
    await tools.pool.query('vacuum analyze bullmq.job');
  },
  async start(tools) {
    const handler = ({ data }: { data: PeerEvent }): Promise<void> => tools.append(data);
    const worker = new Worker(queueName, handler, { ...options(tools), concurrency: 50 }, createPostgresBackend);
    worker.on('error', (error) => process.stderr.write(`  bullmq: ${String(error)}\n`));
    return { stop: () => worker.close() };
  },
};

function options({ address }: PeerTools) {
  return { connection: { ...address, max: peerConnections, migrate: true } };
}
