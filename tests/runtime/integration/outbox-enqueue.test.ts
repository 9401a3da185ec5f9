import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { hash32 } from '../../../runtime/src/hash.ts';
import { enqueue, type NewEvent } from '../../../runtime/src/outbox/enqueue.ts';
import { isUuidv7, uuidv7 } from '../../../runtime/src/outbox/uuid.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { begin, commitEach, event, openLog, type TestLog } from '../support/log.ts';
import { recorder } from '../support/recorder.ts';
import { startTestRelay } from '../support/relay.ts';
import { topologyOf } from './redis-streams-fixture.ts';

let postgres: TestPostgres;
let log: TestLog;

beforeAll(async () => {
  postgres = await startTestPostgres({ settings: { deadlock_timeout: '100ms' } });
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  log = await openLog(postgres);
});
afterEach(() => log.close());

const topology = topologyOf({ t: { tenantless: true, maxBytes: 100 }, tenants: { isolation: 'tenant' } });

async function refused(code: Parameters<typeof isMillraceError>[1], events: NewEvent[], says: RegExp): Promise<void> {
  const transaction = await begin(log);
  const failure = await enqueue(transaction.client, events, { topology }).then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  expect(failure).toMatchObject({ code, message: expect.stringMatching(says) });
  await transaction.client.query('select 1'); // the caller's transaction goes on
  await transaction.commit();
  expect(await log.rows('select 1 from millrace.outbox')).toEqual([]);
}

describe('enqueue refuses, with one sentence and nothing written,', () => {
  test('a client that is outside a transaction', async () => {
    const client = await log.open();
    await expect(enqueue(client, [event('k')])).rejects.toMatchObject({
      code: 'OUTBOX_NO_TRANSACTION',
      message: 'the client is not inside a transaction: call begin on this client before enqueue',
    });
  });
  test('a transaction whose end was sent and not waited for', async () => {
    const client = await log.open();
    await client.query('begin');
    const ending = client.query('rollback');
    await expect(enqueue(client, [event('k')])).rejects.toMatchObject({ code: 'OUTBOX_NO_TRANSACTION' });
    await ending;
    expect(await log.rows('select 1 from millrace.outbox')).toEqual([]);
  });
  test('a transaction that has failed', async () => {
    const client = await log.open();
    await client.query('begin');
    await client.query('select 1 / 0').catch(() => undefined);
    await expect(enqueue(client, [event('k')])).rejects.toMatchObject({ code: 'OUTBOX_NO_TRANSACTION', message: /has failed already/ });
  });
  test('bytes that are no JSON under a JSON content type', () =>
    refused('EVENT_INVALID', [event('k', 0, { data: Buffer.from('{') })], /no JSON/));
  test('a value where the content type wants bytes', () =>
    refused('EVENT_INVALID', [event('k', 0, { data: { a: 1 }, datacontenttype: 'application/avro' })], /must be bytes, got a object/));
  test('data that JSON cannot say', () =>
    refused('EVENT_INVALID', [event('k', 0, { data: () => 1 })], /must be a JSON value, got a function/));
  test('data above the limit of its topic', () =>
    refused('EVENT_TOO_LARGE', [event('k'), event('k', 1, { data: 'x'.repeat(99) })], /at most 100 bytes, got 101/));
  test('a topic that is not declared', () => refused('TOPIC_UNKNOWN', [event('k', 0, { topic: 'x' })], /declared are t, tenants/));
  test('an event without tenant on a topic of tenants', () =>
    refused('TENANT_REQUIRED', [event('k', 0, { topic: 'tenants' })], /pass tenantId/));
  test.each(['', '*', 'acme}:stream:chat:x', 'acme north', 'a/b'])('the tenant %j, who would not keep to one key', (tenantId) =>
    refused('EVENT_INVALID', [event('k', 0, { tenantId })], /tenantId must begin with a letter or digit and have only/),
  );
  test('an event without type', () => refused('EVENT_INVALID', [event('k', 0, { type: '' })], /type must be a non-empty string, got ""/));
  test('an id that is no UUIDv7', () =>
    refused('EVENT_INVALID', [event('k', 0, { id: '0b7d3b6e-6f0c-4d9e-8a51-0d8a5f6f2b11' })], /id must be a UUIDv7/));
  test.each([['Upper'], ['with-hyphen'], ['x'.repeat(21)], ['']])('extension %j', (name) =>
    refused('EVENT_INVALID', [event('k', 0, { extensions: { [name]: 'x' } })], /lower-case letters and digits/),
  );
  test.each([['id'], ['time'], ['data'], ['specversion'], ['traceparent']])('extension %s, which is an attribute', (name) =>
    refused('EVENT_INVALID', [event('k', 0, { extensions: { [name]: 'x' } })], /name of an attribute/),
  );
  test('an extension that is no string', () =>
    refused('EVENT_INVALID', [event('k', 0, { extensions: { attempt: 1 as unknown as string } })], /must be a string, got a number/));
});

test('the database itself refuses data above 16 MiB', async () => {
  const transaction = await begin(log);
  const big = Buffer.alloc(16 * 1024 * 1024 + 1);
  await expect(enqueue(transaction.client, [event('k', 0, { data: big, datacontenttype: 'application/x' })])).rejects.toMatchObject({
    code: 'EVENT_TOO_LARGE',
  });
  const insert = 'insert into millrace.outbox (id, event_id, topic, type, source, data) values (1, millrace.uuid_v7(), $1, $1, $1, $2)';
  await expect(transaction.client.query(insert, ['x', big])).rejects.toMatchObject({ code: '23514' });
  await transaction.rollback();
});

test('everything an event can carry reaches the broker, whatever formats the database has chosen', async () => {
  await log.rows(`alter database ${log.database} set bytea_output = 'escape'`);
  await log.rows(`alter database ${log.database} set datestyle = 'German'`);
  await log.rows(`alter database ${log.database} set timezone = 'Asia/Kathmandu'`);
  const full: NewEvent = {
    ...{ topic: 't', type: 'happened', source: '/test', key: 'schlüssel', subject: 's', tenantId: 'acme', actorId: 'ada', id: uuidv7() },
    ...{ dataschema: 'https://example.com/s', traceparent: '00-a-b-01', tracestate: 'x=1', extensions: { region: 'eu' } },
    ...{ datacontenttype: 'application/octet-stream', data: Buffer.from([0, 1, 92, 127, 128, 255]) },
  };
  const before = Date.now();
  await commitEach(log, [full]);
  const broker = recorder();
  const relay = startTestRelay({ log, transport: broker.transport });
  const [published] = await eventually(() => broker.events.length > 0 && broker.events, { what: 'it is published' });
  await relay.close();
  const { time, ...rest } = published!;
  expect(rest).toEqual({
    ...{ id: full.id, type: 'happened', source: '/test', partitionkey: 'schlüssel', subject: 's', tenantid: 'acme', actorid: 'ada' },
    ...{ dataschema: 'https://example.com/s', traceparent: '00-a-b-01', tracestate: 'x=1', extensions: { region: 'eu' } },
    ...{ datacontenttype: 'application/octet-stream', data: Buffer.from([0, 1, 92, 127, 128, 255]), sequence: '1' },
  });
  expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  expect(Math.abs(Date.parse(time) - before)).toBeLessThan(10_000);
});

describe('the SQL function', () => {
  test('writes from psql what enqueue writes', async () => {
    await commitEach(log, [event('42', 7, { subject: 's', tenantId: 'acme', actorId: 'ada', extensions: { region: 'eu' } })]);
    await psql(`select millrace.enqueue(topic => 't', type => 'happened', source => '/test', key => '42', subject => 's', tenant_id => 'acme',
      actor_id => 'ada', data => '{"n":7}', headers => '{"region": "eu"}')`);
    const [byEnqueue, bySql] = await log.rows('select * from millrace.outbox order by id');
    const common = ({ id: _, event_id: __, created_at: ___, ...row }: Record<string, unknown>) => row;
    expect(common(bySql!)).toEqual(common(byEnqueue!));
    expect(isUuidv7(bySql!.event_id as string)).toBe(true);
    expect(Math.abs(timeOf(bySql!.event_id as string) - Date.now())).toBeLessThan(60_000);
  });
  test('returns the id, and takes one', async () => {
    const id = uuidv7();
    expect((await psql(`select millrace.enqueue('t', 'x', '/x', event_id => '${id}')`)).trim()).toBe(id);
    expect(await log.rows('select data, datacontenttype, key from millrace.outbox')).toEqual([
      { data: null, datacontenttype: 'application/json', key: null },
    ]);
  });
  test.each([
    ['an id that no inbox could place', "event_id => '0b7d3b6e-6f0c-4d9e-8a51-0d8a5f6f2b11'"],
    ['headers that are no object', "headers => 'null'"],
    ['headers in a list', `headers => '["a"]'`],
  ])('refuses %s', async (_, argument) => {
    await expect(psql(`select millrace.enqueue('t', 'x', '/x', ${argument})`)).rejects.toThrow(/violates check constraint/);
  });
  test('may be given numbers as headers, which travel as texts', async () => {
    await psql(`select millrace.enqueue('t', 'x', '/x', headers => '{"attempt": 3, "flag": true}')`);
    const broker = recorder();
    await using _relay = startTestRelay({ log, transport: broker.transport });
    const [published] = await eventually(() => broker.events.length > 0 && broker.events, { what: 'it is published' });
    expect(published!.extensions).toEqual({ attempt: '3', flag: 'true' });
  });
  test('hashes as TypeScript does', async () => {
    const vectors = JSON.parse(readFileSync(join(__dirname, '../unit/hash-vectors.json'), 'utf8')) as Record<string, unknown> | unknown[];
    const texts = [...texts_(vectors), '', 'a', 'ü', '😀', 'x'.repeat(5_000), ...Array.from({ length: 200 }, () => uuidv7())];
    const rows = await log.rows<{ text: string; hash: string }>(
      'select text, millrace.hash(text) as hash from unnest($1::text[]) as text',
      [texts],
    );
    for (const { text, hash } of rows) expect([text, Number(hash)]).toEqual([text, hash32(text)]);
    expect(rows.length).toBe(texts.length);
  });
});

/** Every text in the committed vectors, whatever their form. */
function texts_(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(texts_);
  return value !== null && typeof value === 'object' ? [...Object.keys(value), ...Object.values(value).flatMap(texts_)] : [];
}

async function psql(sql: string): Promise<string> {
  const { stdout } = await promisify(execFile)('psql', ['-X', '-At', '-v', 'ON_ERROR_STOP=1', '-c', sql, log.url]);
  return stdout;
}

function timeOf(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}

const many = Array.from({ length: 65 }, (_, i) => `m${i}`);
const waitingSql = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
const someoneWaits = () => eventually(async () => (await log.rows(waitingSql)).length > 0, { what: 'a writer waits for its turn' });

describe('writers of one key take turns:', () => {
  test('a call with more than 64 keys waits for a writer of one of them', async () => {
    const [single, all] = [await begin(log), await begin(log)];
    await single.enqueue(event('m3', 0));
    const done = all.enqueue(...many.map((key) => event(key, 1))).then(() => all.commit());
    await someoneWaits();
    await single.commit();
    await done;
    expect(await order('m3')).toEqual([0, 1]);
  });
  test('and writers of one of them wait for it', async () => {
    const [all, single] = [await begin(log), await begin(log)];
    await all.enqueue(...many.map((key) => event(key, 0)));
    const done = single.enqueue(event('m3', 1)).then(() => single.commit());
    await someoneWaits();
    await all.commit();
    await done;
    expect(await order('m3')).toEqual([0, 1]);
  });
  test('writers of other keys do not wait', async () => {
    const [one, other] = [await begin(log), await begin(log)];
    await one.enqueue(event('a'));
    await other.enqueue(event('b'));
    await other.commit();
    await one.commit();
  });
  test('nor do writers that give up order, and calls whose events have no key', async () => {
    const [one, other] = [await begin(log), await begin(log)];
    await one.enqueue(event('a'));
    await enqueue(other.client, [event('a', 1)], { ordered: false });
    const { key: _, ...keyless } = event('a');
    await enqueue(other.client, [keyless]);
    await other.commit();
    await one.commit();
  });
  test('opposite orders of keys over several calls are an ordinary deadlock error', async () => {
    const [one, other] = [await begin(log), await begin(log)];
    await one.enqueue(event('a'));
    await other.enqueue(event('b'));
    const outcomes = await Promise.allSettled([
      one.enqueue(event('b')).finally(() => one.client.query('rollback')),
      other.enqueue(event('a')).finally(() => other.client.query('rollback')),
    ]);
    const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
    expect(failures).toEqual(['40P01']);
  });
  test('opposite orders within one call are no deadlock', async () => {
    const rounds = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? ['a', 'b', 'c'] : ['c', 'b', 'a']));
    await Promise.all(
      rounds.map((keys) =>
        commitEach(
          log,
          keys.map((key) => event(key)),
        ),
      ),
    );
    expect((await log.rows('select 1 from millrace.outbox')).length).toBe(120);
  });
});

async function order(key: string): Promise<number[]> {
  const rows = await log.rows<{ n: number }>(
    "select (convert_from(data, 'UTF8')::jsonb ->> 'n')::integer as n from millrace.outbox where key = $1 order by id",
    [key],
  );
  return rows.map((row) => row.n);
}
