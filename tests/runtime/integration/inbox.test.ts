import { Pool } from 'pg';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { once, take } from '../../../runtime/src/inbox/index.ts';
import { uuidv7 } from '../../../runtime/src/outbox/uuid.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { openLog, type TestLog } from '../support/log.ts';

let postgres: TestPostgres;
let log: TestLog;
let pool: Pool;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  log = await openLog(postgres);
  await log.rows('create table effect (id uuid, note text)');
  pool = new Pool({ connectionString: log.url, max: 16 });
  pool.on('error', () => undefined);
});
afterEach(async () => {
  await pool.end();
  await log.close();
});

interface Delivered {
  event: MillraceEvent;
  run: string;
  lease?: { scope: string; fence: bigint };
}

function delivery(id = uuidv7(), more: Partial<Delivered> = {}): Delivered {
  return { event: { id, source: '/test', type: 'happened', time: new Date().toISOString() }, run: '', ...more };
}

const apply =
  (note = '') =>
  async (client: { query(sql: string, values: unknown[]): Promise<unknown> }, event: MillraceEvent): Promise<void> => {
    await client.query('insert into effect values ($1, $2)', [event.id, note]);
  };
const effects = () => log.rows<{ id: string; note: string }>('select * from effect');

/** A version 7 identifier of an instant. */
function idAt(at: Date): string {
  const time = at.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
}
const daysFromNow = (days: number) => new Date(Date.now() + days * 86_400_000);

test('many deliveries of one event at once have one effect', async () => {
  const same = delivery();
  const taken = await Promise.all(Array.from({ length: 16 }, () => once(pool, 'stock', same, apply())));
  expect(taken.sort()).toEqual([...Array.from({ length: 15 }, () => 'duplicate'), 'new']);
  expect((await effects()).length).toBe(1);
});

test('a delivery waits for the other that has it in hand, and applies it when that one fails', async () => {
  const same = delivery();
  let fail: (() => void) | undefined;
  const first = once(pool, 'stock', same, async (client, event) => {
    await apply()(client, event);
    await new Promise((_, reject) => {
      fail = () => reject(new Error('crashed'));
    });
  });
  first.catch(() => undefined);
  const crash = await eventually(() => fail, { what: 'the first is at it' });
  const second = once(pool, 'stock', same, apply('second'));
  crash();
  await expect(first).rejects.toThrow('crashed');
  expect(await second).toBe('new');
  expect(await effects()).toMatchObject([{ note: 'second' }]);
});

test('an effect that throws leaves nothing, and the next delivery applies it', async () => {
  const same = delivery();
  const failing = once(pool, 'stock', same, async (client, event) => {
    await apply()(client, event);
    throw new Error('no stock');
  });
  await expect(failing).rejects.toThrow('no stock');
  expect(await effects()).toEqual([]);
  expect(await once(pool, 'stock', same, apply())).toBe('new');
});

test('an effect that goes on after a failed statement does not count as applied', async () => {
  const same = delivery();
  const swallowing = once(pool, 'stock', same, async (client, event) => {
    await apply()(client, event);
    await client.query('select 1 / 0').catch(() => undefined);
  });
  await expect(swallowing).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
  expect(await effects()).toEqual([]);
  expect(await once(pool, 'stock', same, apply())).toBe('new');
});

test('each consumer has its own account, and so has each replay', async () => {
  const same = delivery();
  expect(await once(pool, 'stock', same, apply())).toBe('new');
  expect(await once(pool, 'mail', same, apply())).toBe('new');
  expect(await once(pool, 'stock', { ...same, run: 'replay-1' }, apply())).toBe('new');
  expect(await once(pool, 'stock', { ...same, run: 'replay-1' }, apply())).toBe('duplicate');
  expect(await once(pool, 'stock', { ...same, run: 'replay-2' }, apply())).toBe('new');
});

test('the loss of the server in the middle of an effect is an error of that delivery, not of the process', async () => {
  const broken = once(pool, 'stock', delivery(), async (client) => {
    await log.rows("select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'");
    await client.query('select 1');
  });
  await expect(broken).rejects.toThrow();
  expect(await once(pool, 'stock', delivery(), apply())).toBe('new');
});

describe('a superseded holder', () => {
  const held = (fence: bigint, scope = 'stream:{t:0}') => delivery(uuidv7(), { lease: { scope, fence } });

  test('is refused, leaves nothing, and its event is taken from the new one', async () => {
    expect(await once(pool, 'stock', held(7n), apply())).toBe('new');
    expect(await once(pool, 'stock', held(8n), apply())).toBe('new');
    const late = held(7n);
    await expect(once(pool, 'stock', late, apply())).rejects.toMatchObject({ code: 'CONSUMER_LEASE_LOST' });
    expect((await effects()).length).toBe(2);
    expect(await once(pool, 'stock', { ...late, lease: held(8n).lease! }, apply())).toBe('new');
  });
  test('still holds other shards, and other consumers do not mind', async () => {
    await once(pool, 'stock', held(8n), apply());
    expect(await once(pool, 'stock', held(7n, 'stream:{t:1}'), apply())).toBe('new');
    expect(await once(pool, 'mail', held(7n), apply())).toBe('new');
  });
  test('is not one who reads live while a replay has newer leases', async () => {
    await once(pool, 'stock', { ...held(100n), run: '' }, apply());
    expect(await once(pool, 'stock', { ...held(200n), run: 'replay-1' }, apply())).toBe('new');
    expect(await once(pool, 'stock', { ...held(100n), run: '' }, apply())).toBe('new');
  });
  test('in the middle of an effect ends first: the new one waits for it', async () => {
    await once(pool, 'stock', held(7n), apply());
    const old = await log.open();
    await old.query('begin');
    expect(await take(old, 'stock', held(7n))).toBe('new');
    const next = once(pool, 'stock', held(8n), apply('new holder'));
    await eventually(
      async () =>
        (await log.rows("select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")).length > 0,
      {
        what: 'the new one waits',
      },
    );
    await old.query('commit');
    expect(await next).toBe('new');
  });
  test('many deliveries of one holder at once do not stand in each other’s way', async () => {
    const taken = await Promise.all(Array.from({ length: 16 }, () => once(pool, 'stock', held(9n), apply())));
    expect(new Set(taken)).toEqual(new Set(['new']));
  });
  test('whose successor comes with several deliveries at once lets all of them through: they do not wait for each other', async () => {
    const old = await log.open();
    await once(pool, 'stock', held(1n), apply());
    await old.query('begin');
    await take(old, 'stock', held(1n));
    const next = [1, 2].map(() => once(pool, 'stock', held(2n), apply()));
    await eventually(
      async () =>
        (await log.rows("select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")).length === 2,
      { what: 'both wait' },
    );
    await old.query('commit');
    expect(await Promise.all(next)).toEqual(['new', 'new']);
  });
});

describe('the days of the inbox', () => {
  test('an event older than they reach is parked whole and not applied', async () => {
    const old = delivery(idAt(daysFromNow(-60)));
    const withData = { ...old, event: { ...old.event, data: Buffer.from([0, 255]), tenantid: 'acme' } };
    expect(await once(pool, 'stock', withData, apply())).toBe('expired');
    expect(await once(pool, 'stock', withData, apply())).toBe('expired');
    expect(await effects()).toEqual([]);
    const rows = await log.rows<{ event: object }>('select event from millrace.inbox_parked');
    expect(rows).toEqual([{ event: { ...old.event, tenantid: 'acme', data_base64: 'AP8=' } }]);
  });
  test('meet at midnight UTC without a hole', async () => {
    const midnight = new Date(new Date().setUTCHours(0, 0, 0, 0));
    const last = delivery(idAt(new Date(midnight.getTime() - 1)).replace('7000-8000-000000000000', '7fff-bfff-ffffffffffff'));
    for (const each of [last, delivery(idAt(midnight))]) {
      expect(await once(pool, 'stock', each, apply())).toBe('new');
      expect(await once(pool, 'stock', each, apply())).toBe('duplicate');
    }
    const partitions = await log.rows('select distinct tableoid::regclass::text as name from millrace.inbox');
    expect(partitions.length).toBe(2);
  });
  test('that nobody has made ahead are made when they are reached, where no relay runs beside the inbox', async () => {
    // Ten days without upkeep: the partitions end six days ago.
    const stale = await log.rows<{ name: string }>(
      "select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'millrace.inbox'::regclass and c.relname > 'inbox_' || to_char(now() - interval '6 days', 'YYYYMMDD')",
    );
    for (const { name } of stale) await log.rows(`drop table millrace.${name}`);
    const past = idAt(daysFromNow(-3));
    const deliveries = [delivery(), delivery(past), delivery(past)];
    const taken = await Promise.all(deliveries.map((each) => once(pool, 'stock', each, apply())));
    expect(taken.sort()).toEqual(['duplicate', 'new', 'new']);
    expect(await once(pool, 'stock', delivery(idAt(daysFromNow(-60))), apply())).toBe('expired');
  });
  test('do not come back once they were dropped: whether their events were applied is not known any more', async () => {
    const [oldest] = await log.rows<{ name: string }>(
      "select min(c.relname::text) as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'millrace.inbox'::regclass",
    );
    await log.rows(`drop table millrace.${oldest!.name}`);
    expect(await once(pool, 'stock', delivery(idAt(daysFromNow(-32))), apply())).toBe('expired');
  });
  test('that are detached and not dropped yet count as gone', async () => {
    const day = daysFromNow(-20).toISOString().slice(0, 10).replaceAll('-', '');
    await log.rows(`alter table millrace.inbox detach partition millrace.inbox_${day}`);
    expect(await once(pool, 'stock', delivery(idAt(daysFromNow(-20))), apply())).toBe('expired');
    expect(await once(pool, 'stock', delivery(idAt(daysFromNow(-19))), apply())).toBe('new');
  });
  test('an event from the far future is parked as well', async () => {
    expect(await once(pool, 'stock', delivery(idAt(daysFromNow(400))), apply())).toBe('expired');
  });
});

test('boundaries in SQL are those of RFC 9562', async () => {
  const at = new Date('2026-11-21T06:30:15.123Z');
  const [row] = await log.rows('select millrace.uuid_floor($1) as floor, millrace.uuid_time($2) as time, millrace.uuid_v7($1) as id', [
    at,
    idAt(at),
  ]);
  expect(row!.floor).toBe(`${idAt(at).slice(0, 13)}-0000-0000-000000000000`);
  expect((row!.time as Date).toISOString()).toBe(at.toISOString());
  expect(row!.id).toMatch(new RegExp(`^${idAt(at).slice(0, 13)}-7[0-9a-f]{3}-[89ab]`));
});
