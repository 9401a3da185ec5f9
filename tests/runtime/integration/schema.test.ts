import { setTimeout as delay } from 'node:timers/promises';
import { migrate, migrationSql, migrationStatus, requireMigrated } from '../../../runtime/src/schema/migrate.ts';
import { makePartitions } from '../../../runtime/src/schema/partitions.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { begin, commitEach, drained, event, logAt, openLog, type TestLog } from '../support/log.ts';
import { versions } from '../support/migrations.ts';
import { recorder } from '../support/recorder.ts';
import { startTestRelay } from '../support/relay.ts';

let postgres: TestPostgres;
const logs: TestLog[] = [];

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
afterEach(async () => {
  await Promise.all(logs.splice(0).map((log) => log.close()));
});

async function emptyDatabase(): Promise<TestLog> {
  const log = logAt(await postgres.createDatabase());
  logs.push(log);
  return log;
}
async function migrated(): Promise<TestLog> {
  const log = await openLog(postgres);
  logs.push(log);
  return log;
}

describe('migrations', () => {
  test('of several processes at once are applied once', async () => {
    const log = await emptyDatabase();
    const clients = await Promise.all(Array.from({ length: 4 }, () => log.open()));
    const applied = await Promise.all(clients.map((client) => migrate(client)));
    expect(applied.flat()).toEqual(versions);
    expect(await migrationStatus(clients[0]!)).toEqual({ applied: versions, pending: [] });
  });
  test('are pending on an empty database, and a relay says what to run', async () => {
    const log = await emptyDatabase();
    const client = await log.open();
    expect(await migrationStatus(client)).toEqual({ applied: [], pending: versions });
    await expect(requireMigrated(client)).rejects.toMatchObject({ code: 'MIGRATION_PENDING', message: /run millrace migrate/ });
    const relay = startTestRelay({ log, transport: recorder().transport });
    await expect(relay.stopped).rejects.toMatchObject({ code: 'MIGRATION_PENDING' });
    expect(relay.status().state).toBe('failed');
  });
  test('that were changed afterwards are refused', async () => {
    const log = await migrated();
    await log.rows("update millrace.migration set checksum = 'other'");
    await expect(migrate(await log.open())).rejects.toMatchObject({ code: 'MIGRATION_CHANGED', message: /other content/ });
  });
  test('of a newer package do not stop this one: they only add', async () => {
    const log = await migrated();
    await log.rows("insert into millrace.migration (version, checksum) values (999999, 'x')");
    await requireMigrated(await log.open());
    expect(await migrate(await log.open())).toEqual([]);
  });
  test('that fail half-way leave nothing', async () => {
    const log = await emptyDatabase();
    await log.rows('create schema millrace');
    await log.rows('create table millrace.inbox_parked (in_the_way integer)');
    const client = await log.open();
    await expect(migrate(client)).rejects.toMatchObject({ code: '42P07' });
    expect(
      await log.rows("select relname from pg_class where relnamespace = 'millrace'::regnamespace and relkind in ('r', 'p', 'S')"),
    ).toEqual([{ relname: 'inbox_parked' }]);
    await log.rows('drop table millrace.inbox_parked');
    expect(await migrate(client)).toEqual(versions);
  });
  test('as SQL say the same as migrate does', async () => {
    const [one, other] = [await migrated(), await emptyDatabase()];
    await other.rows(await migrationSql());
    expect(await shape(other)).toEqual(await shape(one));
    expect(await migrate(await other.open())).toEqual([]);
  });
});

/** Everything in the schema, by definition. */
async function shape(log: TestLog): Promise<unknown> {
  return [
    await log.rows(
      `select c.relname, c.relkind, c.reloptions::text, pg_get_expr(c.relpartbound, c.oid) as bound, a.attname, format_type(a.atttypid, a.atttypmod) as type,
        a.attnotnull, pg_get_expr(d.adbin, d.adrelid) as "default" from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum where c.relnamespace = 'millrace'::regnamespace order by 1, a.attnum`,
    ),
    await log.rows(
      "select conname, pg_get_constraintdef(oid) as definition from pg_constraint where connamespace = 'millrace'::regnamespace order by 1, 2",
    ),
    await log.rows("select pg_get_functiondef(oid) as definition from pg_proc where pronamespace = 'millrace'::regnamespace order by 1"),
    await log.rows('select version, checksum from millrace.migration'),
  ];
}

describe('partitions', () => {
  test('are made ahead without holding up writers behind an open transaction', async () => {
    const log = await migrated();
    const open = await begin(log);
    await open.enqueue(event('open'));
    await log.rows("select setval('millrace.outbox_id', 3500000)");
    let slowestMs = 0;
    let writing = true;
    const writers = Promise.all(
      Array.from({ length: 3 }, async (_, i) => {
        while (writing) {
          const startedAt = performance.now();
          await commitEach(log, [event(`w${i}`)]);
          slowestMs = Math.max(slowestMs, performance.now() - startedAt);
        }
      }),
    );
    const client = await log.open();
    const { made, headroom } = await makePartitions(client);
    await delay(200);
    writing = false;
    await writers;
    expect(made).toBeGreaterThanOrEqual(3);
    expect(headroom).toBeGreaterThanOrEqual(4_000_000 - 10_000);
    expect(slowestMs).toBeLessThan(1_500);
    await open.commit();
  });
  test('made the usual way would hold them up, which shows that the measurement can fail', async () => {
    const log = await migrated();
    const open = await begin(log);
    await open.enqueue(event('open'));
    const maker = await log.open();
    const making = maker.query('create table millrace.usual partition of millrace.outbox for values from (9000001) to (9000002)');
    making.catch(() => undefined);
    await eventually(async () => (await log.rows("select 1 from pg_stat_activity where wait_event_type = 'Lock'")).length > 0, {
      what: 'the maker waits',
    });
    const writer = commitEach(log, [event('w')]);
    expect(await Promise.race([writer.then(() => 'written'), delay(500, 'waits')])).toBe('waits');
    await open.commit();
    await Promise.all([making, writer]);
  });
  test('are made once by several makers at once', async () => {
    const log = await migrated();
    const clients = await Promise.all(Array.from({ length: 6 }, () => log.open()));
    const made = await Promise.all(clients.map((client) => makePartitions(client, { headroom: 8_000_000, span: 1_000_000 })));
    expect(made.reduce((sum, each) => sum + each.made, 0)).toBe(4);
    expect(new Set(made.map(({ headroom }) => headroom))).toEqual(new Set([8_000_000]));
  });
  test('give up on a lock that lasts, with the error of the lock', async () => {
    const log = await migrated();
    const blocker = await log.open();
    await blocker.query('begin; lock table millrace.outbox in share update exclusive mode');
    await expect(makePartitions(await log.open(), { headroom: 9_000_000 })).rejects.toMatchObject({ code: '55P03' });
    await blocker.query('rollback');
  });
  test('are crossed under load without a gap in what is published', async () => {
    const log = await migrated();
    const client = await log.open();
    await makePartitions(client);
    await log.rows("select setval('millrace.outbox_id', 1000000 - 150)");
    const broker = recorder();
    const relay = startTestRelay({ log, transport: broker.transport, pageSize: 20 });
    await Promise.all(Array.from({ length: 6 }, (_, w) => commitEach(log, ...Array.from({ length: 60 }, (_, n) => [event(`w${w}`, n)]))));
    await drained(log);
    await relay.close();
    for (let w = 0; w < 6; w++) {
      expect(broker.published().filter((name) => name.startsWith(`w${w}#`))).toEqual(Array.from({ length: 60 }, (_, n) => `w${w}#${n}`));
    }
    expect((await log.rows('select distinct tableoid from millrace.outbox')).length).toBe(2);
  });
  test('run out with an error for the writer, and nothing is lost once there are new ones', async () => {
    const log = await migrated();
    await log.rows("select setval('millrace.outbox_id', 4000000)");
    await expect(commitEach(log, [event('k', 0)])).rejects.toMatchObject({ code: '23514' });
    await makePartitions(await log.open());
    await commitEach(log, [event('k', 0)]);
    const broker = recorder();
    const relay = startTestRelay({ log, transport: broker.transport });
    await drained(log);
    expect(relay.status().headroom).toBeGreaterThan(3_900_000);
    await relay.close();
    expect(broker.published()).toEqual(['k#0']);
  });
});

test('a relay keeps the partitions made ahead, and says how many ids are left', async () => {
  const log = await migrated();
  await log.rows("select setval('millrace.outbox_id', 3900000)");
  await using relay = startTestRelay({ log, transport: recorder().transport });
  await eventually(() => (relay.status().headroom ?? 0) >= 4_000_000, { what: 'there is headroom' });
});
