import { type ClientBase, Pool } from 'pg';
import { onceForAll, type TakenDelivery, take, takeAll } from '../../../runtime/src/inbox/index.ts';
import { uuidv7 } from '../../../runtime/src/outbox/uuid.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { openLog, type TestLog } from '../support/log.ts';

let postgres: TestPostgres;
let log: TestLog;
let pool: Pool;

beforeAll(async () => {
  postgres = await startTestPostgres();
  log = await openLog(postgres);
  await log.rows('create table effect (consumer text, id uuid)');
  pool = new Pool({ connectionString: log.url, max: 16 });
  pool.on('error', () => undefined);
});
afterAll(async () => {
  await pool.end();
  await log.close();
  await postgres.stop();
});

function delivery(id = uuidv7(), more: Partial<TakenDelivery> = {}): TakenDelivery {
  return { event: { id, source: '/test', type: 'happened', time: new Date().toISOString() }, run: '', ...more };
}
const deliveries = (count: number, more: Partial<TakenDelivery> = {}) => Array.from({ length: count }, () => delivery(uuidv7(), more));
const held = (scope: string, fence: bigint) => ({ lease: { scope, fence } });
const daysAgo = (days: number): string => {
  const time = (Date.now() - days * 86_400_000).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${uuidv7().slice(-12)}`;
};

/** One insert for the whole batch. */
const apply =
  (consumer: string) =>
  async (client: ClientBase, fresh: readonly TakenDelivery[]): Promise<void> => {
    await client.query('insert into effect select $1, unnest($2::uuid[])', [consumer, fresh.map(({ event }) => event.id)]);
  };
const takeIn = (consumer: string, batch: readonly TakenDelivery[]) => onceForAll(pool, consumer, batch, apply(consumer));
const effects = async (consumer: string) =>
  (await log.rows<{ id: string }>('select id from effect where consumer = $1 order by id', [consumer])).map(({ id }) => id);
const waiting = async () =>
  (await log.rows("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")).length;

describe('a batch', () => {
  test('has each of its effects once, and a second time none: the effect is not even called', async () => {
    const batch = deliveries(50);
    expect(await takeIn('plain', batch)).toEqual(Array(50).fill('new'));
    const never = jest.fn();
    expect(await onceForAll(pool, 'plain', batch, never)).toEqual(Array(50).fill('duplicate'));
    expect(never).not.toHaveBeenCalled();
    expect(await effects('plain')).toEqual(batch.map(({ event }) => event.id).sort());
  });
  test('of nothing does nothing', async () => {
    expect(await takeIn('nothing', [])).toEqual([]);
  });
  test('gives the effect the new deliveries alone, in their order, and the answers in the order of all', async () => {
    const [a, b, c, d] = deliveries(4) as [TakenDelivery, TakenDelivery, TakenDelivery, TakenDelivery];
    await takeIn('mixed', [b]);
    let given: readonly TakenDelivery[] = [];
    const old = delivery(daysAgo(60));
    const taken = await onceForAll(pool, 'mixed', [d, b, old, a, d, c], async (client, fresh) => {
      given = fresh;
      await apply('mixed')(client, fresh);
    });
    expect(taken).toEqual(['new', 'duplicate', 'expired', 'new', 'duplicate', 'new']);
    expect(given).toEqual([d, a, c]);
    expect(await effects('mixed')).toEqual([a, b, c, d].map(({ event }) => event.id).sort());
    const parked = await log.rows("select event_id, event from millrace.inbox_parked where consumer = 'mixed'");
    expect(parked).toEqual([{ event_id: old.event.id, event: old.event }]);
  });
  test('of one delivery is as one delivery', async () => {
    const [only] = deliveries(1, held('stream:{t:0}', 5n)) as [TakenDelivery];
    expect(await takeIn('one', [only])).toEqual(['new']);
    expect(await takeIn('one', [only])).toEqual(['duplicate']);
    expect(await takeIn('one', [delivery(daysAgo(60))])).toEqual(['expired']);
  });
  test('and single deliveries know of each other', async () => {
    const batch = deliveries(3);
    const client = await log.open();
    expect(await take(client, 'both', batch[1]!)).toBe('new');
    expect(await takeAll(client, 'both', batch)).toEqual(['new', 'duplicate', 'new']);
    expect(await take(client, 'both', batch[2]!)).toBe('duplicate');
  });
  test('is taken in again by each replay, and may not mix them', async () => {
    const batch = deliveries(2);
    const replayed = batch.map((each) => ({ ...each, run: 'replay-1' }));
    expect(await takeIn('runs', batch)).toEqual(['new', 'new']);
    expect(await takeIn('runs', replayed)).toEqual(['new', 'new']);
    expect(await takeIn('runs', replayed)).toEqual(['duplicate', 'duplicate']);
    await expect(takeIn('runs', [batch[0]!, replayed[1]!])).rejects.toMatchObject({ code: 'HANDLER_FAILED', message: /one run/ });
  });
  test('spans the days of its identifiers, also those that nobody has made ahead and one that is detached', async () => {
    const other = await openLog(postgres);
    const ids = [uuidv7(), daysAgo(1), daysAgo(5), daysAgo(20), daysAgo(5)];
    const day = new Date(Date.now() - 20 * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
    await other.rows(`alter table millrace.inbox detach partition millrace.inbox_${day}`);
    const made = await other.rows<{ name: string }>(
      "select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'millrace.inbox'::regclass and c.relname >= 'inbox_' || to_char(now() at time zone 'UTC', 'YYYYMMDD')",
    );
    for (const { name } of made) await other.rows(`drop table millrace.${name}`);
    const batch = ids.map((id) => delivery(id));
    expect(await takeAll(await other.open(), 'days', batch)).toEqual(['new', 'new', 'new', 'expired', 'new']);
    expect(await takeAll(await other.open(), 'days', batch)).toEqual(['duplicate', 'duplicate', 'duplicate', 'expired', 'duplicate']);
    await other.close();
  });
  test('names its events and shards safely, whatever is in them', async () => {
    const scope = 'tenant:{a"b\\c\'d},e}:stream:t';
    expect(await takeIn("o'neil", deliveries(2, held(scope, 3n)))).toEqual(['new', 'new']);
    await expect(takeIn("o'neil", deliveries(2, held(scope, 2n)))).rejects.toMatchObject({ code: 'CONSUMER_LEASE_LOST' });
    const two = `${uuidv7()},${uuidv7()}`;
    await expect(takeIn("o'neil", [delivery(two), delivery()])).rejects.toMatchObject({ code: '22P02' });
  });
});

describe('a batch that fails', () => {
  test('leaves nothing, and the next one that holds its events applies them', async () => {
    const batch = deliveries(10);
    const failing = onceForAll(pool, 'failing', batch, async (client, fresh) => {
      await apply('failing')(client, fresh);
      throw new Error('no stock');
    });
    await expect(failing).rejects.toThrow('no stock');
    expect(await effects('failing')).toEqual([]);
    expect(await takeIn('failing', batch)).toEqual(Array(10).fill('new'));
  });
  test('in a statement whose error was swallowed does not count as applied', async () => {
    const batch = deliveries(2);
    const swallowing = onceForAll(pool, 'swallowing', batch, async (client, fresh) => {
      await apply('swallowing')(client, fresh);
      await client.query('select 1 / 0').catch(() => undefined);
    });
    await expect(swallowing).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
    expect(await takeIn('swallowing', batch)).toEqual(['new', 'new']);
  });
});

describe('a superseded holder', () => {
  const batchOf = (...leases: [scope: string, fence: bigint][]) => leases.flatMap(([scope, fence]) => deliveries(3, held(scope, fence)));

  test('of one of the shards is refused the whole batch, and the other shards do not suffer', async () => {
    await takeIn('shards', batchOf(['s0', 7n], ['s1', 9n]));
    const late = batchOf(['s0', 7n], ['s1', 8n]);
    const before = await effects('shards');
    await expect(takeIn('shards', late)).rejects.toMatchObject({ code: 'CONSUMER_LEASE_LOST', message: /s0 or s1/ });
    expect(await effects('shards')).toEqual(before);
    expect(await takeIn('shards', late.slice(0, 3))).toEqual(['new', 'new', 'new']);
    await expect(takeIn('shards', late.slice(3))).rejects.toMatchObject({ code: 'CONSUMER_LEASE_LOST' });
  });
  test('is found out inside one batch, too, when part of it was read under an older lease', async () => {
    await expect(takeIn('within', batchOf(['s0', 7n], ['s0', 8n]))).rejects.toMatchObject({ code: 'CONSUMER_LEASE_LOST' });
    expect(await takeIn('within', batchOf(['s0', 7n]))).toEqual(['new', 'new', 'new']);
  });
  test('in the middle of an effect ends first: the batch of the new one waits for it', async () => {
    const old = await log.open();
    await takeIn('middle', batchOf(['s0', 7n]));
    await old.query('begin');
    expect(await takeAll(old, 'middle', batchOf(['s0', 7n]))).toEqual(['new', 'new', 'new']);
    const next = takeIn('middle', batchOf(['s0', 8n]));
    await eventually(async () => (await waiting()) === 1, { what: 'the new one waits' });
    await old.query('commit');
    expect(await next).toEqual(['new', 'new', 'new']);
  });
});

describe('batches at once', () => {
  test('that hold the same events in opposite orders do not wait for each other in a circle', async () => {
    const [a, middle, b] = deliveries(3).sort((one, other) => (one.event.id < other.event.id ? -1 : 1)) as [
      TakenDelivery,
      TakenDelivery,
      TakenDelivery,
    ];
    const holder = await log.open();
    await holder.query('begin');
    await take(holder, 'opposite', middle);
    const first = takeIn('opposite', [a, middle, b]);
    await eventually(async () => (await waiting()) === 1, { what: 'the first has taken the lowest and waits' });
    const second = takeIn('opposite', [b, a]);
    await eventually(async () => (await waiting()) === 2, { what: 'the second waits, too' });
    await holder.query('rollback');
    expect(await first).toEqual(['new', 'new', 'new']);
    expect(await second).toEqual(['duplicate', 'duplicate']);
  });
  test('of the same events have each effect once', async () => {
    const batch = deliveries(100);
    const taken = await Promise.all(Array.from({ length: 8 }, () => takeIn('same', batch)));
    expect(taken.flat().filter((each) => each === 'new').length).toBe(100);
    expect(await effects('same')).toEqual(batch.map(({ event }) => event.id).sort());
  });
  test('of a new holder of several shards, named in opposite orders, all get through', async () => {
    await takeIn('fences', [...deliveries(1, held('s0', 1n)), ...deliveries(1, held('s1', 1n))]);
    const batches = Array.from({ length: 8 }, (_, i) => {
      const both = [...deliveries(5, held('s0', 2n)), ...deliveries(5, held('s1', 2n))];
      return i % 2 === 0 ? both : both.toReversed();
    });
    const taken = await Promise.all(batches.map((batch) => takeIn('fences', batch)));
    expect(new Set(taken.flat())).toEqual(new Set(['new']));
  });
  test('of services of the version before, which send literals to the single function, go on working beside them', async () => {
    const id = uuidv7();
    expect(await log.rows(`select millrace.take('before', '', '${id}', 's0', '7') as taken`)).toEqual([{ taken: 'new' }]);
    expect(await takeIn('before', [delivery(id, held('s0', 7n))])).toEqual(['duplicate']);
  });
});
