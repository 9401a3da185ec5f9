import { setTimeout as delay } from 'node:timers/promises';
import type { Topology } from '../../../runtime/src/contracts/topology.ts';
import { cutLog } from '../../../runtime/src/retention/log/cut.ts';
import * as detach from '../../../runtime/src/retention/log/detach.ts';
import * as partitions from '../../../runtime/src/retention/log/partitions.ts';
import { type LogRetentionOptions, logRetention } from '../../../runtime/src/retention/log/retention.ts';
import { makePartitions } from '../../../runtime/src/schema/partitions.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { begin, commitEach, drained, event, openLog, sinkRow, type TestLog } from '../support/log.ts';
import { recorder } from '../support/recorder.ts';
import { plainTopology, startTestRelay } from '../support/relay.ts';
import { ledger, ledgerSql, startWriters } from '../support/writers.ts';

jest.mock('../../../runtime/src/retention/log/partitions.ts', () => {
  const actual = jest.requireActual('../../../runtime/src/retention/log/partitions.ts');
  return { ...actual, reasonToKeep: jest.fn(actual.reasonToKeep), sinkPlaces: jest.fn(actual.sinkPlaces) };
});
const actual = jest.requireActual<typeof partitions>('../../../runtime/src/retention/log/partitions.ts');

const never = new AbortController().signal;
const topology: Topology = { ...plainTopology, retention: { outboxDays: 7, inboxDays: 32 } };

let postgres: TestPostgres;
let log: TestLog;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  log = await openLog(postgres);
});
afterEach(async () => {
  jest.mocked(partitions.reasonToKeep).mockImplementation(actual.reasonToKeep);
  jest.mocked(partitions.sinkPlaces).mockImplementation(actual.sinkPlaces);
  await log.close();
});

function keep(more: Partial<LogRetentionOptions> = {}) {
  return logRetention({ service: 'database', openClient: log.open, topology, ...more }).run(never);
}

/** Makes everything in the log look as if it had been written days ago. */
async function age(days: number): Promise<void> {
  await log.rows(`update millrace.outbox set created_at = created_at - interval '${days} days'`);
}

async function names(): Promise<string[]> {
  return (await log.rows<{ name: string }>('select name from millrace.outbox_partitions()')).map((row) => row.name);
}

/** Publishes everything there is, and stops. */
async function publishAll(): Promise<string[]> {
  const broker = recorder();
  await using _relay = startTestRelay({ log, transport: broker.transport });
  await drained(log);
  return broker.published();
}

/** Marks of the last minute still allow a rewind; a sink that stood still for longer has none below. */
async function settleMarks(): Promise<void> {
  await log.rows("update millrace.sink set marks = '[]'");
}

describe('the boundary of a day', () => {
  test('opens the next partition, so that a log of few events goes day by day', async () => {
    const client = await log.open();
    await commitEach(log, [event('k', 0)]);
    expect(await cutLog(client, 7)).toBe(0);
    await age(1);
    expect(await cutLog(client, 7)).toBe(1_000_000 - 1);
    expect(await cutLog(client, 7)).toBe(0);
    await commitEach(log, [event('k', 1)]);
    expect((await log.rows('select id from millrace.outbox order by id')).map((row) => Number(row.id))).toEqual([1, 1_000_001]);
    expect((await makePartitions(client)).headroom).toBeGreaterThan(3_900_000);
  });
  test('is that of a week when the log is kept for more than 31 days', async () => {
    const client = await log.open();
    await commitEach(log, [event('k', 0)]);
    await age(7);
    await log.rows("update millrace.outbox set created_at = date_trunc('week', clock_timestamp() at time zone 'UTC') at time zone 'UTC'");
    expect(await cutLog(client, 90)).toBe(0);
    await age(1);
    expect(await cutLog(client, 90)).toBeGreaterThan(0);
  });
  test('is passed by the relay at once, and its backlog does not count what was skipped', async () => {
    const broker = recorder();
    await using relay = startTestRelay({ log, transport: broker.transport });
    await commitEach(log, [event('k', 0)]);
    await drained(log);
    await age(1);
    expect(await cutLog(await log.open(), 7)).toBeGreaterThan(0);
    const backlog = async () =>
      Number((await log.rows<{ backlog: string }>('select millrace.outbox_backlog(low) as backlog from millrace.sink'))[0]!.backlog);
    expect(await backlog()).toBe(0);
    const startedAt = performance.now();
    await commitEach(log, [event('k', 1)]);
    expect(await backlog()).toBeLessThanOrEqual(1);
    await drained(log);
    const passedMs = performance.now() - startedAt;
    expect(broker.published()).toEqual(['k#0', 'k#1']);
    expect(relay.status().gaps).toBe(0);
    expect(passedMs).toBeLessThan(3_000);
    if (process.env.SHOW_FIGURES) console.log(`a skipped range of a million ids is passed in ${Math.round(passedMs)} ms`);
  });
  test('waits for transactions that have enqueued, and holds up other writers for 100 ms an attempt at most', async () => {
    const open = await begin(log);
    await commitEach(log, [event('k', 0)]);
    await age(1);
    await open.enqueue(event('open'));
    const watch = watchEnqueue();
    const client = await log.open();
    expect(await cutLog(client, 7)).toBeUndefined();
    await open.commit();
    await eventually(async () => ((await cutLog(client, 7)) ?? 0) > 0, { what: 'the partition is cut' });
    await watch.stop();
    if (process.env.SHOW_FIGURES) console.log(`enqueue beside cuts: ${watch.figures()}`);
    expect(watch.mostMs()).toBeLessThan(300);
    const ids = (await log.rows<{ id: string }>('select id from millrace.outbox')).map((row) => row.id);
    expect(new Set(ids).size).toBe(ids.length);
  });
  test('without the lock an id could be drawn twice, which shows what it is for', async () => {
    await commitEach(log, [event('k', 0)]);
    await age(1);
    // As the function without its lock would: it reads the sequence, is held up, and sets it when others have drawn beyond.
    const [row] = await log.rows<{ bound: string }>('select 1000000 as bound from millrace.outbox_id where last_value < 1000000');
    await log.rows("select setval('millrace.outbox_id', 1000000)");
    await commitEach(log, [event('k', 1)], [event('k', 2)]);
    await log.rows(`select setval('millrace.outbox_id', ${row!.bound})`);
    await expect(commitEach(log, [event('k', 3)])).rejects.toMatchObject({ code: '23505' });
  });
  test('that was rolled back is noted later, so that nothing counts what it has skipped', async () => {
    await commitEach(log, [event('k', 0)]);
    await publishAll();
    await settleMarks();
    await age(10);
    await log.rows("begin; select millrace.cut_outbox('day'); rollback");
    const backlog = async () =>
      Number((await log.rows<{ backlog: string }>('select millrace.outbox_backlog(low) as backlog from millrace.sink'))[0]!.backlog);
    expect(await backlog()).toBe(999_999);
    expect((await keep()).details).toMatchObject({ dropped: ['outbox_1000001'], skippedIds: 999_999 });
    expect(await backlog()).toBe(0);
    expect((await keep()).details).toMatchObject({ skippedIds: 0 });
  });
  test('spans grow where a partition fills within hours, and shrink again', async () => {
    await makePartitions(await log.open());
    await commitEach(log, [event('k', 0)]);
    await log.rows("update millrace.outbox set created_at = clock_timestamp() - interval '2 hours'");
    await log.rows("select setval('millrace.outbox_id', 1000000)");
    await commitEach(log, [event('k', 1)]);
    const span = async () => Number((await log.rows<{ span: string }>('select millrace.outbox_span() as span'))[0]!.span);
    expect(await span()).toBe(2_000_000);
    await log.rows("update millrace.outbox set created_at = clock_timestamp() - interval '2 days' where id = 1");
    expect(await span()).toBe(1_000_000);
  });
});

/** A full partition with events of ten days ago, and one of today. */
async function oldAndNew(): Promise<void> {
  await commitEach(log, [event('old', 0)], [event('old', 1)]);
  await age(10);
  expect(await cutLog(await log.open(), 7)).toBeGreaterThan(0);
  await commitEach(log, [event('new', 0)]);
}

describe('an old partition', () => {
  test('is dropped when its newest row is older than the retention and every sink has passed it', async () => {
    await oldAndNew();
    await publishAll();
    await settleMarks();
    expect(await names()).toContain('outbox_1000001');
    expect((await keep()).details).toMatchObject({ dropped: ['outbox_1000001'] });
    expect(await names()).not.toContain('outbox_1000001');
    expect(await log.rows("select to_regclass('millrace.outbox_1000001') as there")).toEqual([{ there: null }]);
    expect((await keep()).details).toMatchObject({ dropped: [] });
  });
  test('is dropped though no event has come since it was cut', async () => {
    await commitEach(log, [event('old', 0)]);
    const undone = await begin(log);
    await undone.enqueue(event('undone'));
    await undone.rollback();
    await publishAll();
    await settleMarks();
    await age(10);
    expect((await keep()).details).toMatchObject({ dropped: ['outbox_1000001'] });
  });
  test('stays while it is young', async () => {
    await commitEach(log, [event('old', 0)]);
    await age(6);
    await cutLog(await log.open(), 7);
    await publishAll();
    await settleMarks();
    expect(await keep()).toMatchObject({ details: { dropped: [] }, held: [] });
  });
  test('stays for a sink that has not run for long, for one that never ran, and where none ever ran; and that is told', async () => {
    await oldAndNew();
    expect((await keep({ topology: { ...topology, topics: {} } })).held[0]!.sentence).toMatch(/no relay has ever published/);
    expect((await keep()).held[0]!.sentence).toMatch(/redis-streams@events has published nothing/);
    await publishAll();
    await settleMarks();
    await log.rows("insert into millrace.sink (name, low) values ('redis-streams@asleep', 1)");
    const report = await keep();
    expect(report.details).toMatchObject({ dropped: [] });
    expect(report.held[0]!.sentence).toMatch(/outbox_1000001 is over its retention and kept: redis-streams@asleep stands at 1/);
    expect(report.gauges).toMatchObject([{ signal: 'outbox.retention_held', labels: { service: 'database' } }]);
    expect(report.gauges![0]!.value).toBeGreaterThan(2.9 * 86_400);
    await log.rows("delete from millrace.sink where name like '%asleep'");
    expect((await keep()).details).toMatchObject({ dropped: ['outbox_1000001'] });
  });
  test('goes past a sink that never ran, unless events of its topics wait for it', async () => {
    await oldAndNew();
    await publishAll();
    await settleMarks();
    const [name, topic] = Object.entries(topology.topics)[0]!;
    const elsewhere = { ...topic, transports: [{ kind: 'kafka' as const, service: 'log', phase: 'live' as const }] };
    const waited = await keep({ topology: { ...topology, topics: { ...topology.topics, [name]: elsewhere } } });
    expect(waited.held[0]!.sentence).toMatch(/kafka@log has published nothing/);
    const another = { ...topology, topics: { ...topology.topics, 'of.another': elsewhere } };
    expect((await keep({ topology: another })).details).toMatchObject({ dropped: ['outbox_1000001'] });
  });
  test('stays while a sink may rewind into it, or an event of it is parked', async () => {
    await oldAndNew();
    await publishAll();
    await log.rows("update millrace.sink set marks = '[[0, 1]]'");
    expect((await keep()).held[0]!.sentence).toMatch(/stands at 1/);
    await settleMarks();
    await log.rows(
      "insert into millrace.parked (sink, id, event_id, topic, type, source, created_at) select 'redis-streams@events', id, event_id, topic, type, source, created_at from millrace.outbox where id = 2",
    );
    expect((await keep()).held[0]!.sentence).toMatch(/events of it are parked: 1 of redis-streams@events/);
    await log.rows('update millrace.parked set published_at = now()');
    expect((await keep()).details).toMatchObject({ dropped: ['outbox_1000001'] });
  });
  test('dropped without a look at low would take events with it that were never published', async () => {
    const scenario = async () => {
      await oldAndNew();
      const relay = startTestRelay({ log, transport: recorder().transport });
      await drained(log);
      await relay.close();
      await log.rows("update millrace.sink set low = 1, done = '{}', marks = '[]'"); // as if it had stopped after the first event
      await keep();
      return publishAll();
    };
    expect(await scenario()).toEqual(['old#1', 'new#0']);
    await log.close();
    log = await openLog(postgres);
    jest.mocked(partitions.reasonToKeep).mockResolvedValue(undefined);
    expect(await scenario()).toEqual(['new#0']);
  });
});

describe('a drop', () => {
  test('lets an open transaction keep what it may read, and ends when that has ended', async () => {
    await oldAndNew();
    await publishAll();
    await settleMarks();
    const reader = await log.open('reader');
    await reader.query('begin isolation level repeatable read; select count(*) from millrace.outbox');
    const first = await keep();
    expect(first.held).toMatchObject([{ name: 'outbox_1000001', sentence: expect.stringMatching(/older transaction is still open/) }]);
    expect((await reader.query('select count(*)::int as n from millrace.outbox')).rows).toEqual([{ n: 3 }]);
    expect(await log.rows('select count(*)::int as n from millrace.outbox')).toEqual([{ n: 1 }]);
    await commitEach(log, [event('new', 1)]);
    await makePartitions(await log.open(), { headroom: 5_000_000, span: 1_000_000 });
    await reader.query('commit');
    expect((await keep()).held).toEqual([]);
    expect(await names()).not.toContain('outbox_1000001');
    expect(await log.rows('select * from millrace.leaving_partition')).toEqual([]);
  }, 30_000);
  test('that an open transaction holds up does not make the run fail for the next partition', async () => {
    await oldAndNew();
    await age(10);
    await cutLog(await log.open(), 7);
    await publishAll();
    await settleMarks();
    const reader = await log.open('reader');
    await reader.query('begin isolation level repeatable read; select count(*) from millrace.outbox');
    expect((await keep()).held).toMatchObject([{ name: 'outbox_1000001' }]);
    await reader.query('commit');
    expect((await keep()).details).toMatchObject({ dropped: ['outbox_2000001'] });
  }, 30_000);
  test('whose session was ended while the detach waited is finished by the next run', async () => {
    await oldAndNew();
    await publishAll();
    await settleMarks();
    const blocker = await begin(log);
    await blocker.enqueue(event('blocker'));
    const janitor = await log.open('killed janitor');
    const dying = detach.removePartition(janitor, 'outbox', 'outbox_1000001').catch(() => 'killed');
    await eventually(async () => (await log.rows('select 1 from millrace.outbox_partitions() where detaching')).length > 0, {
      what: 'the detach has begun',
    });
    await log.rows("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'killed janitor'");
    expect(await dying).toBe('killed');
    await blocker.commit();
    expect((await keep()).held).toEqual([]);
    expect(await names()).not.toContain('outbox_1000001');
    expect(await log.rows("select to_regclass('millrace.outbox_1000001') as there")).toEqual([{ there: null }]);
  });
  test('is done once by several janitors', async () => {
    await oldAndNew();
    await publishAll();
    await settleMarks();
    const reports = await Promise.all([keep(), keep(), keep()]);
    expect(reports.flatMap((report) => (report.details.dropped as string[] | undefined) ?? [])).toEqual(['outbox_1000001']);
  });
  test('goes on under writers and a relay without holding them up, and nothing is lost', async () => {
    // What a rewind may go back to counts for the last 90 s, longer than a test lasts.
    jest.mocked(partitions.sinkPlaces).mockImplementation(async () => [{ name: 'relay', low: (await sinkRow(log))!.low }]);
    await log.rows(ledgerSql);
    const broker = recorder();
    await using _relay = startTestRelay({ log, transport: broker.transport });
    const writers = startWriters(log, { count: 3, pauseMs: 5, prepared: true, openMs: 100 });
    const watch = watchEnqueue();
    const dropped: string[] = [];
    try {
      for (let day = 1; day <= 3; day++) {
        await eventually(() => broker.published().length > 60 * day, { what: 'events flow' });
        dropped.push(await passADay());
      }
    } finally {
      await Promise.all([watch.stop(), writers.stop()]);
    }
    await drained(log);
    const published = new Set(broker.published());
    expect((await ledger(log)).filter((name) => !published.has(name))).toEqual([]);
    expect(new Set(dropped).size).toBe(3);
    if (process.env.SHOW_FIGURES) console.log(`enqueue beside three drops: ${watch.figures()}`);
    expect(watch.mostMs()).toBeLessThan(300);
  }, 90_000);
});

/** Ten days pass: what is there is cut off as at midnight, published, and dropped. */
async function passADay(): Promise<string> {
  const [oldest] = await names();
  const client = await log.open();
  const cut = async () => {
    await log.rows("update millrace.outbox set created_at = created_at - interval '10 days' where created_at > now() - interval '8 days'");
    return ((await cutLog(client, 7)) ?? 0) > 0;
  };
  await eventually(cut, { timeoutMs: 20_000, what: 'the day is cut' });
  const drop = async () => {
    await log.rows("update millrace.outbox set created_at = now() - interval '10 days' where id < $1", [Number(oldest!.split('_')[1])]);
    return ((await keep()).details.dropped as string[]).includes(oldest!);
  };
  await eventually(drop, { timeoutMs: 20_000, what: 'the day is dropped' });
  return oldest!;
}

/** Enqueues one event after the other; nineteen of twenty take no longer than `mostMs`. One may meet a moment in which the machine does something else. */
function watchEnqueue(): { mostMs(): number; figures(): string; stop(): Promise<void> } {
  const tookMs: number[] = [];
  const over = new AbortController();
  const running = (async () => {
    const client = await log.open('watch');
    while (!over.signal.aborted) {
      const startedAt = performance.now();
      await client.query("select millrace.enqueue(topic => 't', type => 'x', source => '/x', data => '{\"n\":0}')");
      tookMs.push(performance.now() - startedAt);
      await delay(2);
    }
  })();
  const at = (share: number): number => [...tookMs].sort((a, b) => a - b)[Math.ceil(tookMs.length * share) - 1]!;
  return {
    mostMs: () => at(0.95),
    figures: () => `${tookMs.length} events, p95 ${at(0.95).toFixed(1)} ms, slowest ${at(1).toFixed(1)} ms`,
    stop: () => {
      over.abort();
      return running;
    },
  };
}

describe('the inbox', () => {
  test('loses the days before its window, and they are not made again', async () => {
    const days = async () =>
      (await log.rows<{ n: number }>("select count(*)::int as n from pg_inherits where inhparent = 'millrace.inbox'::regclass"))[0]!.n;
    expect(await days()).toBe(32 + 1 + 4);
    const report = await keep({ topology: { ...topology, retention: { outboxDays: 7, inboxDays: 14 } } });
    expect((report.details.dropped as string[]).length).toBe(32 - 14);
    await makePartitions(await log.open(), { inboxDays: 32 });
    expect(await days()).toBe(14 + 1 + 4);
    const old = "millrace.uuid_v7(clock_timestamp() - interval '20 days')";
    expect(await log.rows(`select millrace.take('c', '', ${old}) as taken`)).toEqual([{ taken: 'expired' }]);
  });
});

test('nothing is dropped where the topology has no retention', async () => {
  await oldAndNew();
  await publishAll();
  await settleMarks();
  expect(await keep({ topology: plainTopology })).toMatchObject({ sentence: 'the topology has no retention for the database', held: [] });
  expect(await sinkRow(log)).toBeDefined();
  expect(await names()).toContain('outbox_1000001');
});
