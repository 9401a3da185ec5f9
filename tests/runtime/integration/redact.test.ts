import { setTimeout } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { CreateBucketCommand, GetObjectCommand, ListObjectVersionsCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import type { Client } from 'pg';
import { type LoadedBinding, wrap } from '../../../runtime/src/binding/index.ts';
import { connectRedis, type RedisConnection } from '../../../runtime/src/connections/redis/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { openArchive } from '../../../runtime/src/retention/archive/open.ts';
import { restore } from '../../../runtime/src/retention/archive/restore.ts';
import type { ArchiveStore } from '../../../runtime/src/retention/archive/store.ts';
import { ensureArchived } from '../../../runtime/src/retention/archive/write.ts';
import { cutLog } from '../../../runtime/src/retention/log/cut.ts';
import { filledPartitions } from '../../../runtime/src/retention/log/partitions.ts';
import { endRedaction, openRedactions, type RedactOptions, redact } from '../../../runtime/src/retention/redact/index.ts';
import { liftedIn } from '../../../runtime/src/retention/redact/lifted.ts';
import * as streams from '../../../runtime/src/retention/redact/redis.ts';
import * as tables from '../../../runtime/src/retention/redact/tables.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { begin, commitEach, event, openLog, type TestLog } from '../support/log.ts';
import { topologyOf } from './redis-streams-fixture.ts';

jest.mock('../../../runtime/src/retention/redact/tables.ts', () => {
  const actual = jest.requireActual('../../../runtime/src/retention/redact/tables.ts');
  return { ...actual, redactLog: jest.fn(actual.redactLog) };
});

jest.mock('../../../runtime/src/retention/redact/redis.ts', () => {
  const actual = jest.requireActual('../../../runtime/src/retention/redact/redis.ts');
  return { ...actual, redactRedis: jest.fn(actual.redactRedis) };
});

const topology = topologyOf({
  t: { shards: 2, consumers: [{ group: 'g' }] },
  'audit.logs': {},
  chat: { isolation: 'tenant' },
});

let postgres: TestPostgres;
let redis: TestRedis;
let moto: Moto;
let objects: S3Client;
let log: TestLog;
let client: Client;
let archive: ArchiveStore;
let bucket: string;
let binding: LoadedBinding;
let events: RedisConnection;
let buckets = 0;

beforeAll(async () => {
  [postgres, redis, moto] = await Promise.all([startTestPostgres(), startTestRedis(), startMoto()]);
  Object.assign(process.env, moto.env);
  objects = new S3Client({ endpoint: moto.endpoint, forcePathStyle: true });
  const service: BoundService = {
    ...{ kind: 'redis', role: 'events', endpoints: [{ purpose: 'primary', host: redis.host, port: redis.port }] },
    auth: { mode: 'password', secretRef: { from: 'env', id: 'REDIS_PASSWORD' } },
  };
  binding = wrap({ events: service }, { env: { REDIS_PASSWORD: redis.password } });
  events = await connectRedis(binding.service('events'));
});
afterAll(async () => {
  await events.close();
  objects.destroy();
  await Promise.all([postgres.stop(), redis.stop(), moto.stop()]);
});
beforeEach(async () => {
  log = await openLog(postgres);
  client = await log.open();
  bucket = `redact-${++buckets}`;
  await objects.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }));
  await objects.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  archive = await openArchive(`s3://${bucket}/`, '/');
});
afterEach(async () => {
  await events.client.flushall();
  archive.close();
  await log.close();
});

function run(sought: RedactOptions['sought'], more: Partial<RedactOptions> = {}) {
  return redact({ client, binding, topology, archive }, { sought, by: 'officer', reason: 'ticket 7', ...more });
}

const secret = 'Geheim-Straße 5';

function of(tenantId: string, actorId: string, n: number) {
  return event(`customer-${actorId}`, n, {
    tenantId,
    actorId,
    subject: `order of ${actorId}`,
    data: { n, address: secret, tenantId, actorId },
  });
}

/** Old events in the archive, newer ones in the log, one parked, one given up, one set aside by the inbox. */
async function everyPlace(): Promise<void> {
  await commitEach(log, [of('acme', 'ann', 0), of('other', 'bob', 0), of('acme', 'carl', 0)]);
  await log.rows("update millrace.outbox set created_at = created_at - interval '2 days'");
  await cutLog(client, 7);
  const [partition] = await filledPartitions(client);
  await ensureArchived(client, archive, partition!, new AbortController().signal);
  await commitEach(log, [of('acme', 'ann', 1), of('other', 'bob', 1), of('acme', 'carl', 1)]);
  await log.rows("insert into millrace.sink (name) values ('s')");
  await log.rows(`insert into millrace.parked select 's', o.*, 1, '[{"error": "${secret}"}]' from millrace.outbox o where id > 1000000`);
  await log.rows(
    `insert into millrace.dead_letter select 's', o.*, 1, '[{"error": "${secret}"}]' from millrace.outbox o where id > 1000000`,
  );
  await log.rows(
    `insert into millrace.inbox_parked select 'c', '', event_id, jsonb_build_object('id', event_id, 'tenantid', tenant_id, 'actorid', actor_id,
       'subject', subject, 'data_base64', encode(data, 'base64')) from millrace.outbox where id > 1000000`,
  );
}

/** Everything that the schema holds, as text, data as the text it is; without what names the tenant by design. */
async function everything(): Promise<string> {
  const texts: string[] = [];
  for (const table of ['outbox', 'parked', 'dead_letter', 'inbox_parked', 'redaction']) {
    const rows = await log.rows<{ row: Record<string, unknown> }>(`select to_jsonb(t) as row from millrace.${table} t`);
    texts.push(...rows.map(({ row }) => `${table} ${JSON.stringify(row)} ${hexText(row.data)}`));
  }
  return `${texts.join('\n')}\n${await archivedText()}`;
}

function hexText(data: unknown): string {
  return typeof data === 'string' ? Buffer.from(data.slice(2), 'hex').toString('utf8') : '';
}

/** Every version of every object. */
async function archivedText(): Promise<string> {
  const { Versions = [] } = await objects.send(new ListObjectVersionsCommand({ Bucket: bucket }));
  const bodies = await Promise.all(
    Versions.map(async ({ Key, VersionId }) => {
      const { Body } = await objects.send(new GetObjectCommand({ Bucket: bucket, Key, VersionId }));
      const bytes = Buffer.from(await Body!.transformToByteArray());
      return Key!.endsWith('.gz') ? gunzipSync(bytes).toString('utf8') : bytes.toString('utf8');
    }),
  );
  return bodies.join('\n');
}

const untouched = "select o::text as row from millrace.outbox o where tenant_id = 'other' order by id";

test('a tenant: nothing it said is left in table or archive, others are untouched, the events stay and are marked', async () => {
  await everyPlace();
  const others = await log.rows(untouched);
  expect(await everything()).toContain('ann');
  const outcome = await run({ tenant: 'acme' });
  expect(outcome.remains).toEqual([]);
  expect(outcome.counts).toMatchObject({ outbox_1000001: 2, parked: 2, dead_letter: 2, inbox_parked: 2, 'archive outbox_1000001': 2 });
  const text = await everything();
  for (const gone of ['ann', 'carl']) expect(text).not.toContain(gone);
  expect(text.split('\n').filter((line) => line.includes('acme') && line.includes(secret))).toEqual([]);
  expect(await log.rows(untouched)).toEqual(others);
  expect((await archivedText()).split('\n').filter((line) => line.includes(secret)).length).toBe(1);
  const [row] = await log.rows("select data, headers, key, subject from millrace.outbox where tenant_id = 'acme' order by id limit 1");
  expect(row).toEqual({
    data: null,
    headers: { redacted: outcome.redaction },
    key: expect.stringMatching(/^redacted-[0-9a-f]{24}$/),
    subject: expect.stringMatching(/^redacted-/),
  });
  expect(await log.rows('select sought, salt from millrace.redaction')).toEqual([{ sought: null, salt: null }]);
});

test('pseudonyms are the same in log and archive, so that the order of a key can still be followed', async () => {
  await everyPlace();
  await run({ tenant: 'acme' });
  const keys = await log.rows<{ key: string }>(
    "select key from millrace.outbox where tenant_id = 'acme' and type = 'happened' order by id",
  );
  expect(keys[0]).toEqual(keys[2]);
  expect(keys[1]).toEqual(keys[3]);
  expect(await archivedText()).toContain(`"partitionkey":"${keys[0]!.key}"`);
});

test('it is itself an event, asked for in the transaction of the first change, and completed in the end', async () => {
  await everyPlace();
  const { redaction } = await run({ tenant: 'acme', actor: 'ann' });
  const told = await log.rows(
    "select type, topic, tenant_id, actor_id, convert_from(data, 'UTF8')::jsonb as data from millrace.outbox where type like 'millrace.%' order by id",
  );
  expect(told).toMatchObject([
    {
      type: 'millrace.redaction.requested',
      topic: 'audit.logs',
      tenant_id: 'acme',
      actor_id: 'officer',
      data: { redaction, actor: true, reason: 'ticket 7' },
    },
    { type: 'millrace.redaction.completed', data: { redaction, counts: { outbox_1000001: 1 }, remains: [] } },
  ]);
  const [first] = await log.rows(
    "select x.xmin = r.xmin as same from millrace.parked x, millrace.outbox r where x.data is null and r.type like '%requested'",
  );
  expect(first).toEqual({ same: true });
  // A second redaction of the tenant leaves what tells of the first.
  await run({ tenant: 'acme' });
  expect((await log.rows("select 1 from millrace.outbox where type like 'millrace.%' and data is not null")).length).toBe(4);
});

test('a person: only the events it caused, and only the texts that name it', async () => {
  await everyPlace();
  await run({ tenant: 'acme', actor: 'ann' });
  const text = await everything();
  expect(text).not.toContain('"ann"');
  expect(text).toContain('carl');
  expect(text).toContain('bob');
  expect(await log.rows("select actor_id from millrace.outbox where tenant_id = 'acme' and data is null")).toEqual([
    { actor_id: expect.stringMatching(/^redacted-/) },
    { actor_id: expect.stringMatching(/^redacted-/) },
  ]);
  await run({ tenant: 'acme', subject: 'order of carl' });
  expect(await everything()).not.toContain('order of carl');
});

test('topics can be chosen, and a dry run counts without a change', async () => {
  await everyPlace();
  const before = await everything();
  expect((await run({ tenant: 'acme' }, { dryRun: true })).counts).toMatchObject({
    outbox: 4,
    parked: 2,
    dead_letter: 2,
    inbox_parked: 2,
    'archive outbox_1000001': 2,
  });
  expect((await run({ tenant: 'acme', topics: ['chat'] }, { dryRun: true })).counts).toMatchObject({ outbox: 0, parked: 0 });
  expect(await everything()).toEqual(before);
});

test('one that was interrupted is taken up again under its id, and asked for once', async () => {
  await everyPlace();
  jest.mocked(tables.redactLog).mockRejectedValueOnce(new Error('killed'));
  await expect(run({ tenant: 'acme' })).rejects.toThrow('killed');
  const [open] = await log.rows<{ id: string }>('select id from millrace.redaction where completed_at is null');
  expect((await run({ tenant: 'acme' })).redaction).toBe(open!.id);
  expect((await log.rows("select 1 from millrace.outbox where type = 'millrace.redaction.requested'")).length).toBe(1);
  expect(await everything()).not.toContain('carl');
});

test('an archive that is interrupted between manifest and the removal of old parts is cleared by the next run', async () => {
  await everyPlace();
  const purge = archive.purge.bind(archive);
  jest.spyOn(archive, 'purge').mockRejectedValueOnce(new Error('killed'));
  await expect(run({ tenant: 'acme' })).rejects.toThrow('killed');
  expect(await archivedText()).toContain('carl');
  archive.purge = purge;
  await run({ tenant: 'acme' });
  expect(await archivedText()).not.toContain('carl');
  await client.query('alter table millrace.outbox detach partition millrace.outbox_1000001');
  await client.query('drop table millrace.outbox_1000001');
  await log.rows('update millrace.sink set low = 3');
  const range = { from: new Date(0), to: new Date(Date.now() + 1e9), keepUntil: new Date() };
  expect(await restore(client, archive, range)).toMatchObject([{ rows: 3 }]);
});

test('one that was interrupted and is never asked for again in the same words is told of, and goes on or ends by its id', async () => {
  await everyPlace();
  for (const actor of ['ann', 'carl']) {
    jest.mocked(tables.redactLog).mockRejectedValueOnce(new Error('killed'));
    await expect(run({ tenant: 'acme', actor })).rejects.toThrow('killed');
  }
  const [ann, carl] = await openRedactions(client);
  const other = await run({ tenant: 'other', topics: ['t'] });
  expect(other.remains.filter(({ where }) => where === 'millrace.redaction').map(({ sentence }) => sentence)).toEqual([
    expect.stringContaining(`--resume ${ann!.id} or --end ${ann!.id}`),
    expect.stringContaining(carl!.id),
  ]);
  expect((await run(undefined, { resume: ann!.id })).redaction).toBe(ann!.id);
  expect(await log.rows("select 1 from millrace.outbox where actor_id = 'ann'")).toEqual([]);
  await endRedaction({ client, binding, topology, archive }, carl!.id, { by: 'officer' });
  expect((await log.rows("select 1 from millrace.outbox where actor_id = 'carl'")).length).toBe(2);
  expect(await openRedactions(client)).toEqual([]);
  expect(await log.rows('select 1 from millrace.redaction where sought is not null or salt is not null')).toEqual([]);
  expect((await log.rows("select 1 from millrace.outbox where type = 'millrace.redaction.ended'")).length).toBe(1);
  await expect(run(undefined, { resume: carl!.id })).rejects.toMatchObject({ code: 'REDACTION_INVALID', message: /open are none/ });
});

test('one that is told to stop ends between two steps, says how it goes on, and does', async () => {
  await everyPlace();
  const stop = new AbortController();
  stop.abort();
  await expect(run({ tenant: 'acme' }, { signal: stop.signal })).rejects.toMatchObject({ code: 'REDACTION_STOPPED', message: /--resume/ });
  expect(await everything()).toContain('carl');
  const [open] = await openRedactions(client);
  await run(undefined, { resume: open!.id });
  expect(await everything()).not.toContain('carl');
});

test('settings that could not be brought back keep it open', async () => {
  jest.mocked(tables.redactLog).mockRejectedValueOnce(new Error('killed'));
  await expect(run({ tenant: 'acme' })).rejects.toThrow('killed');
  const [open] = await openRedactions(client);
  const lifted = liftedIn(client, open!.id);
  await lifted.note('search entities-000001', { 'index.blocks.write': 'true' });
  const { remains, redaction } = await run({ tenant: 'acme' });
  expect(redaction).toBe(open!.id);
  expect(remains).toEqual([{ where: 'search entities-000001', sentence: expect.stringMatching(/could not be brought back/) }]);
  await lifted.forget('search entities-000001');
  expect((await run({ tenant: 'acme' })).remains).toEqual([]);
  expect(await openRedactions(client)).toEqual([]);
});

test('a person who is named in the key is found by it; a source goes when it is what is sought', async () => {
  const more = { tenantId: 'acme', actorId: 'shop', subject: 'order 1', data: { address: secret } };
  await commitEach(log, [event('ann', 0, more), event('ann', 1, { ...more, source: 'ann' }), event('bob', 2, more)]);
  expect((await run({ tenant: 'acme', key: 'ann' })).counts).toMatchObject({ outbox_1000001: 2 });
  const rows = await log.rows("select key, source, subject, data is null as gone from millrace.outbox where type = 'happened' order by id");
  const pseudonym = expect.stringMatching(/^redacted-[0-9a-f]{24}$/);
  expect(rows).toEqual([
    { key: pseudonym, source: '/test', subject: 'order 1', gone: true },
    { key: pseudonym, source: pseudonym, subject: 'order 1', gone: true },
    { key: 'bob', source: '/test', subject: 'order 1', gone: false },
  ]);
});

test('what looks like a redaction is redacted: a type, a marker, or a name that begins like a pseudonym', async () => {
  await commitEach(log, [
    event('k', 0, { tenantId: 'acme', type: 'millrace.redaction.note', data: { secret } }),
    event('k', 1, { tenantId: 'acme', subject: 'redacted-ann' }),
    { topic: 't', type: 'happened', source: '/test', key: 'k', tenantId: 'acme', extensions: { redacted: 'no', email: 'annmail' } },
  ]);
  await run({ tenant: 'acme' });
  await run({ tenant: 'acme' });
  const rows = await log.rows("select data, key, subject, headers from millrace.outbox where source = '/test' order by id");
  expect(rows.map(({ data }) => data)).toEqual([null, null, null]);
  for (const { key } of rows) expect(key).toMatch(/^redacted-/);
  expect(JSON.stringify(rows)).not.toMatch(/ann|email/);
});

test('a choice of topics leaves what the inbox has set aside, and tells of it', async () => {
  await everyPlace();
  expect((await run({ tenant: 'acme', topics: ['t'] })).remains).toEqual([
    {
      where: 'millrace.inbox_parked',
      sentence: '2 events that the inbox has set aside know no topic: redact without --topic to reach them',
    },
  ]);
});

test('events of transactions that were open are waited for', async () => {
  const open = await begin(log);
  await open.enqueue(of('acme', 'late', 0));
  const [outcome] = await Promise.all([run({ tenant: 'acme' }), setTimeout(500).then(open.commit)]);
  expect(outcome.remains).toEqual([]);
  expect(await log.rows("select data, headers from millrace.outbox where type = 'happened'")).toEqual([
    { data: null, headers: { redacted: outcome.redaction } },
  ]);
  expect(await everything()).not.toContain('late');
});

describe('streams', () => {
  const add = (key: string, tenantid: string, n: number) =>
    events.client.xadd(key, '*', 'id', `${n}`, 'type', 'happened', 'tenantid', tenantid, 'data', secret);

  test('lose entries that every group has acknowledged, and dead letters; what a group still needs is told of and stays', async () => {
    const key = 'stream:{t:0}';
    for (let n = 0; n < 6; n++) await add(key, n % 2 === 0 ? 'acme' : 'other', n);
    await events.client.xgroup('CREATE', key, 'g', '0');
    const read = (await events.client.xreadgroup('GROUP', 'g', 'c', 'COUNT', 4, 'STREAMS', key, '>')) as [string, [string, string[]][]][];
    const ids = read[0]![1].map(([id]) => id);
    await events.client.xack(key, 'g', ids[0]!, ids[1]!);
    await add(`${key}:dead:g`, 'acme', 9);
    await add(`${key}:dead:g`, 'other', 9);
    await add('tenant:{acme}:stream:chat', 'acme', 1);
    const outcome = await run({ tenant: 'acme' });
    expect(outcome.counts).toMatchObject({ 'events t': 2, 'events chat': 1 });
    expect(outcome.remains).toEqual([
      { where: 'events', sentence: '2 events of t are not acknowledged by group g: run it again when they are' },
    ]);
    expect(await events.client.xlen(key)).toBe(5);
    expect(await events.client.xlen(`${key}:dead:g`)).toBe(1);
    expect(await events.client.xlen('tenant:{acme}:stream:chat')).toBe(0);
    await events.client.xreadgroup('GROUP', 'g', 'c', 'COUNT', 4, 'STREAMS', key, '>');
    const pending = (await events.client.xpending(key, 'g', '-', '+', 100)) as [string][];
    await events.client.xack(key, 'g', ...pending.map(([id]) => id));
    expect((await run({ tenant: 'acme' })).remains).toEqual([]);
    expect(await events.client.xlen(key)).toBe(3);
  });
  test('lose what a relay had read before and published afterwards', async () => {
    const actual = jest.requireActual<typeof streams>('../../../runtime/src/retention/redact/redis.ts');
    jest.mocked(streams.redactRedis).mockImplementationOnce(async (...args) => {
      const first = await actual.redactRedis(...args);
      await add('tenant:{acme}:stream:chat', 'acme', 1);
      return first;
    });
    expect((await run({ tenant: 'acme' })).counts).toMatchObject({ 'events chat': 1 });
    expect(await events.client.xlen('tenant:{acme}:stream:chat')).toBe(0);
  });
  test('that cannot be reached, and Kafka, remain, and the rest is done', async () => {
    await everyPlace();
    const away = wrap(
      { events: { ...binding.document.services.events!, endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: 1 }] } },
      { env: { REDIS_PASSWORD: 'x' } },
    );
    const kafka = {
      ...topology,
      topics: {
        ...topology.topics,
        k: { ...topology.topics.t!, transports: [{ kind: 'kafka' as const, service: 'log', phase: 'live' as const }] },
      },
    };
    const { remains } = await redact({ client, binding: away, topology: kafka, archive }, { sought: { tenant: 'acme' }, by: 'officer' });
    expect(remains.map(({ where }) => where)).toEqual(['events', 'log k']);
    expect(remains[1]!.sentence).toMatch(/by \d{4}-\d\d-\d\dT/);
    expect(await everything()).not.toContain('carl');
  }, 30_000);
});

describe('it is refused', () => {
  test('without saying who asks for it, unless it only counts', async () => {
    await expect(run({ tenant: 'acme' }, { by: undefined })).rejects.toMatchObject({ code: 'REDACTION_INVALID', message: /give --by/ });
    expect((await run({ tenant: 'acme' }, { by: undefined, dryRun: true })).counts).toMatchObject({ outbox: 0 });
  });
  test.each<[string, RedactOptions['sought'], string | undefined, RegExp]>([
    ['without saying whose events', {}, undefined, /give --tenant/],
    ['with an empty text', { tenant: '' }, undefined, /give --tenant/],
    ['without a topic for its own events', { tenant: 'acme' }, 'nowhere', /topic nowhere is not in the topology/],
    ['for a person of no tenant, where its own events belong to tenants', { actor: 'ann' }, undefined, /give --tenant too/],
  ])('%s', async (_, sought, auditTopic, message) => {
    await expect(run(sought, { auditTopic })).rejects.toMatchObject({ code: 'REDACTION_INVALID', message });
    expect(await log.rows('select 1 from millrace.redaction')).toEqual([]);
  });
});
