import { setTimeout as delay } from 'node:timers/promises';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { openTransport, plainClient, serviceOf, topologyOf } from '../integration/redis-streams-fixture.ts';
import { bindingEnv, builtCli, startCli } from '../support/cli.ts';
import { begin, drained, openLog, type TestLog } from '../support/log.ts';
import { startTestRelay } from '../support/relay.ts';
import { judge, sound, streamEntries } from '../support/streams.ts';
import { ledger, ledgerSql, startWriters } from '../support/writers.ts';

/** Minutes with FAULTS=long. */
const seconds = process.env.FAULTS === 'long' ? 150 : 8;
const topics = { t: { tenantless: true, shards: 4 } };
const topology = topologyOf(topics);

let postgres: TestPostgres;
let redis: TestRedis;
let folder: TestFolder;
let log: TestLog;

beforeAll(async () => {
  [postgres, redis, folder] = await Promise.all([
    startTestPostgres(),
    startTestRedis({ settings: { save: '""' } }),
    testFolder('gaps'),
    builtCli(),
  ]);
}, 120_000);
afterAll(async () => {
  await Promise.all([postgres.stop(), redis.stop(), folder.remove()]);
});

/** Lives of relays in this process that end as in a crash, until `over`. */
async function crashingRelays(over: AbortSignal): Promise<number> {
  let crashes = 0;
  while (!over.aborted) {
    const transport = await openTransport(serviceOf(redis), topics);
    const relay = startTestRelay({ log, transport, topology, leaseMs: 300, pageSize: 200 });
    await delay(300 + Math.random() * 1_200);
    await (Math.random() < 0.8 ? relay.crash() : relay.close());
    await transport.close();
    crashes++;
  }
  return crashes;
}

/** Processes of the built CLI that are killed. */
async function killedProcesses(over: AbortSignal): Promise<number> {
  const env = bindingEnv(folder.path, { database: log.url, redis, topology });
  let kills = 0;
  while (!over.aborted) {
    const relay = await startCli(['relay', '--lease-ms', '300'], env);
    await Promise.race([delay(1_000 + Math.random() * 1_500), relay.ended]);
    relay.kill('SIGKILL');
    await relay.ended;
    kills++;
  }
  return kills;
}

describe.each([
  { what: 'alone on the server', foreign: false },
  { what: 'beside a writer in another database that holds xmin all the time', foreign: true },
])('8 writers, a fifth rolled back, relays that die, $what', ({ foreign }) => {
  test(
    'lose nothing, publish nothing that was rolled back, and keep the order of each key',
    async () => {
      log = await openLog(postgres);
      await log.rows(ledgerSql);
      const other = await openLog(postgres);
      const holder = await begin(other);
      if (foreign) await holder.client.query('select pg_current_xact_id()');
      const over = new AbortController();
      const deaths = Promise.all([crashingRelays(over.signal), killedProcesses(over.signal)]);
      const writers = startWriters(log, { prepared: true, openMs: 1_500 });
      await delay(seconds * 1_000);
      await writers.stop();
      over.abort();
      const [crashes, kills] = await deaths;
      const transport = await openTransport(serviceOf(redis), topics);
      const last = startTestRelay({ log, transport, topology, leaseMs: 300 });
      await drained(log, 30_000);
      await last.close();
      await transport.close();
      await holder.rollback();
      const entries = (await streamEntries(redis, topology)).filter(({ key }) => key !== '');
      const names = new Set(entries.map(({ name }) => name));
      process.stdout.write(
        `gaps: ${JSON.stringify({ ...writers.stats, crashes, kills, published: entries.length, duplicates: entries.length - names.size })}\n`,
      );
      expect(writers.stats.committed).toBeGreaterThan(100);
      expect(writers.stats.failed).toBe(0);
      expect(crashes + kills).toBeGreaterThan(2);
      expect(judge(entries, await ledger(log))).toEqual(sound);
      await flushStreams();
      await Promise.all([log.close(), other.close()]);
    },
    (seconds + 60) * 1_000,
  );
});

async function flushStreams(): Promise<void> {
  const client = await plainClient(redis);
  await client.flushall();
  client.disconnect();
}
