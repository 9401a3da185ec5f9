import PgBoss from 'pg-boss';
import type { Peer, PeerEvent, PeerTools } from './peer.ts';

const queue = 'publish';
const batchSize = 1_000;
/** More loops than this take turns for the processors. */
const loops = 2;

/**
 * `fetch` and `complete` in a loop, a batch each: a worker of `work()` pauses for what is left of its interval of half a second after every batch.
 * `priority: false` spares the fetch a sort.
 */
export const pgBoss: Peer = {
  name: 'pg-boss 10.4.2',
  source: 'https://github.com/timgit/pg-boss/blob/10.4.2/docs/readme.md#fetchname-options',
  events: 60_000,
  async prepare(tools) {
    const boss = await started(tools);
    await boss.createQueue(queue);
    await boss.clearStorage();
    await boss.stop({ graceful: false, close: false });
  },
  async fill(tools, events) {
    const boss = await started(tools);
    for (let at = 0; at < events.length; at += 5_000) {
      await boss.insert(events.slice(at, at + 5_000).map((event) => ({ name: queue, data: event })));
    }
    await boss.stop({ graceful: false, close: false });
    await tools.pool.query('vacuum analyze pgboss.job');
  },
  async start(tools) {
    const boss = await started(tools);
    let stopped = false;
    const loop = async (): Promise<void> => {
      while (!stopped) {
        const jobs = await boss.fetch<PeerEvent>(queue, { batchSize, priority: false });
        if (jobs.length === 0) return;
        await Promise.all(jobs.map(({ data }) => tools.append(data)));
        await boss.complete(
          queue,
          jobs.map(({ id }) => id),
        );
      }
    };
    const running = Promise.all(Array.from({ length: loops }, loop));
    return {
      async stop() {
        stopped = true;
        await running;
        await boss.stop({ graceful: false, close: false });
      },
    };
  },
};

async function started({ pool }: PeerTools): Promise<PgBoss> {
  const boss = new PgBoss({ db: { executeSql: (text, values) => pool.query(text, values) }, supervise: false, schedule: false });
  return boss.start();
}
