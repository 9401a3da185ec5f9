import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wrap } from '../../../runtime/src/binding/index.ts';
import { type Sample, type SignalName, signals } from '../../../runtime/src/contracts/signals.ts';
import { type Topology, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Look } from '../../../runtime/src/probe/look.ts';
import { openPostgresLook } from '../../../runtime/src/probe/postgres/index.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { begin, commitEach, drained, event, openLog, type TestLog } from '../support/log.ts';
import { recorder } from '../support/recorder.ts';
import { startTestRelay } from '../support/relay.ts';

let postgres: TestPostgres;
let log: TestLog;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  log = await openLog(postgres);
});
afterEach(() => log.close());

const topology: Topology = topologySchema.parse({ retention: { outboxDays: 7, inboxDays: 32 } });

function openLook(database: string, declared: Topology): Look {
  const { host, port, user, password } = postgres;
  const binding = wrap(
    {
      database: {
        ...{ kind: 'postgres', role: 'database', database },
        endpoints: [{ purpose: 'primary', host, port }],
        auth: { mode: 'password', username: user, secretRef: { from: 'env', id: 'PASSWORD' } },
      },
    },
    { env: { PASSWORD: password } },
  );
  return openPostgresLook({ service: binding.service('database'), topology: declared });
}

async function sampled(database = log.database, declared = topology): Promise<readonly Sample[]> {
  await using look = openLook(database, declared);
  return await look.sample(new AbortController().signal);
}

function theValue(samples: readonly Sample[], signal: SignalName, sink?: string): number {
  const found = samples.filter((sample) => sample.signal === signal && sample.labels.sink === sink);
  expect(found).toHaveLength(1);
  expect(found[0]!.labels.service).toBe('database');
  return found[0]!.value;
}

/** A sink that stands where a test says, with its lease run out a minute ago. */
async function putSink(name: string, low: number, done = '{}'): Promise<void> {
  await log.rows(
    `insert into millrace.sink (name, low, done, lease_until) values ($1, $2, $3::int8multirange, clock_timestamp() - interval '1 minute')`,
    [...[name, low, done]],
  );
}

async function age(ids: string, seconds: number): Promise<void> {
  await log.rows(`update millrace.outbox set created_at = clock_timestamp() - $1 * interval '1 s' where id ${ids}`, [seconds]);
}

const events = (count: number) => Array.from({ length: count }, (_, n) => event(`k${n}`, n));

test('a database without an outbox tells of itself, and of no outbox', async () => {
  const { database } = await postgres.createDatabase();
  const samples = await sampled(database);
  expect(samples.map(({ signal }) => signal)).toEqual(['postgres.connections.used_ratio', 'postgres.transaction.oldest_age']);
  expect(theValue(samples, 'postgres.connections.used_ratio')).toBeGreaterThan(0);
  expect(theValue(samples, 'postgres.connections.used_ratio')).toBeLessThan(0.5);
});

test('the oldest transaction of any database is told, a prepared one too, and not the look itself', async () => {
  const other = await begin(log);
  await other.client.query('select pg_sleep(0.3)');
  const elsewhere = await postgres.createDatabase();
  expect(theValue(await sampled(elsewhere.database), 'postgres.transaction.oldest_age')).toBeGreaterThan(0.25);
  await other.rollback();
  const prepared = await begin(log);
  await prepared.enqueue(event('k'));
  await prepared.client.query("prepare transaction 'kept'");
  await prepared.client.query('select pg_sleep(0.3)');
  expect(theValue(await sampled(), 'postgres.transaction.oldest_age')).toBeGreaterThan(0.25);
  await prepared.client.query("rollback prepared 'kept'");
  await prepared.client.end();
  expect(theValue(await sampled(), 'postgres.transaction.oldest_age')).toBeLessThan(0.25);
});

describe('an outbox', () => {
  test('that no relay has ever published from tells of partitions and the inbox alone', async () => {
    await commitEach(log, events(3));
    const samples = await sampled();
    expect(samples.filter(({ labels }) => labels.sink !== undefined)).toEqual([]);
    expect(theValue(samples, 'outbox.partition_headroom')).toBe(4_000_000 - 3 + 1);
    expect(theValue(samples, 'inbox.parked')).toBe(0);
    expect(theValue(samples, 'outbox.retention_held')).toBe(0);
  });

  test('tells how long events wait for a sink that topics go to and that no relay has ever worked for', async () => {
    const routed = topologySchema.parse({
      topics: {
        t: { transports: [{ kind: 'redis-streams', service: 'events' }] },
        mirrored: {
          transports: [
            { kind: 'kafka', service: 'log' },
            { kind: 'redis-streams', service: 'other', phase: 'mirror' },
          ],
        },
      },
    });
    await commitEach(log, events(3));
    await age('<= 2', 600);
    const unserved = await sampled(log.database, routed);
    expect(theValue(unserved, 'outbox.oldest_age', 'redis-streams@events')).toBeCloseTo(600, -1);
    expect(theValue(unserved, 'outbox.lease_age', 'redis-streams@events')).toBeCloseTo(600, -1);
    expect(theValue(unserved, 'outbox.lease_age', 'kafka@log')).toBe(0);
    expect(unserved.filter(({ labels }) => labels.sink === 'redis-streams@other')).toEqual([]);
    await putSink('redis-streams@events', 3);
    expect(theValue(await sampled(log.database, routed), 'outbox.oldest_age', 'redis-streams@events')).toBe(0);
  });

  test('tells of what waits, and how long, for each sink', async () => {
    await commitEach(log, events(10));
    await age('<= 10', 100);
    await age('<= 4', 500);
    await putSink('ahead', 10);
    await putSink('behind', 4);
    const samples = await sampled();
    expect(theValue(samples, 'outbox.backlog', 'ahead')).toBe(0);
    expect(theValue(samples, 'outbox.oldest_age', 'ahead')).toBe(0);
    expect(theValue(samples, 'outbox.backlog', 'behind')).toBe(6);
    expect(theValue(samples, 'outbox.oldest_age', 'behind')).toBeCloseTo(100, -1);
    expect(theValue(samples, 'outbox.published', 'behind')).toBe(4);
    expect(theValue(samples, 'outbox.gaps', 'behind')).toBe(0);
  });

  test('tells an event that appeared in a hole as unpublished, and the ids that did not as in doubt', async () => {
    await commitEach(log, events(20));
    await age('<= 20', 100);
    await age('= 7', 300);
    await log.rows('delete from millrace.outbox where id in (5, 6, 8)');
    await putSink('s', 4, '{[10,21)}');
    const samples = await sampled();
    // 5, 6 and 8 are not to be seen; 7 and 9 are, and wait.
    expect(theValue(samples, 'outbox.gaps', 's')).toBe(3);
    expect(theValue(samples, 'outbox.oldest_age', 's')).toBeCloseTo(300, -1);
    await log.rows("update millrace.sink set done = '{[5,10),[12,21)}'");
    expect(theValue(await sampled(), 'outbox.oldest_age', 's')).toBeCloseTo(100, -1);
    expect(theValue(await sampled(), 'outbox.gaps', 's')).toBe(0);
  });

  test('holds no id for in doubt that was skipped on purpose, or that nobody has published beyond', async () => {
    await commitEach(log, events(4));
    await log.rows('insert into millrace.skipped values (5, 1000001)');
    await log.rows("select setval('millrace.outbox_id', 1000000)");
    await commitEach(log, events(2));
    await putSink('s', 4, '{[1000001,1000003)}');
    await putSink('t', 2);
    const samples = await sampled();
    for (const sink of ['s', 't']) expect(theValue(samples, 'outbox.gaps', sink)).toBe(0);
    expect(theValue(samples, 'outbox.backlog', 't')).toBe(4);
    expect(theValue(samples, 'outbox.oldest_age', 's')).toBe(0);
  });

  test('tells of a transaction that is still open below what was published', async () => {
    const broker = recorder();
    const slow = await begin(log);
    await slow.enqueue(event('slow', 0), event('slow', 1));
    await commitEach(log, events(3));
    const relay = startTestRelay({ log, transport: broker.transport });
    const sink = 'redis-streams@events';
    const told = async (signal: SignalName) => theValue(await sampled(), signal, sink);
    try {
      while ((await log.rows('select from millrace.sink where not isempty(done)')).length === 0)
        expect(relay.status().state).not.toBe('failed');
      expect(await told('outbox.gaps')).toBe(2);
      expect(await told('outbox.lease_age')).toBe(0);
      await slow.commit();
      await drained(log);
      expect(await told('outbox.gaps')).toBe(0);
    } finally {
      await relay.close();
    }
    // The lease was given back, not lost; still nobody has it.
    expect(await told('outbox.lease_age')).toBeLessThan(30);
    await log.rows(`update millrace.sink set lease_until = clock_timestamp() - interval '1 hour'`);
    expect(await told('outbox.lease_age')).toBeCloseTo(3_600, -2);
  });

  test('tells of keys that are parked, of events that were given up, and of what inboxes set aside', async () => {
    await commitEach(log, events(3));
    await putSink('s', 3);
    const columns = 'id, event_id, topic, key, type, source, created_at';
    await log.rows(`insert into millrace.parked (sink, ${columns}) select 's', ${columns} from millrace.outbox where id < 3`);
    await log.rows(
      `insert into millrace.parked (sink, ${columns}) select 's', id + 10, event_id, topic, key, type, source, created_at from millrace.outbox where id < 3`,
    );
    await log.rows(
      `insert into millrace.parked (sink, ${columns}, published_at) select 's', ${columns}, now() from millrace.outbox where id = 3`,
    );
    await log.rows(
      `insert into millrace.dead_letter (sink, ${columns}, attempts, errors) select 's', ${columns}, 3, '[]' from millrace.outbox`,
    );
    await log.rows(`insert into millrace.inbox_parked select 'c', '', event_id, '{}' from millrace.outbox where id = 1`);
    const samples = await sampled();
    expect(theValue(samples, 'outbox.parked_keys', 's')).toBe(2);
    expect(theValue(samples, 'outbox.dead_letters', 's')).toBe(3);
    expect(theValue(samples, 'inbox.parked')).toBe(1);
  });

  test('is not counted further than the signals say, whatever lies there', async () => {
    await fill(10_500);
    await putSink('s', 0);
    const columns = 'id, event_id, topic, key, type, source, created_at';
    await log.rows(
      `insert into millrace.parked (sink, ${columns}) select 's', id, event_id, topic, id::text, type, source, created_at from millrace.outbox`,
    );
    await log.rows(
      `insert into millrace.dead_letter (sink, ${columns}, attempts, errors) select 's', ${columns}, 3, '[]' from millrace.outbox`,
    );
    await log.rows(`insert into millrace.inbox_parked select 'c', '', event_id, '{}' from millrace.outbox`);
    const samples = await sampled();
    expect(theValue(samples, 'outbox.parked_keys', 's')).toBe(5_000);
    expect(theValue(samples, 'outbox.dead_letters', 's')).toBe(10_000);
    expect(theValue(samples, 'inbox.parked')).toBe(10_000);
    expect([signals['outbox.parked_keys'].meaning, signals['outbox.dead_letters'].meaning, signals['inbox.parked'].meaning]).toEqual([
      ...[expect.stringContaining('5,000'), expect.stringContaining('10,000'), expect.stringContaining('10,000')],
    ]);
  });

  test.each(['outbox-dead-letters', 'inbox-parked'])('of bytes that are no text is shown all the same by the runbook %s', async (id) => {
    const bytes = String.raw`'\xff00fe'::bytea`;
    await putSink('s', 0);
    await log.rows(
      `insert into millrace.dead_letter (sink, id, event_id, topic, type, source, created_at, data, attempts, errors)
        values ('s', 1, millrace.uuid_v7(), 't', 'y', '/', now(), ${bytes}, 3, '[]')`,
    );
    await log.rows(
      `insert into millrace.inbox_parked values ('c', '', millrace.uuid_v7(), jsonb_build_object('data_base64', encode(${bytes}, 'base64')))`,
    );
    const runbook = await readFile(join(__dirname, '../../../docs/runbooks', `${id}.md`), 'utf8');
    const [row] = await log.rows<{ data: string }>(/^psql -xc "(.*)"$/m.exec(runbook)![1]!);
    expect(row!.data).toBe(String.raw`\377\000\376`);
  });

  test('tells by how much its oldest partition is over the retention', async () => {
    await commitEach(log, events(3));
    await log.rows('insert into millrace.skipped values (4, 1000001)');
    await log.rows("select setval('millrace.outbox_id', 1000000)");
    await putSink('s', 0);
    await age('<= 3', 8 * 86_400);
    expect(theValue(await sampled(), 'outbox.retention_held')).toBeCloseTo(86_400, -2);
    await age('<= 3', 6 * 86_400);
    expect(theValue(await sampled(), 'outbox.retention_held')).toBe(0);
  });
});

test('a look comes over one connection, and keeps it', async () => {
  await using look = openLook(log.database, topology);
  const sessions = async () =>
    log.rows<{ pid: number }>(
      "select pid from pg_stat_activity where application_name = 'millrace probe' and datname = current_database()",
    );
  const pids: number[][] = [];
  for (let round = 0; round < 3; round++) {
    await look.sample(new AbortController().signal);
    pids.push((await sessions()).map(({ pid }) => pid));
  }
  expect(pids[0]).toHaveLength(1);
  expect(pids).toEqual([pids[0], pids[0], pids[0]]);
});

test('a look touches few rows of a long log, however much waits and however many holes there are', async () => {
  await fill(100_000);
  await putSink('behind', 0);
  // Every second of the first 2,000 ids is a hole.
  const done = Array.from({ length: 1_000 }, (_, n) => `[${2 * n + 2},${2 * n + 3})`).join(',');
  await putSink('holes', 0, `{${done},[2002,100001)}`);
  await log.rows('analyze');
  await using look = openLook(log.database, topology);
  await look.sample(new AbortController().signal);
  const read = async () => {
    await log.rows('select pg_stat_clear_snapshot()');
    const [row] = await log.rows<{ scans: string; rows: string }>(
      `select sum(seq_tup_read)::text as scans, sum(coalesce(idx_tup_fetch, 0))::text as rows from pg_stat_user_tables where relname like 'outbox_%'`,
    );
    return { scanned: Number(row!.scans), fetched: Number(row!.rows) };
  };
  // A session hands in its counts when it is idle for a second, or ends.
  const before = await read();
  await look.sample(new AbortController().signal);
  await look[Symbol.asyncDispose]();
  const after = await read();
  expect(after.scanned - before.scanned).toBe(0);
  expect(after.fetched - before.fetched).toBeLessThan(10_000);
});

/** Rows as events make them, the quick way. */
async function fill(count: number): Promise<void> {
  await log.rows(
    `insert into millrace.outbox (id, event_id, topic, key, type, source, data)
      select nextval('millrace.outbox_id'), millrace.uuid_v7(), 't', (n % 1000)::text, 'happened', '/test', convert_to(repeat('x', 200), 'UTF8')
      from generate_series(1, $1) as n`,
    [count],
  );
}
