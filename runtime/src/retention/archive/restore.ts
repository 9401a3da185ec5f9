import type { ClientBase } from 'pg';
import { inTransaction } from '../../connections/postgres/transaction.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { inLockAttempts } from '../../schema/lock-attempts.ts';
import { counted } from '../../wording.ts';
import { sinkPlaces } from '../log/partitions.ts';
import { draftName, openDraft } from './drafts.ts';
import { fromLine } from './line.ts';
import { type Archived, listManifests, type Manifest, partitionPrefix } from './manifest.ts';
import { linesOf } from './part-reader.ts';
import { type ArchivedRow, insertRows } from './row.ts';
import type { ArchiveStore } from './store.ts';
import { logIdentity, noteArchived } from './write.ts';

const batchRows = 2_000;
const batchBytes = 8 * 1024 * 1024;

export interface RestoreOptions {
  /** Partitions with events from here on are restored. */
  readonly from: Date;
  /** Partitions with events before this. */
  readonly to: Date;
  /** The janitor drops what was restored after this. */
  readonly keepUntil: Date;
}

export interface Restored {
  readonly partition: string;
  readonly rows: number;
  /** It was attached already; now it is kept until the new date. */
  readonly there: boolean;
}

/**
 * Puts archived partitions back into the log at their old places, where a replay reads them. Relays do not: the ids lie below what they have published.
 *
 * What was restored before an interruption stays; the same command ends the rest. Not guaranteed: that an inbox takes the events as new; it sets aside
 * what is older than its window.
 *
 * @throws {MillraceError} ARCHIVE_INVALID with the object that is damaged, before any of its partition is visible; RESTORE_REFUSED when a sink has not
 * passed the partition.
 */
export async function restore(
  client: ClientBase,
  store: ArchiveStore,
  { from, to, keepUntil }: RestoreOptions,
  told: (restored: Restored) => void = () => undefined,
): Promise<Restored[]> {
  const wanted = (await listManifests(store, await logIdentity(client))).filter(({ manifest }) => overlaps(manifest, from, to));
  const restored: Restored[] = [];
  for (const archived of wanted) {
    const { manifest } = archived;
    const there = await isAttached(client, manifest);
    if (!there) {
      await requireBelowSinks(client, manifest);
      await load(client, store, archived);
    }
    await attach(client, store, archived, keepUntil, there);
    const one = { partition: manifest.partition, rows: manifest.rows, there };
    told(one);
    restored.push(one);
  }
  return restored;
}

/** Whether a partition has events of the time asked for, to its own first and last event. */
export function overlaps({ firstTime, lastTime }: Manifest, from: Date, to: Date): boolean {
  if (firstTime === null || lastTime === null) return false;
  return Date.parse(lastTime) >= from.getTime() && Date.parse(firstTime) < to.getTime();
}

async function isAttached(client: ClientBase, { partition, fromId, toId }: Manifest): Promise<boolean> {
  const { rows } = await client.query<{ name: string; same: boolean; detaching: boolean }>(
    `select name, from_id = $1 and to_id = $2 as same, detaching from millrace.outbox_partitions() where from_id < $2 and to_id > $1`,
    [fromId, toId],
  );
  const other = rows.find((row) => row.name !== partition || !row.same || row.detaching);
  if (other !== undefined) {
    throw new MillraceError(
      'RESTORE_REFUSED',
      `partition ${other.name} lies where ${partition} would go; run the janitor once, or restore elsewhere`,
    );
  }
  return rows.length > 0;
}

async function requireBelowSinks(client: ClientBase, { partition, parts }: Manifest): Promise<void> {
  const last = parts.at(-1)?.lastId ?? 0;
  const behind = (await sinkPlaces(client, { topics: {} })).filter((sink) => sink.low < last);
  if (behind.length === 0) return;
  const names = behind.map((sink) => `${sink.name} (at ${sink.low})`).join(', ');
  throw new MillraceError('RESTORE_REFUSED', `${names} would publish the events of ${partition} again: let it publish past ${last} first`);
}

/** Part by part, each in one transaction; parts that an earlier attempt has loaded are passed over. */
async function load(client: ClientBase, store: ArchiveStore, archived: Archived): Promise<void> {
  const { manifest } = archived;
  await openDraft(client, archived);
  const table = draftName(manifest);
  const name = `millrace.${client.escapeIdentifier(table)}`;
  const { rows } = await client.query<{ last: string | null }>(`select max(id) as last from ${name}`);
  const last = Number(rows[0]!.last ?? 0);
  const prefix = partitionPrefix(manifest.log, manifest.partition);
  for (const part of manifest.parts.filter(({ lastId }) => lastId > last)) {
    await inTransaction(client, async () => {
      for await (const batch of batches(linesOf(store, prefix, part))) await insertRows(client, table, batch);
    });
  }
  const loaded = (await client.query<{ rows: string }>(`select count(*) as rows from ${name}`)).rows[0]!;
  if (loaded.rows === String(manifest.rows)) return;
  const found = counted(Number(loaded.rows), 'row');
  throw new MillraceError('ARCHIVE_INVALID', `parts of ${manifest.partition} have ${found}, the manifest says ${manifest.rows}`);
}

async function* batches(lines: AsyncIterable<string>): AsyncGenerator<ArchivedRow[]> {
  let batch: ArchivedRow[] = [];
  let bytes = 0;
  for await (const line of lines) {
    batch.push(fromLine(line));
    bytes += line.length;
    if (batch.length < batchRows && bytes < batchBytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

const noteRestoredSql = `update millrace.archived_partition set kept_until = greatest(kept_until, $2),
    restored_at = case when $3 then restored_at else clock_timestamp() end where name = $1`;

async function attach(client: ClientBase, store: ArchiveStore, archived: Archived, keepUntil: Date, there: boolean): Promise<void> {
  await inLockAttempts(client, { lockTimeoutMs: 200, attempts: 20 }, async () => {
    if (!there) {
      await putInPlace(client, archived.manifest);
      // What it had redacted in the table may have come back from the archive.
      await client.query('update millrace.redaction set done = done - $1 where completed_at is null', [archived.manifest.partition]);
    }
    await noteArchived(client, store, archived);
    await client.query(noteRestoredSql, [archived.manifest.partition, keepUntil, there]);
  });
}

async function putInPlace(client: ClientBase, manifest: Manifest): Promise<void> {
  const { partition, fromId, toId } = manifest;
  const name = client.escapeIdentifier(partition);
  await client.query(`alter table millrace.${client.escapeIdentifier(draftName(manifest))} rename to ${name}`);
  await client.query(`alter table millrace.outbox attach partition millrace.${name} for values from (${fromId}) to (${toId})`);
  await client.query(`alter table millrace.${name} drop constraint in_place`);
  await client.query(`comment on table millrace.${name} is null`);
}
