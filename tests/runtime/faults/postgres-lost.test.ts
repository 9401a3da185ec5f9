import { setTimeout as delay } from 'node:timers/promises';
import type { Transport } from '../../../runtime/src/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { openTransport, plainClient, serviceOf, topologyOf } from '../integration/redis-streams-fixture.ts';
import { commitEach, drained, event, following, logAt, openLog, sinkRow, type TestLog } from '../support/log.ts';
import { recorder } from '../support/recorder.ts';
import { startTestRelay } from '../support/relay.ts';
import { judge, sound, streamEntries } from '../support/streams.ts';
import { ledger, ledgerSql, startWriters } from '../support/writers.ts';

const topics = { t: { tenantless: true, shards: 4 } };
const topology = topologyOf(topics);

let redis: TestRedis;
let transport: Transport;
const servers: TestPostgres[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  transport = await openTransport(serviceOf(redis), topics);
});
afterEach(async () => {
  await transport.close();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  const client = await plainClient(redis);
  await client.flushall();
  client.disconnect();
});

async function postgres(options: Parameters<typeof startTestPostgres>[0] = {}): Promise<TestPostgres> {
  const server = await startTestPostgres(options);
  servers.push(server);
  return server;
}

/** Ends a server at once, as `pg_ctl stop -m immediate` does: it recovers from its log at the next start. */
async function restartAtOnce(server: TestPostgres): Promise<void> {
  await server.kill('SIGQUIT');
  await server.restart();
}

test('a restart of PostgreSQL under load loses nothing and reorders nothing', async () => {
  const server = await postgres({ settings: { fsync: 'on' } });
  const log = await openLog(server);
  await log.rows(ledgerSql);
  const relay = startTestRelay({ log, transport, topology });
  const writers = startWriters(log, { count: 6 });
  for (let i = 0; i < 2; i++) {
    const before = relay.status().published;
    await eventually(() => relay.status().published > before + 100, { what: 'events flow' });
    await restartAtOnce(server);
  }
  const before = relay.status().published;
  await eventually(() => relay.status().published > before + 100, { what: 'events flow again' });
  await writers.stop();
  await drained(log);
  await relay.close();
  expect(judge(await streamEntries(redis, topology), await ledger(log))).toEqual(sound);
  await log.close();
});

test('after a fail-over to an asynchronous standby everything that survived is delivered, also what was drawn under lost ids', async () => {
  const primary = await postgres();
  const first = await openLog(primary);
  await first.rows(ledgerSql);
  const standby = await postgres({ standbyOf: primary });
  const second = logAt({ url: first.url.replace(`:${primary.port}/`, `:${standby.port}/`), database: first.database });
  let current = first;
  const log = following(() => current);
  const relay = startTestRelay({ log, transport, topology });
  let writers = startWriters(first, { count: 4 });
  await eventually(() => relay.status().published > 100, { what: 'events flow' });
  const sender = await cutReplication(first);
  const published = relay.status().published;
  await eventually(() => relay.status().published > published + 200, { what: 'events flow that the standby never hears of' });
  await primary.kill();
  process.kill(sender, 'SIGKILL');
  await writers.stop();
  current = second;
  await second.rows('select pg_promote()');
  const survived = new Set((await second.rows<{ id: string }>('select event_id as id from millrace.outbox')).map(({ id }) => id));
  writers = startWriters(second, { count: 4 });
  await eventually(() => relay.status().state === 'active', { what: 'the relay works again' });
  await delay(1_500);
  await writers.stop();
  await drained(second);
  await relay.close();

  const entries = await streamEntries(redis, topology);
  const delivered = new Set(entries.map(({ id }) => id));
  const present = new Set((await second.rows<{ id: string }>('select event_id as id from millrace.outbox')).map(({ id }) => id));
  const lost = new Set([...delivered].filter((id) => !present.has(id)));
  const sequencesOf = (ids: ReadonlySet<string>) => new Set(entries.filter(({ id }) => ids.has(id)).map(({ sequence }) => sequence));
  const lostSequences = sequencesOf(lost);
  const drawnAgain = [...sequencesOf(new Set([...present].filter((id) => !survived.has(id))))].filter((sequence) =>
    lostSequences.has(sequence),
  );
  expect(lost.size).toBeGreaterThan(100); // commits that nobody has any more: the fail-over was real
  expect(drawnAgain.length).toBeGreaterThan(10);
  expect([...present].filter((id) => !delivered.has(id))).toEqual([]);
  expect(
    judge(
      entries.filter(({ id }) => present.has(id)),
      await ledger(second),
    ),
  ).toEqual(sound);
  await Promise.all([first.close(), second.close()]);
});

/** Stops the process that streams to the standby, so that later commits stay on the primary. */
async function cutReplication(log: TestLog): Promise<number> {
  const streaming = "select pid from pg_stat_replication where state = 'streaming'";
  const { pid } = await eventually(async () => (await log.rows<{ pid: number }>(streaming))[0], { what: 'the standby has caught up' });
  process.kill(pid, 'SIGSTOP');
  return pid;
}

test('a relay at a standby waits until that is promoted', async () => {
  const primary = await postgres();
  const log = await openLog(primary);
  await commitEach(log, [event('k')]);
  const standby = await postgres({ standbyOf: primary });
  const there = logAt({ url: log.url.replace(`:${primary.port}/`, `:${standby.port}/`), database: log.database });
  await eventually(async () => (await there.rows('select 1 from millrace.outbox')).length === 1, { what: 'the standby has the event' });
  const broker = recorder();
  const relay = startTestRelay({ log: there, transport: broker.transport });
  await eventually(() => relay.status().lastError?.includes('the database is a standby'), { what: 'the relay refuses the standby' });
  expect(relay.status().state).toBe('unreachable');
  expect(broker.published()).toEqual([]);
  await primary.kill();
  await there.rows('select pg_promote()');
  await eventually(() => broker.published().length > 0, { what: 'the relay works' });
  expect(broker.published()).toEqual(['k#0']);
  await relay.close();
  await Promise.all([log.close(), there.close()]);
});

describe('on one server', () => {
  let server: TestPostgres;
  let log: TestLog;
  beforeAll(async () => {
    server = await startTestPostgres({ settings: { wal_level: 'logical' } });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    log = await openLog(server);
  });
  afterEach(() => log.close());

  test('a sequence behind what is published is refused at start, with the statement that mends it', async () => {
    const broker = recorder();
    const first = startTestRelay({ log, transport: broker.transport });
    await commitEach(log, [event('k', 0)], [event('k', 1)], [event('k', 2)]);
    await drained(log);
    await first.close();
    await log.rows("delete from millrace.outbox; select setval('millrace.outbox_id', 1)");
    const refused = startTestRelay({ log, transport: broker.transport });
    const failure = await refused.stopped.catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'OUTBOX_SEQUENCE_BEHIND' });
    expect(refused.status().state).toBe('failed');
    await log.rows(/run (select setval\(.*\))/.exec((failure as Error).message)![1]!);
    await commitEach(log, [event('k', 3)]);
    const mended = startTestRelay({ log, transport: broker.transport });
    await eventually(() => broker.published().includes('k#3'), { what: 'the next event is published' });
    await mended.close();
  });
  test('and at the next progress of a relay that runs', async () => {
    const relay = startTestRelay({ log, transport: recorder().transport });
    await commitEach(log, [event('k', 0)], [event('k', 1)], [event('k', 2)]);
    await drained(log);
    await log.rows("select setval('millrace.outbox_id', 1)");
    await expect(relay.stopped).rejects.toMatchObject({
      code: 'OUTBOX_SEQUENCE_BEHIND',
      message: /select setval\('millrace.outbox_id', 3\)/,
    });
  });
  test('progress that somebody else has written ends the life of a relay, and it goes on from what the database holds', async () => {
    const broker = recorder();
    const relay = startTestRelay({ log, transport: broker.transport });
    await commitEach(log, [event('k', 0)], [event('k', 1)]);
    await drained(log);
    await log.rows('update millrace.sink set version = version + 1, low = 1');
    await eventually(() => broker.published().length === 3, { what: 'what is not done by the database is published again' });
    expect(broker.published()).toEqual(['k#0', 'k#1', 'k#1']);
    expect(relay.said.some(({ details }) => String(details.error).includes('is not at version'))).toBe(true);
    await relay.close();
  });
  test('a logical subscriber of the log is refused', async () => {
    const copy = await openLog(server);
    await log.rows('create publication copied for table millrace.outbox');
    await log.rows(`select pg_create_logical_replication_slot('${copy.database}', 'pgoutput')`);
    await copy.rows(
      `create subscription ${copy.database} connection '${log.url}' publication copied with (create_slot = false, copy_data = false)`,
    );
    const relay = startTestRelay({ log: copy, transport: recorder().transport });
    await expect(relay.stopped).rejects.toMatchObject({ code: 'OUTBOX_NOT_HERE', message: /run the relay at the publisher/ });
    await copy.rows(`alter subscription ${copy.database} disable`);
    await copy.rows(`drop subscription ${copy.database}`);
    await copy.close();
  });
  test('connections that are cut at any moment cost duplicates at most', async () => {
    const broker = recorder();
    await log.rows(ledgerSql);
    const relay = startTestRelay({ log, transport: broker.transport });
    const writers = startWriters(log, { count: 3 });
    for (let i = 0; i < 10; i++) {
      await delay(100 + Math.random() * 150);
      relay.cut();
    }
    await writers.stop();
    await drained(log);
    await relay.close();
    const entries = broker.published().map((name) => ({ name, key: name.split('#')[0]!, n: Number(name.split('#')[1]) }));
    expect(judge(entries, await ledger(log))).toEqual(sound);
    expect((await sinkRow(log))!.holder).toBeNull();
  });
});
