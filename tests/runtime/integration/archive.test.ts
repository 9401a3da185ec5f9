import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { awsFailure } from '../../../runtime/src/aws/failure.ts';
import { sha256 } from '../../../runtime/src/hash.ts';
import { listDrafts } from '../../../runtime/src/retention/archive/drafts.ts';
import { fromLine, toLine } from '../../../runtime/src/retention/archive/line.ts';
import { type Manifest, writeManifest } from '../../../runtime/src/retention/archive/manifest.ts';
import { openArchive } from '../../../runtime/src/retention/archive/open.ts';
import { linesOf } from '../../../runtime/src/retention/archive/part-reader.ts';
import { restore } from '../../../runtime/src/retention/archive/restore.ts';
import type { ArchiveStore } from '../../../runtime/src/retention/archive/store.ts';
import { ensureArchived } from '../../../runtime/src/retention/archive/write.ts';
import { cutLog } from '../../../runtime/src/retention/log/cut.ts';
import { filledPartitions } from '../../../runtime/src/retention/log/partitions.ts';
import { logRetention } from '../../../runtime/src/retention/log/retention.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { begin, commitEach, drained, event, openLog, sinkRow, type TestLog } from '../support/log.ts';
import { recorder } from '../support/recorder.ts';
import { plainTopology, startTestRelay } from '../support/relay.ts';

const never = new AbortController().signal;
const topology = { ...plainTopology, retention: { outboxDays: 7, inboxDays: 32 } };
const day = 86_400_000;
const everything = { from: new Date(0), to: new Date(Date.now() + day), keepUntil: new Date(Date.now() + day) };

let postgres: TestPostgres;
let moto: Moto;
let folder: TestFolder;
let objects: S3Client;
let log: TestLog;
let buckets = 0;

beforeAll(async () => {
  [postgres, moto, folder] = await Promise.all([startTestPostgres(), startMoto(), testFolder('archive')]);
  Object.assign(process.env, moto.env);
  objects = new S3Client({ endpoint: moto.endpoint, forcePathStyle: true });
});
afterAll(async () => {
  objects.destroy();
  await Promise.all([postgres.stop(), moto.stop(), folder.remove()]);
});
beforeEach(async () => {
  log = await openLog(postgres);
});
afterEach(() => log.close());

async function bucket({ versions = false } = {}): Promise<string> {
  const Bucket = `archive-${++buckets}`;
  await objects.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }));
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  if (versions) await objects.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
  return Bucket;
}

/** Every way in which a row may look: JSON as JavaScript writes it and otherwise, bytes, nothing, headers of all kinds, other scripts. */
async function oddRows(): Promise<void> {
  await commitEach(log, [
    event('plain', 0, { tenantId: 'acme', actorId: 'ann', subject: 'order 1', extensions: { color: 'red' }, traceparent: '00-a-b-01' }),
    event('ключ', 1, { data: { два: '2', emoji: '🚂', n: 1.5, deep: { z: [null, true, { b: 1, a: 2 }] } } }),
    event('bytes', 2, { data: Buffer.from([0, 255, 10, 13]), datacontenttype: 'application/octet-stream' }),
    event('spaced', 3, { data: Buffer.from('{ "a" : 1.0,\n "a": 2 }') }),
    event('none', 4, { data: undefined }),
    event('empty', 5, { data: Buffer.alloc(0), datacontenttype: 'text/plain' }),
    event('null', 6, { data: Buffer.from('null') }),
  ]);
  await log.rows(
    `select millrace.enqueue(topic => 'odd topic', type => 'x', source => '/s', headers => '{"n": 1.10, "Upper": "x", "topic": "y"}')`,
  );
  await log.rows(
    `select millrace.enqueue(topic => 't', type => 'x', source => '/s', data => '{"a": 1}', datacontenttype => null, headers => '{}')`,
  );
}

const all = 'select o::text as row from millrace.outbox o order by id';

/** Closes the partition in use, with events of ten days ago. */
async function fillPartition(): Promise<void> {
  await log.rows("update millrace.outbox set created_at = created_at - interval '10 days' where created_at > now() - interval '9 days'");
  expect(await cutLog(await log.open(), 7)).toBeGreaterThan(0);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function publishAll(): Promise<string[]> {
  const broker = recorder();
  const relay = startTestRelay({ log, transport: broker.transport });
  await drained(log);
  await relay.close();
  await log.rows("update millrace.sink set marks = '[]'");
  return broker.events.map((published) => published.id);
}

const janitor = (archive: ArchiveStore) => logRetention({ service: 'database', openClient: log.open, topology, archive }).run(never);

async function storesOf(): Promise<ArchiveStore[]> {
  return [await openArchive(`s3://${await bucket()}/some/prefix/`, '/'), await openArchive(`folder-${++buckets}/`, folder.path)];
}

test('a line gives the row again, byte for byte', async () => {
  await oddRows();
  const { rows } = await (await log.open()).query(
    `select id, event_id, topic, key, type, source, subject, tenant_id, actor_id, data, datacontenttype, headers::text as headers,
      to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at from millrace.outbox order by id`,
  );
  for (const row of rows) {
    const line = toLine(row);
    const again = fromLine(line);
    expect({ ...again, headers: again.headers && JSON.parse(again.headers) }).toEqual({
      ...row,
      headers: row.headers && JSON.parse(row.headers),
    });
    expect(JSON.parse(line)).toMatchObject({ specversion: '1.0', id: row.event_id, millracetopic: row.topic, sequence: row.id });
  }
  expect(toLine(rows[0])).toContain('"data":{"n":0}');
  expect(toLine(rows[3])).toContain('"data_base64"');
});

test('lines of a part end at line feeds alone, wherever its bytes are cut', async () => {
  const store = await openArchive(`folder-${++buckets}/`, folder.path);
  // A carriage return is a blank of JSON; the others are what JSON.stringify leaves as it is.
  const lines = ['{"a":1,\r"b":2}', '{"t":"line\u2028par\u2029next\u0085"}', JSON.stringify({ t: 'ж'.repeat(300_000) }), '{}'];
  const body = gzipSync(lines.map((line) => `${line}\n`).join(''));
  const part = { object: 'part-00000.ndjson.gz', rows: 4, bytes: body.byteLength, sha256: sha256(body), firstId: 1, lastId: 4 };
  await store.write('p/part-00000.ndjson.gz', body, part.sha256);
  const read: string[] = [];
  for await (const line of linesOf(store, 'p/', part)) read.push(line);
  expect(read).toEqual(lines);
});

describe('a partition that leaves the log', () => {
  test('is archived first, in S3 and in a folder, and comes back as it was', async () => {
    for (const store of await storesOf()) {
      await log.close();
      log = await openLog(postgres);
      await oddRows();
      await fillPartition();
      const before = await log.rows(all);
      await commitEach(log, [event('new', 0)]);
      await publishAll();
      expect((await janitor(store)).details).toMatchObject({ archived: ['outbox_1000001'], dropped: ['outbox_1000001'] });
      expect((await log.rows(all)).length).toBe(1);
      expect((await store.list('log/')).map((key) => key.split('/').slice(2).join('/'))).toEqual([
        'outbox_1000001/manifest.json',
        'outbox_1000001/part-00000.ndjson.gz',
      ]);
      const client = await log.open();
      expect(await restore(client, store, everything)).toEqual([{ partition: 'outbox_1000001', rows: 9, there: false }]);
      expect((await log.rows(all)).slice(0, 9)).toEqual(before);
      expect(await restore(client, store, everything)).toEqual([{ partition: 'outbox_1000001', rows: 9, there: true }]);
      expect(await publishAll()).toEqual([]);
      const kept = await janitor(store);
      expect(kept.held[0]!.sentence).toMatch(/it was restored and is kept until 20/);
      await log.rows('update millrace.archived_partition set kept_until = now()');
      expect((await janitor(store)).details).toMatchObject({ archived: [], dropped: ['outbox_1000001'] });
      store.close();
    }
  }, 40_000);
  test('is not dropped while its archive is damaged, or gone', async () => {
    const name = await bucket();
    const store = await openArchive(`s3://${name}/`, '/');
    await oddRows();
    await fillPartition();
    await publishAll();
    const client = await log.open();
    const [partition] = await filledPartitions(client);
    await ensureArchived(client, store, partition!, never);
    const [, part] = await store.list('log/');
    const good = (await store.read(part!))!;
    await objects.send(new PutObjectCommand({ Bucket: name, Key: part!, Body: Buffer.concat([good, Buffer.from('x')]) }));
    const damaged = await janitor(store);
    expect(damaged.details).toMatchObject({ archived: [] });
    expect(damaged.held).toMatchObject([{ name: 'outbox_1000001', sentence: expect.stringContaining('part-00000.ndjson.gz has SHA-256') }]);
    expect((await log.rows(all)).length).toBe(9);
    const nowhere = await janitor(await openArchive('s3://no-such-bucket/', '/'));
    expect(nowhere.held).toMatchObject([{ name: 'outbox_1000001', sentence: expect.stringMatching(/is not there/) }]);
    expect(nowhere.gauges![0]!.value).toBeGreaterThan(0);
    expect((await log.rows(all)).length).toBe(9);
  });
  test('does not stop later ones, nor the days of the inbox, when its archive is damaged', async () => {
    const store = await openArchive(`folder-${++buckets}/`, folder.path);
    for (const n of [0, 1]) {
      await commitEach(log, [event('old', n)]);
      await fillPartition();
    }
    await publishAll();
    const client = await log.open();
    await ensureArchived(client, store, (await filledPartitions(client))[0]!, never);
    const part = (await store.list('log/')).find((key) => key.includes('part-'))!;
    rmSync(join(store.location, part));
    const report = await logRetention({
      ...{ service: 'database', openClient: log.open, archive: store },
      topology: { ...topology, retention: { outboxDays: 7, inboxDays: 31 } },
    }).run(never);
    expect(report.held).toMatchObject([{ name: 'outbox_1000001', sentence: expect.stringContaining('is missing') }]);
    expect(report.details.dropped).toEqual([expect.stringMatching(/^inbox_/), 'outbox_2000001']);
    expect(report.sentence).toBe('dropped 2 partitions, archived 1, kept 1 over their retention');
  });
  test('is archived again when a transaction commits into it that was open the first time', async () => {
    const store = await openArchive(`s3://${await bucket({ versions: true })}/`, '/');
    await commitEach(log, [event('early', 0)]);
    const open = await begin(log);
    await open.enqueue(event('late', 1));
    await log.rows("select setval('millrace.outbox_id', 1000000)");
    const client = await log.open();
    const [partition] = await filledPartitions(client);
    expect(await ensureArchived(client, store, partition!, never)).toBe('written');
    await open.commit();
    expect(await ensureArchived(client, store, partition!, never)).toBe('written');
    expect(await ensureArchived(client, store, partition!, never)).toBe('known');
    const { Versions = [] } = await objects.send(new ListObjectVersionsCommand({ Bucket: `archive-${buckets}` }));
    expect(Versions.map(({ IsLatest }) => IsLatest)).toEqual([true, true]);
  });
  test('gives the same bytes when it is archived again, in parts of bounded size', async () => {
    const name = await bucket();
    const store = await openArchive(`s3://${name}/`, '/');
    await log.rows(
      `select millrace.enqueue(topic => 't', type => 'x', source => '/s', key => n::text, data => '{"n":' || n || '}') from generate_series(1, 3000) n`,
    );
    await fillPartition();
    const client = await log.open();
    const [partition] = await filledPartitions(client);
    const content = async () => {
      const listed = await objects.send(new ListObjectsV2Command({ Bucket: name }));
      return Promise.all(
        listed.Contents!.map(async ({ Key }) => {
          const { Body } = await objects.send(new GetObjectCommand({ Bucket: name, Key }));
          return [
            Key,
            createHash('sha256')
              .update(await Body!.transformToByteArray())
              .digest('hex'),
          ];
        }),
      );
    };
    expect(await ensureArchived(client, store, partition!, never, { partBytes: 100_000 })).toBe('written');
    const first = await content();
    expect(first.length).toBeGreaterThan(5);
    await log.rows('delete from millrace.archived_partition'); // as if it had been killed before it noted the archive
    expect(await ensureArchived(client, store, partition!, never, { partBytes: 100_000 })).toBe('written');
    expect(await content()).toEqual(first);
    expect(await ensureArchived(client, store, partition!, never)).toBe('known');
  });
});

describe('a restore', () => {
  async function archived(): Promise<{ store: ArchiveStore; before: unknown[] }> {
    const store = await openArchive(`folder-${++buckets}/`, folder.path);
    await log.rows(
      `select millrace.enqueue(topic => 't', type => 'x', source => '/s', key => n::text, data => '{"n":' || n || '}') from generate_series(1, 3000) n`,
    );
    await fillPartition();
    await publishAll();
    const before = await log.rows(all);
    const client = await log.open();
    const [partition] = await filledPartitions(client);
    await ensureArchived(client, store, partition!, never, { partBytes: 100_000 });
    expect((await janitor(store)).details).toMatchObject({ dropped: ['outbox_1000001'] });
    return { store, before };
  }

  test('refuses a damaged part with its name, shows nothing of the partition, and goes on when it is mended', async () => {
    const { store, before } = await archived();
    const key = (await store.list('log/')).find((each) => each.includes('part-00002'))!;
    const path = join(store.location, key);
    const good = readFileSync(path);
    writeFileSync(path, good.subarray(0, good.length - 20));
    const client = await log.open();
    await expect(restore(client, store, everything)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: expect.stringContaining('part-00002'),
    });
    expect(await log.rows(all)).toEqual([]);
    writeFileSync(path, good);
    expect((await restore(client, store, everything))[0]).toMatchObject({ rows: 3000, there: false });
    expect(await log.rows(all)).toEqual(before);
  });
  test('takes the partitions of the time asked for alone', async () => {
    const { store } = await archived();
    const client = await log.open();
    const at = Date.now() - 10 * day;
    expect(await restore(client, store, { ...everything, to: new Date(at - day) })).toEqual([]);
    expect(await restore(client, store, { ...everything, from: new Date(at + day) })).toEqual([]);
    expect((await restore(client, store, { ...everything, from: new Date(at - day), to: new Date(at + day) })).length).toBe(1);
  });
  test('is refused while a sink would publish the events again', async () => {
    const { store } = await archived();
    await log.rows("insert into millrace.sink (name) values ('redis-streams@fresh')");
    await expect(restore(await log.open(), store, everything)).rejects.toMatchObject({
      code: 'RESTORE_REFUSED',
      message: /redis-streams@fresh/,
    });
  });
});

describe('an interrupted restore', () => {
  /** Two parts, of which the second cannot be read. */
  async function interrupted(): Promise<{ store: ArchiveStore; client: Awaited<ReturnType<TestLog['open']>> }> {
    const store = await openArchive(`folder-${++buckets}/`, folder.path);
    await commitEach(log, [event('k', 0, { actorId: 'ann' }), event('k', 1, { actorId: 'bob' })]);
    await fillPartition();
    await publishAll();
    const client = await log.open();
    await ensureArchived(client, store, (await filledPartitions(client))[0]!, never, { partBytes: 1 });
    expect((await janitor(store)).details).toMatchObject({ dropped: ['outbox_1000001'] });
    const dying = { ...store, read: (key: string) => (key.includes('part-00001') ? Promise.reject(new Error('killed')) : store.read(key)) };
    await expect(restore(client, dying, everything)).rejects.toThrow('killed');
    return { store, client };
  }
  const actors = async () => (await log.rows('select actor_id from millrace.outbox order by id')).map((row) => row.actor_id as string);

  test('does not take up rows of another manifest: who was redacted meanwhile does not come back', async () => {
    const { store, client } = await interrupted();
    const key = (await store.list('log/')).find((each) => each.endsWith('manifest.json'))!;
    const manifest = JSON.parse((await store.read(key))!.toString()) as Manifest;
    const [first] = manifest.parts;
    const prefix = key.slice(0, -'manifest.json'.length);
    const [line] = await collect(linesOf(store, prefix, first!));
    const body = gzipSync(`${line!.replace('"ann"', '"redacted"')}\n`);
    const part = { ...first!, object: 'part-00000.other.ndjson.gz', bytes: body.byteLength, sha256: sha256(body) };
    await store.write(`${prefix}${part.object}`, body, part.sha256);
    await writeManifest(store, { ...manifest, parts: [part, ...manifest.parts.slice(1)] });
    await restore(client, store, everything);
    expect(await actors()).toEqual(['redacted', 'bob']);
    expect(await listDrafts(client)).toEqual([]);
  });
  test('goes on with what it has loaded from the same manifest', async () => {
    const { store, client } = await interrupted();
    expect(await listDrafts(client)).toEqual(['restoring_1000001']);
    const reads: string[] = [];
    const read = (key: string) => {
      reads.push(key);
      return store.read(key);
    };
    const watched = { ...store, read };
    await restore(client, watched, everything);
    expect(reads.filter((key) => key.includes('part-')).map((key) => key.slice(-'part-00000.ndjson.gz'.length))).toEqual([
      'part-00001.ndjson.gz',
    ]);
    expect(await actors()).toEqual(['ann', 'bob']);
  });
});

describe('events that a restore has brought back', () => {
  async function restoredAndNew(): Promise<void> {
    const store = await openArchive(`folder-${++buckets}/`, folder.path);
    await commitEach(log, [event('old', 0)]);
    await fillPartition();
    await publishAll();
    await janitor(store);
    await restore(await log.open(), store, everything);
    await commitEach(log, [event('new', 0)]);
  }
  async function publishedBySecond(broker = recorder()): Promise<string[]> {
    await using _relay = startTestRelay({ log, transport: broker.transport, topology: second, service: 'second' });
    await drained(log, 15_000, 'redis-streams@second');
    return broker.published();
  }
  const live = Object.values(plainTopology.topics)[0]!.transports.map((route) => ({ ...route, service: 'second' }));
  const second = {
    ...plainTopology,
    topics: Object.fromEntries(Object.entries(plainTopology.topics).map(([name, topic]) => [name, { ...topic, transports: live }])),
  };

  test('are not published by a sink that comes later, which gets what is in the log besides', async () => {
    await restoredAndNew();
    expect(await publishedBySecond()).toEqual(['new#0']);
  });
  test('are not published either where an older partition is still in the log', async () => {
    const store = await openArchive(`folder-${++buckets}/`, folder.path);
    for (const n of [0, 1]) {
      await commitEach(log, [event('old', n)]);
      await fillPartition();
    }
    await publishAll();
    await log.rows(
      "insert into millrace.parked (sink, id, event_id, topic, type, source, created_at) select 'redis-streams@events', id, event_id, topic, type, source, created_at from millrace.outbox where id = 1",
    );
    expect((await janitor(store)).details).toMatchObject({ dropped: ['outbox_2000001'] });
    await restore(await log.open(), store, everything);
    await commitEach(log, [event('new', 0)]);
    const broker = recorder();
    expect(await publishedBySecond(broker)).toEqual(['old#0', 'new#0']);
    expect((await sinkRow(log, 'redis-streams@second'))!.low).toBe(2_000_001);
    broker.become('another');
    await commitEach(log, [event('new', 1)]);
    expect(await publishedBySecond(broker)).toEqual(['old#0', 'new#0', 'old#0', 'new#0', 'new#1']);
  });
});

test('an archive of another log is not restored, wherever it was copied to', async () => {
  const store = await openArchive(`folder-${++buckets}/`, folder.path);
  await commitEach(log, [event('eve', 0)]);
  await fillPartition();
  const client = await log.open();
  await ensureArchived(client, store, (await filledPartitions(client))[0]!, never);
  const [theirs] = await log.rows<{ identity: string }>('select identity from millrace.log');
  const [own] = await log.rows<{ identity: string }>('update millrace.log set identity = gen_random_uuid() returning identity');
  await cp(join(store.location, 'log', theirs!.identity), join(store.location, 'log', own!.identity), { recursive: true });
  await expect(restore(client, store, everything)).rejects.toMatchObject({
    code: 'ARCHIVE_INVALID',
    message: expect.stringContaining(`of log ${theirs!.identity}`),
  });
});

test('a write that AWS denies is told as a write', async () => {
  const error = awsFailure(Object.assign(new Error('no'), { name: 'AccessDenied' }), {
    ...{ code: 'ARCHIVE_UNAVAILABLE', what: 'archive at s3://b/k', verb: 'written' },
  });
  expect(error.message).toMatch(/^archive at s3:\/\/b\/k may not be written; grant/);
});

test('a bucket with versions is told apart from one without by what a purge leaves', async () => {
  const name = await bucket({ versions: true });
  const store = await openArchive(`s3://${name}/a/`, '/');
  for (const text of ['one', 'two']) {
    const body = Buffer.from(text);
    await store.write('x/keep', body, createHash('sha256').update(body).digest('hex'));
    await store.write('x/drop', body, createHash('sha256').update(body).digest('hex'));
  }
  expect(await store.purge('x/', new Set(['x/keep']))).toEqual([]);
  expect(await store.list('x/')).toEqual(['x/keep']);
  expect((await store.read('x/keep'))!.toString()).toBe('two');
});
