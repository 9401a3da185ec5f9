import { Client, Pool } from 'pg';
import { take } from '../../../runtime/src/inbox/index.ts';
import { enqueue, type NewEvent } from '../../../runtime/src/outbox/enqueue.ts';
import { guarded, guardedPg } from '../../../runtime/src/outbox/executors/guarded.ts';
import { uuidv7 } from '../../../runtime/src/outbox/uuid.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { type Connected, type InTransaction, libraries } from '../support/database-libraries.ts';
import { commitEach, event, openLog, type TestLog } from '../support/log.ts';

let postgres: TestPostgres;
let log: TestLog;

beforeAll(async () => {
  postgres = await startTestPostgres();
  log = await openLog(postgres);
  await log.rows('create table business (id integer primary key)');
});
afterAll(async () => {
  await log.close();
  await postgres.stop();
});
beforeEach(() => emptyTables());

const emptyTables = () => log.rows('with o as (delete from millrace.outbox), i as (delete from millrace.inbox) delete from business');
const events = async () => (await log.rows<{ key: string }>('select key from millrace.outbox order by id')).map(({ key }) => key);
const business = async () => (await log.rows<{ id: number }>('select id from business order by id')).map(({ id }) => id);
const insert = (id: number) => `insert into business values (${id})`;
const delivery = () => ({ run: '', event: { id: uuidv7(), source: '/test', type: 'happened', time: new Date().toISOString() } });

describe.each(Object.entries(libraries))('enqueue in a transaction of %s', (name, connect) => {
  let library: Connected;
  beforeAll(async () => {
    library = await connect(log.url);
  });
  afterAll(() => library?.close());
  const other = async (work: (tx: InTransaction) => Promise<void>): Promise<void> => {
    const second = await connect(log.url);
    await second.transaction(work).finally(() => second.close());
  };

  test('commits with the business change, whichever is written first', async () => {
    await library.transaction(async ({ joined, run }) => {
      await run(insert(1));
      await enqueue(joined, [event('after the row')]);
    });
    await library.transaction(async ({ joined, run }) => {
      await enqueue(joined, [event('before the row')]);
      await run(insert(2));
    });
    expect([await events(), await business()]).toEqual([
      ['after the row', 'before the row'],
      [1, 2],
    ]);
  });

  test('is rolled back with it', async () => {
    for (const first of [true, false]) {
      const failing = library.transaction(async ({ joined, run }) => {
        if (first) await enqueue(joined, [event('never')]);
        await run(insert(1));
        if (!first) await enqueue(joined, [event('never')]);
        throw new Error('changed its mind');
      });
      await expect(failing).rejects.toThrow('changed its mind');
    }
    expect([await events(), await business()]).toEqual([[], []]);
  });

  test('is refused for a handle that is in none, and for one whose transaction has ended', async () => {
    const refusal = { code: 'OUTBOX_NO_TRANSACTION', message: expect.stringMatching(/: (pass|call) /) };
    await expect(enqueue(library.outside(), [event('never')])).rejects.toMatchObject(refusal);
    await expect(enqueue(library.outside(), [])).rejects.toMatchObject(refusal);
    let ended: InTransaction['joined'] | undefined;
    await library.transaction(async ({ joined, run }) => {
      await run(insert(1));
      ended = joined;
    });
    // Some libraries refuse to use it themselves; what counts is that nothing is written.
    await expect(enqueue(ended!, [event('never')])).rejects.toThrow();
    expect([await events(), await business()]).toEqual([[], [1]]);
  });

  test('leaves with a part that is rolled back to its savepoint, and with nothing else', async () => {
    await library.transaction(async (tx) => {
      await enqueue(tx.joined, [event('outer')]);
      const part = tx.nested(async (inner) => {
        await inner.run(insert(1));
        await enqueue(inner.joined, [event('part')]);
        throw new Error('not this part');
      });
      await expect(part).rejects.toThrow('not this part');
      await tx.nested((inner) => enqueue(inner.joined, [event('kept part')]).then(() => undefined));
    });
    expect([await events(), await business()]).toEqual([['outer', 'kept part'], []]);
  });

  test('writes many events with everything they can carry, as a client of pg does', async () => {
    const all = Array.from({ length: 300 }, (_, i) => everything(i));
    await library.transaction(async ({ joined }) => {
      expect(await enqueue(joined, all, { source: '/default' })).toHaveLength(all.length);
    });
    const written = await log.rows(rowsSql);
    await emptyTables();
    await commitEach(
      log,
      all.map((one) => ({ source: '/default', ...one })),
    );
    expect(written).toHaveLength(all.length);
    expect(written).toEqual(await log.rows(rowsSql));
  });

  test('keeps the order of a key: a second writer waits for the first', async () => {
    let second: Promise<void> | undefined;
    await library.transaction(async ({ joined, run }) => {
      await run(insert(1));
      await enqueue(joined, [event('k', 0), event('k', 1)]);
      second = other(async (tx) => void (await enqueue(tx.joined, [event('k', 2)])));
      await eventually(async () => (await log.rows(waitingSql)).length > 0, { what: 'the second writer waits' });
      await enqueue(joined, [event('k', 3)]);
    });
    await second;
    const rows = await log.rows<{ n: string }>("select convert_from(data, 'UTF8')::json->>'n' as n from millrace.outbox order by id");
    expect(rows.map(({ n }) => n)).toEqual(['0', '1', '3', '2']);
  });

  test('says that the transaction has failed already', async () => {
    let refusal: unknown;
    const failing = library.transaction(async ({ joined, run }) => {
      await run(insert(1));
      await run('select 1 / 0').catch(() => undefined);
      refusal = await enqueue(joined, [event('never')]).catch((error: unknown) => error);
      throw new Error('as every caller should');
    });
    await expect(failing).rejects.toThrow();
    expect(refusal).toMatchObject({
      code: 'OUTBOX_NO_TRANSACTION',
      message: expect.stringMatching(/^the transaction has failed already: /),
    });
    expect([await events(), await business()]).toEqual([[], []]);
  });

  test('does not hide other failures of the database', async () => {
    const failing = library.transaction(async ({ joined, run }) => {
      await run(insert(1));
      await enqueue(joined, [event('k', 0, { data: Buffer.alloc(16 * 1024 * 1024 + 1), datacontenttype: 'application/x' })]).catch((e) => {
        expect(e).toMatchObject({ code: 'EVENT_TOO_LARGE' });
      });
      await enqueue(joined, [event('zero \0')]); // PostgreSQL has no such text
    });
    await expect(failing).rejects.not.toMatchObject({ code: 'OUTBOX_NO_TRANSACTION' });
    expect([await events(), await business()]).toEqual([[], []]);
  });

  test(`take joins it too (${name})`, async () => {
    const [kept, undone] = [delivery(), delivery()];
    await library.transaction(async ({ joined, run }) => {
      expect(await take(joined, name, kept)).toBe('new');
      await run(insert(1));
    });
    const failing = library.transaction(async ({ joined }) => {
      expect(await take(joined, name, kept)).toBe('duplicate');
      expect(await take(joined, name, undone)).toBe('new');
      throw new Error('an effect failed');
    });
    await expect(failing).rejects.toThrow('an effect failed');
    await library.transaction(async ({ joined }) => expect(await take(joined, name, undone)).toBe('new'));
    expect(await log.rows('select event_id from millrace.inbox order by event_id')).toEqual(
      [kept, undone].map(({ event: { id } }) => ({ event_id: id })),
    );
  });
});

const waitingSql = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
const rowsSql = `select event_id, topic, key, type, source, subject, tenant_id, actor_id, data, datacontenttype, headers
  from millrace.outbox order by id`;

/** Texts that look like the notation of lists, of parameters or of quotes, and all bytes. */
const awkward = ['plain', 'a,b', '{c}', '"d"', "e'f", '\\g', 'null', 'NULL', 'h\ni', '$1', '?', ' ü€😀 ', '\\x00'];

function everything(i: number): NewEvent {
  const text = awkward[i % awkward.length]!;
  const base = { topic: 't', type: 'happened', key: `${text}-${i % 7}`, id: uuidv7() };
  if (i % 3 === 0) return base;
  const all = { source: `/s/${text}`, subject: text, tenantId: 'acme', actorId: text, dataschema: text, tracestate: 'x=1' };
  const extensions = { region: text };
  if (i % 3 === 1) return { ...base, ...all, extensions, data: { text, list: [i, null] } };
  const data = Buffer.from(Array.from({ length: 256 + i }, (_, at) => (at + i) % 256));
  return { ...base, ...all, datacontenttype: 'application/octet-stream', data };
}

describe('what the server vouches for cannot be fooled by a handle that calls itself a transaction:', () => {
  test('statements on a pool, which commit by themselves, write nothing', async () => {
    const pool = new Pool({ connectionString: log.url, max: 1 });
    const claims = guarded({
      wayOut: 'no way',
      isOpen: () => true,
      query: async (sql, values) => (await pool.query(sql, [...values])).rows,
    });
    for (let i = 0; i < 3; i++) await expect(enqueue(claims, [event('never')])).rejects.toMatchObject({ code: 'OUTBOX_NO_TRANSACTION' });
    await expect(take(claims, 'never', delivery())).rejects.toMatchObject({ code: 'OUTBOX_NO_TRANSACTION' });
    await pool.end();
    expect(await log.rows('select event_id from millrace.outbox union all select event_id from millrace.inbox')).toEqual([]);
  });
  test('a client of pg that does not know its state, as before 8.21, is asked', async () => {
    const client = new Client({ connectionString: log.url });
    await client.connect();
    const old = Object.assign(client, { getTransactionStatus: () => null }) as unknown as Client;
    await expect(enqueue(old, [event('never')])).rejects.toMatchObject({
      code: 'OUTBOX_NO_TRANSACTION',
      message: 'each statement of the handle commits by itself: call begin on this client before enqueue',
    });
    await client.query('begin');
    await enqueue(old, [event('old')]);
    await client.query('commit');
    await client.end();
    expect(await events()).toEqual(['old']);
  });
  test('a call costs one round trip, and two when it is the first that writes', async () => {
    const client = await log.open();
    const sent: string[] = [];
    const query = client.query.bind(client) as (sql: string, values?: unknown[]) => Promise<never>;
    const counted = guardedPg(
      {
        query: (sql: string, values: unknown[]) => {
          sent.push(sql);
          return query(sql, values);
        },
      } as unknown as Client,
      '',
    );
    await client.query('begin');
    await enqueue(counted, [event('first')]);
    expect(sent.splice(0)).toHaveLength(2);
    await enqueue(counted, [event('second')]);
    expect(sent.splice(0)).toHaveLength(1);
    await client.query('commit');
    await client.end();
  });
});
