import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Client } from 'pg';
import { uuidv7 } from '../../../runtime/src/outbox/uuid.ts';
import { openDraft } from '../../../runtime/src/retention/archive/drafts.ts';
import { listManifests, partitionPrefix } from '../../../runtime/src/retention/archive/manifest.ts';
import { openArchive } from '../../../runtime/src/retention/archive/open.ts';
import type { ArchiveStore } from '../../../runtime/src/retention/archive/store.ts';
import { ensureArchived, logIdentity } from '../../../runtime/src/retention/archive/write.ts';
import { cutLog } from '../../../runtime/src/retention/log/cut.ts';
import { filledPartitions } from '../../../runtime/src/retention/log/partitions.ts';
import { redactArchive } from '../../../runtime/src/retention/redact/archive.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { begin, commitEach, event, openLog, type TestLog } from '../support/log.ts';

const never = new AbortController().signal;

let postgres: TestPostgres;
let folder: TestFolder;
let log: TestLog;
let client: Client;
let store: ArchiveStore;
let stores = 0;

beforeAll(async () => {
  [postgres, folder] = await Promise.all([startTestPostgres(), testFolder('redact-archive')]);
});
afterAll(() => Promise.all([postgres.stop(), folder.remove()]));
beforeEach(async () => {
  log = await openLog(postgres);
  client = await log.open();
  store = await openArchive(`folder-${++stores}/`, folder.path);
});
afterEach(() => log.close());

/** A full partition with an event of Ann and one of Bob, each in a part of its own where it is archived. */
async function partition(): Promise<void> {
  await commitEach(log, [event('k', 0, { actorId: 'ann', data: 'SECRET of ann' }), event('k', 1, { actorId: 'bob' })]);
  await log.rows("update millrace.outbox set created_at = created_at - interval '10 days' where created_at > now() - interval '9 days'");
  expect(await cutLog(client, 7)).toBeGreaterThan(0);
}

async function archiveLast(to = store): Promise<void> {
  await ensureArchived(client, to, (await filledPartitions(client)).at(-1)!, never, { partBytes: 1 });
}

function redactAnn({ dryRun = false, bound = true } = {}) {
  const redaction = { id: uuidv7(), sought: { actor: 'ann' }, salt: randomBytes(32) };
  return redactArchive(client, bound ? store : undefined, redaction, () => undefined, dryRun);
}

/** Everything that lies in the archive, uncompressed. */
function archivedText(): string {
  const files = readdirSync(store.location, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map((file) => readable(readFileSync(join(file.parentPath, file.name)))).join('\n');
}

function readable(body: Buffer): string {
  return body[0] === 0x1f ? gunzipSync(body).toString() : body.toString();
}

test('parts that were written before the janitor was interrupted go, and the partition is archived anew', async () => {
  await partition();
  const dying = {
    ...store,
    write: (key: string, body: Buffer, sha256: string) =>
      key.endsWith('manifest.json') ? Promise.reject(new Error('killed')) : store.write(key, body, sha256),
  };
  await expect(archiveLast(dying)).rejects.toThrow('killed');
  expect(archivedText()).toContain('SECRET of ann');
  expect(await redactAnn({ dryRun: true })).toEqual({ counts: {}, remains: [] });
  expect(archivedText()).toContain('SECRET of ann');
  expect(await redactAnn()).toEqual({ counts: {}, remains: [] });
  expect(archivedText()).toBe('');
  await archiveLast();
});

test('parts without a manifest whose partition has gone too are told of', async () => {
  await partition();
  await archiveLast();
  const [{ manifest }] = (await listManifests(store, await logIdentity(client))) as [Awaited<ReturnType<typeof listManifests>>[number]];
  const prefix = partitionPrefix(manifest.log, manifest.partition);
  rmSync(join(store.location, prefix, 'manifest.json'));
  await log.rows(`alter table millrace.outbox detach partition millrace.${manifest.partition}`);
  await log.rows(`drop table millrace.${manifest.partition}`);
  const { remains } = await redactAnn();
  expect(remains).toMatchObject([{ where: 'archive outbox_1000001', sentence: expect.stringMatching(/has no manifest/) }]);
  expect(archivedText()).toContain('SECRET of ann');
});

test('what an interrupted write has left beside a manifest goes', async () => {
  await partition();
  await archiveLast();
  const part = (await store.list('log/')).find((key) => key.includes('part-'))!;
  writeFileSync(join(store.location, `${part}.tmp`), 'SECRET of ann');
  expect((await redactAnn()).counts).toEqual({ 'archive outbox_1000001': 1 });
  expect(archivedText()).not.toContain('SECRET');
});

test('the draft of an interrupted restore goes', async () => {
  await partition();
  await archiveLast();
  const [archived] = await listManifests(store, await logIdentity(client));
  await openDraft(client, { ...archived!, manifest: { ...archived!.manifest, toId: 5_000_001 } });
  expect(await log.rows("select to_regclass('millrace.restoring_5000001') is not null as there")).toEqual([{ there: true }]);
  await redactAnn();
  expect(await log.rows("select to_regclass('millrace.restoring_5000001') is not null as there")).toEqual([{ there: false }]);
});

test('an attempt that ended between manifest and note leaves nothing that keeps the partition for good', async () => {
  await partition();
  await archiveLast();
  const query = client.query.bind(client);
  const noting = jest
    .spyOn(client, 'query')
    .mockImplementation(((sql: string, ...more: unknown[]) =>
      sql.includes('into millrace.archived_partition') ? Promise.reject(new Error('killed')) : query(sql, ...(more as []))) as never);
  await expect(redactAnn()).rejects.toThrow('killed');
  noting.mockRestore();
  await expect(archiveLast()).rejects.toMatchObject({
    code: 'ARCHIVE_INVALID',
    message: expect.stringMatching(/run millrace redact again/),
  });
  expect((await redactAnn()).counts).toEqual({ 'archive outbox_1000001': 0 });
  await archiveLast();
});

test('a damaged partition is told of, and the next one is redacted', async () => {
  await partition();
  await archiveLast();
  await partition();
  await archiveLast();
  rmSync(join(store.location, (await store.list('log/')).find((key) => key.includes('outbox_1000001/part-00001'))!));
  const { counts, remains } = await redactAnn();
  expect(counts).toEqual({ 'archive outbox_2000001': 1 });
  expect(remains).toMatchObject([
    { where: 'archive outbox_1000001', sentence: expect.stringMatching(/part-00001.ndjson.gz is missing; run it/) },
  ]);
});

test('a partition that an open transaction keeps on its way out is told of', async () => {
  await partition();
  const blocker = await begin(log);
  await blocker.enqueue(event('k', 2));
  await log.rows("insert into millrace.leaving_partition (name) values ('outbox_1000001')");
  const impatient = await log.open();
  await impatient.query("set lock_timeout = '200ms'");
  await expect(impatient.query('alter table millrace.outbox detach partition millrace.outbox_1000001 concurrently')).rejects.toMatchObject({
    code: '55P03',
  });
  expect((await redactAnn()).remains).toMatchObject([{ where: 'outbox_1000001', sentence: expect.stringMatching(/has left the log/) }]);
  await blocker.commit();
  expect((await redactAnn()).remains).toEqual([]);
  expect(await log.rows("select to_regclass('millrace.outbox_1000001') as there")).toEqual([{ there: null }]);
}, 30_000);

test('an archive that the binding does not name is told of', async () => {
  expect(await redactAnn({ bound: false })).toEqual({ counts: {}, remains: [] });
  await partition();
  await archiveLast();
  expect((await redactAnn({ bound: false })).remains).toEqual([
    { where: `archive ${store.location}`, sentence: expect.stringMatching(/1 partition of this log .* no archive.location; add it/) },
  ]);
});
