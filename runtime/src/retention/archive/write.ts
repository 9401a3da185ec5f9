import type { ClientBase } from 'pg';
import { MillraceError } from '../../contracts/errors.ts';
import { counted } from '../../wording.ts';
import type { LogPartition } from '../log/partitions.ts';
import { toLine } from './line.ts';
import { type Archived, type Manifest, manifestKey, partitionPrefix, readManifest, writeManifest } from './manifest.ts';
import { defaultPartBytes, PartWriter } from './part-writer.ts';
import { type ArchivedRow, rowsOf } from './row.ts';
import type { ArchiveStore } from './store.ts';
import { verifyArchived } from './verify.ts';

/** Above this many tenants the manifest does not list them. */
const mostTenants = 10_000;

export interface ArchiveOptions {
  /** Bytes of lines a part, before compression. @default 64 MiB */
  readonly partBytes?: number;
  /** Told of earlier versions that could not be removed after a partition was archived again. */
  readonly unpurged?: (sentence: string) => void;
}

/** Which log this is. */
export async function logIdentity(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ identity: string }>('select identity from millrace.log');
  return rows[0]!.identity;
}

/**
 * Archives a partition unless that is done, and proves that the archive has all of it, by reading it back.
 *
 * It is archived again when the table has rows that the archive has not, as those of a transaction that was open then, or when the manifest is gone.
 *
 * @returns whether it was written now or before.
 * @throws {MillraceError} ARCHIVE_INVALID when what was archived is not what the database remembers; the partition must stay then.
 */
export async function ensureArchived(
  client: ClientBase,
  store: ArchiveStore,
  partition: LogPartition,
  signal: AbortSignal,
  options: ArchiveOptions = {},
): Promise<'written' | 'known'> {
  const prefix = partitionPrefix(await logIdentity(client), partition.name);
  const due = await isDue(client, store, prefix, partition);
  if (due) await archivePartition(client, store, partition, signal, options);
  await requireIntact(client, store, partition, signal);
  return due ? 'written' : 'known';
}

async function isDue(client: ClientBase, store: ArchiveStore, prefix: string, { name }: LogPartition): Promise<boolean> {
  const { rows } = await client.query<{ more: boolean }>(
    `select (select count(*) from millrace.${client.escapeIdentifier(name)}) > rows as more from millrace.archived_partition where name = $1`,
    [name],
  );
  return rows[0] === undefined || rows[0].more || (await store.facts(manifestKey(prefix))) === undefined;
}

async function archivePartition(
  client: ClientBase,
  store: ArchiveStore,
  partition: LogPartition,
  signal: AbortSignal,
  { partBytes = defaultPartBytes, unpurged = () => undefined }: ArchiveOptions,
): Promise<void> {
  const log = await logIdentity(client);
  const prefix = partitionPrefix(log, partition.name);
  const leftovers = await store.list(prefix);
  const writer = new PartWriter(store, prefix, partBytes);
  const facts = new Facts();
  for await (const page of rowsOf(client, partition.name)) {
    signal.throwIfAborted();
    for (const row of page) {
      facts.note(row);
      await writer.add(Number(row.id), toLine(row));
    }
  }
  await writer.end();
  const manifest: Manifest = {
    ...{ schema: 'millrace.archive/1', log, partition: partition.name, fromId: partition.fromId, toId: partition.toId },
    ...facts.summary(),
    parts: writer.parts,
  };
  const sha256 = await writeManifest(store, manifest);
  await noteArchived(client, store, { manifest, sha256 });
  // Overwritten parts may hold what was redacted in the table meanwhile.
  if (leftovers.length > 0) (await purgeOthers(store, manifest)).forEach(unpurged);
}

/** Removes what the manifest does not name, and earlier versions of what it does. @returns for people: what could not be removed */
export function purgeOthers(store: ArchiveStore, manifest: Manifest): Promise<string[]> {
  const prefix = partitionPrefix(manifest.log, manifest.partition);
  return store.purge(prefix, new Set([manifestKey(prefix), ...manifest.parts.map(({ object }) => `${prefix}${object}`)]));
}

/** What the database knows of an archived partition. */
export async function noteArchived(client: ClientBase, store: ArchiveStore, { manifest, sha256 }: Archived): Promise<void> {
  const location = `${store.location}${partitionPrefix(manifest.log, manifest.partition)}`;
  await client.query(
    `insert into millrace.archived_partition (name, from_id, to_id, rows, location, manifest_sha256) values ($1, $2, $3, $4, $5, $6)
     on conflict (name) do update set rows = excluded.rows, location = excluded.location, manifest_sha256 = excluded.manifest_sha256`,
    [manifest.partition, manifest.fromId, manifest.toId, manifest.rows, location, sha256],
  );
}

/** Reads back what a drop relies on: the manifest as it was written, every line of every part, as many rows as the table has. */
async function requireIntact(client: ClientBase, store: ArchiveStore, partition: LogPartition, signal: AbortSignal): Promise<void> {
  const prefix = partitionPrefix(await logIdentity(client), partition.name);
  const read = await readManifest(store, prefix);
  const { rows } = await client.query<{ rows: string; sha256: string }>(
    `select (select count(*) from millrace.${client.escapeIdentifier(partition.name)}) as rows, manifest_sha256 as sha256
       from millrace.archived_partition where name = $1`,
    [partition.name],
  );
  const known = rows[0]!;
  const where = `${store.location}${prefix}`;
  if (read?.sha256 !== known.sha256) {
    const remedy = 'run millrace redact again where one was interrupted';
    throw new MillraceError('ARCHIVE_INVALID', `manifest of ${where} is not the one that was written; ${remedy}`);
  }
  if (known.rows !== String(read.manifest.rows)) {
    throw new MillraceError('ARCHIVE_INVALID', `${where} has ${counted(read.manifest.rows, 'row')}, the partition has ${known.rows}`);
  }
  const problems = await verifyArchived(store, read.manifest, signal);
  if (problems.length > 0) throw new MillraceError('ARCHIVE_INVALID', problems.join('; '));
}

/** What a manifest tells of the rows. */
class Facts {
  #rows = 0;
  #firstTime: string | null = null;
  #lastTime: string | null = null;
  readonly #topics: Record<string, number> = {};
  readonly #tenants = new Set<string>();

  note({ topic, tenant_id, created_at }: ArchivedRow): void {
    this.#rows++;
    if (this.#firstTime === null || created_at < this.#firstTime) this.#firstTime = created_at;
    if (this.#lastTime === null || created_at > this.#lastTime) this.#lastTime = created_at;
    this.#topics[topic] = (this.#topics[topic] ?? 0) + 1;
    if (tenant_id !== null && this.#tenants.size <= mostTenants) this.#tenants.add(tenant_id);
  }

  summary(): Pick<Manifest, 'rows' | 'firstTime' | 'lastTime' | 'topics' | 'tenants'> {
    const tenants = this.#tenants.size > mostTenants ? null : [...this.#tenants].sort();
    return { rows: this.#rows, firstTime: this.#firstTime, lastTime: this.#lastTime, topics: this.#topics, tenants };
  }
}
