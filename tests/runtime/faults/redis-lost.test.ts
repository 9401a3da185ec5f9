import { Pool } from 'pg';
import { jsonData } from '../../../runtime/src/contracts/event.ts';
import { once } from '../../../runtime/src/inbox/index.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { eventually } from '../../support/eventually.ts';
import {
  startTestPostgres,
  startTestRedis,
  startTestSentinel,
  type TestPostgres,
  type TestRedis,
  type TestSentinel,
} from '../../support/servers.ts';
import { openTransport, plainClient, sentinelServiceOf, serviceOf, topologyOf } from '../integration/redis-streams-fixture.ts';
import { commitEach, drained, event, openLog, type TestLog } from '../support/log.ts';
import { startTestRelay } from '../support/relay.ts';
import { judge, sound, streamEntries } from '../support/streams.ts';
import { ledger, ledgerSql, startWriters } from '../support/writers.ts';

const topics = { t: { tenantless: true, shards: 4 } };
const topology = topologyOf(topics);
let postgres: TestPostgres;
let log: TestLog;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  log = await openLog(postgres);
  await log.rows(ledgerSql);
});
afterEach(() => log.close());

/** The master dies with writes that no replica has heard of; returns when another has been elected. */
async function failOver(set: TestSentinel, whileDeaf: () => Promise<unknown>): Promise<TestRedis> {
  const master = await set.master();
  const replicas = set.nodes.filter((node) => node !== master);
  await Promise.all(replicas.map((replica) => replica.pause()));
  const client = await plainClient(master);
  await client.call('CLIENT', 'KILL', 'TYPE', 'replica'); // what the kernel has buffered for them would arrive all the same
  client.disconnect();
  await whileDeaf();
  await master.kill();
  await Promise.all(replicas.map((replica) => replica.resume()));
  return eventually(
    async () => {
      const elected = await set.master();
      if (elected === master) return false;
      const client = await plainClient(elected);
      const [role] = (await client.role()) as [string];
      client.disconnect();
      return role === 'master' && elected;
    },
    { what: 'another master is elected', timeoutMs: 30_000 },
  );
}

describe('a Sentinel fail-over that loses acknowledged events', () => {
  let set: TestSentinel;
  let transport: Transport;
  beforeEach(async () => {
    set = await startTestSentinel();
    transport = await openTransport(sentinelServiceOf(set), topics);
  });
  afterEach(async () => {
    await transport.close();
    await set.stop();
  });

  test('while no relay runs: the next one publishes them again, although nothing new comes', async () => {
    const first = startTestRelay({ log, transport, topology });
    await commitEach(log, ...Array.from({ length: 20 }, (_, n) => [event('k', n)]));
    await drained(log);
    const elected = await failOver(set, async () => {
      await commitEach(log, ...Array.from({ length: 20 }, (_, n) => [event('k', 20 + n)]));
      await drained(log);
      await first.close();
    });
    const before = (await streamEntries(elected, topology)).map(({ n }) => n);
    expect(before).not.toContain(39); // acknowledged and forgotten: the loss is real
    const second = startTestRelay({ log, transport, topology });
    await eventually(async () => (await streamEntries(elected, topology)).some(({ n }) => n === 39), {
      what: 'all is there again',
      timeoutMs: 20_000,
    });
    const names = Array.from({ length: 40 }, (_, n) => `k#${n}`);
    expect(judge(await streamEntries(elected, topology), names)).toEqual(sound);
    await second.close();
  });

  test('under load: everything is there, in order, and the inbox applies each event once', async () => {
    await log.rows('create table effect (position serial, key text, n integer, primary key (key, n))');
    const pool = new Pool({ connectionString: log.url, max: 8 });
    pool.on('error', () => undefined);
    const consumer = await openTransport(sentinelServiceOf(set), topics);
    await consumer.subscribe('t', { group: 'stock' }, async (published, delivery) => {
      await once(pool, 'stock', delivery, async (client) => {
        await client.query('insert into effect (key, n) values ($1, $2)', [published.partitionkey, jsonData<{ n: number }>(published)!.n]);
      });
    });
    const relay = startTestRelay({ log, transport, topology });
    const writers = startWriters(log, { count: 4, pauseMs: 5 });
    await eventually(() => relay.status().published > 200, { what: 'events flow' });
    const elected = await failOver(set, () => {
      const before = relay.status().published;
      return eventually(() => relay.status().published > before + 100, { what: 'events are acknowledged that no replica has' });
    });
    const before = relay.status().published;
    await eventually(() => relay.status().published > before + 200, { what: 'events flow again', timeoutMs: 30_000 });
    await writers.stop();
    await drained(log, 30_000);
    const committed = await ledger(log);
    await eventually(async () => Number((await log.rows('select count(*) from effect'))[0]!.count) === committed.length, {
      what: 'every event has had its effect',
      timeoutMs: 30_000,
    });
    await relay.close();
    await consumer.close();
    await pool.end();
    expect(relay.said.map(({ message }) => message)).toContain('broker may have lost events, publishing them again');
    const entries = await streamEntries(elected, topology);
    expect(judge(entries, committed)).toEqual(sound);
    expect(entries.length).toBeGreaterThan(committed.length); // what was published again
    const effects = await log.rows<{ key: string; n: number }>('select key, n from effect order by position');
    expect(
      judge(
        effects.map(({ key, n }) => ({ key, n, name: `${key}#${n}` })),
        committed,
      ),
    ).toEqual(sound);
  });
});

describe('one Redis', () => {
  let redis: TestRedis;
  let transport: Transport;
  beforeEach(async () => {
    redis = await startTestRedis({ settings: { appendonly: 'no', save: '""' } });
    transport = await openTransport(serviceOf(redis), topics);
  });
  afterEach(async () => {
    await transport.close();
    await redis.stop();
  });

  test('that comes back empty is filled again with what the window holds, in order', async () => {
    const relay = startTestRelay({ log, transport, topology });
    await commitEach(log, [event('k', 0)], [event('k', 1)]);
    await drained(log);
    await redis.kill();
    await redis.restart();
    await eventually(async () => (await streamEntries(redis, topology)).length >= 2, { what: 'both are there again', timeoutMs: 20_000 });
    await commitEach(log, [event('k', 2)]);
    await drained(log);
    await relay.close();
    expect(judge(await streamEntries(redis, topology), ['k#0', 'k#1', 'k#2'])).toEqual(sound);
  });

  test('that was emptied behind the relay’s back is filled again as soon as the next event of a stream comes', async () => {
    const relay = startTestRelay({ log, transport, topology });
    await commitEach(log, [event('k', 0)], [event('k', 1)]);
    await drained(log);
    const client = await plainClient(redis);
    await client.flushall();
    client.disconnect();
    await commitEach(log, [event('k', 2)]);
    await eventually(async () => (await streamEntries(redis, topology)).length >= 3, { what: 'all three are there', timeoutMs: 20_000 });
    await relay.close();
    expect(judge(await streamEntries(redis, topology), ['k#0', 'k#1', 'k#2'])).toEqual(sound);
  });

  test('that stands still delays and loses nothing', async () => {
    const relay = startTestRelay({ log, transport, topology });
    const writers = startWriters(log, { count: 2, pauseMs: 5 });
    await eventually(() => relay.status().published > 50, { what: 'events flow' });
    await redis.pause();
    await eventually(() => relay.said.some(({ message }) => message.includes('retrying')), {
      what: 'the relay has noticed',
      timeoutMs: 20_000,
    });
    await redis.resume();
    const before = relay.status().published;
    await eventually(() => relay.status().published > before + 50, { what: 'events flow again', timeoutMs: 20_000 });
    await writers.stop();
    await drained(log);
    await relay.close();
    expect(judge(await streamEntries(redis, topology), await ledger(log))).toEqual(sound);
  });
});
