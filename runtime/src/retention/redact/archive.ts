import type { ClientBase } from 'pg';
import { sha256 } from '../../hash.ts';
import { counted } from '../../wording.ts';
import { dropDrafts } from '../archive/drafts.ts';
import { fromLine, toLine } from '../archive/line.ts';
import { type Archived, logPrefix, type Manifest, type Part, partitionPrefix, readManifest, writeManifest } from '../archive/manifest.ts';
import { linesOf } from '../archive/part-reader.ts';
import { OpenPart } from '../archive/part-writer.ts';
import { type ArchiveStore, isArchiveFailure } from '../archive/store.ts';
import { logIdentity, noteArchived, purgeOthers } from '../archive/write.ts';
import { finishLeaving } from '../log/detach.ts';
import type { PlaceOutcome, Progress, Remains } from './outcome.ts';
import { type Redaction, redactedRow } from './sought.ts';

/**
 * Rewrites the parts that hold events that are sought: the new part under a new name, then the manifest, then the old part goes with all its versions.
 * Whenever this is interrupted, the manifest names parts that are there. What interrupted runs of the janitor and of restores have left goes too.
 *
 * A partition that cannot be read or written is told of in `remains`, and the next one is redacted.
 */
export async function redactArchive(
  client: ClientBase,
  store: ArchiveStore | undefined,
  redaction: Redaction,
  told: Progress,
  dryRun: boolean,
): Promise<PlaceOutcome> {
  const counts: Record<string, number> = {};
  const remains = dryRun ? [] : await clearLeftovers(client);
  if (store === undefined) return { counts, remains: [...remains, ...(await unboundArchive(client))] };
  for (const partition of await archivedPartitions(client, store)) {
    const where = `archive ${partition}`;
    try {
      const outcome = await redactOne(client, store, partition, redaction, dryRun);
      if (outcome.events !== undefined) {
        counts[where] = outcome.events;
        told(where, outcome.events);
      }
      remains.push(...outcome.left.map((sentence) => ({ where, sentence })));
    } catch (error) {
      if (!isArchiveFailure(error)) throw error;
      remains.push({ where, sentence: `not done: ${error.message}; run it again when that is mended` });
    }
  }
  return { counts, remains };
}

/** Tables that no statement on the log reads: of restores that were interrupted, and of partitions on their way out. */
async function clearLeftovers(client: ClientBase): Promise<Remains[]> {
  await dropDrafts(client);
  const stuck = await finishLeaving(client);
  const sentence = 'not done: it has left the log, and an open transaction keeps it; the janitor drops it when that has ended';
  return stuck.map((name) => ({ where: name, sentence }));
}

async function unboundArchive(client: ClientBase): Promise<Remains[]> {
  const { rows } = await client.query<{ location: string; partitions: number }>(
    `select regexp_replace(location, 'log/[^/]+/[^/]+/$', '') as location, count(*)::integer as partitions
       from millrace.archived_partition group by 1 order by 1`,
  );
  return rows.map(({ location, partitions }) => ({
    where: `archive ${location}`,
    sentence: `not done: ${counted(partitions, 'partition')} of this log were archived there and the binding has no archive.location; add it and run it again`,
  }));
}

/** Folders of this log, those without a manifest included. */
async function archivedPartitions(client: ClientBase, store: ArchiveStore): Promise<string[]> {
  const prefix = logPrefix(await logIdentity(client));
  const names = (await store.list(prefix)).map((key) => key.slice(prefix.length).split('/')[0]!);
  return [...new Set(names)];
}

async function redactOne(
  client: ClientBase,
  store: ArchiveStore,
  partition: string,
  redaction: Redaction,
  dryRun: boolean,
): Promise<{ events?: number; left: string[] }> {
  const prefix = partitionPrefix(await logIdentity(client), partition);
  const archived = await readManifest(store, prefix);
  if (archived === undefined) return { left: dryRun ? [] : await clearUnfinished(client, store, partition, prefix) };
  const { manifest } = archived;
  if (!mayHold(manifest, redaction)) return { left: [] };
  const { events, parts } = await redactParts(store, archived, redaction, dryRun);
  if (dryRun) return { events, left: [] };
  const redacted = { ...manifest, parts };
  const sha256 = events > 0 ? await writeManifest(store, redacted) : archived.sha256;
  // Noted also when nothing was changed now: an interrupted attempt may have ended before it did.
  await noteArchived(client, store, { manifest: redacted, sha256 });
  return { events, left: await purgeOthers(store, redacted) };
}

/** Parts that were written before the janitor was interrupted: as long as the partition is there it is archived again. */
async function clearUnfinished(client: ClientBase, store: ArchiveStore, partition: string, prefix: string): Promise<string[]> {
  const { rows } = await client.query('select 1 from millrace.outbox_partitions() where name = $1 and not detaching', [partition]);
  if (rows.length > 0) return store.purge(prefix, new Set());
  return [
    `not done: ${store.location}${prefix} has no manifest and the log has no such partition; restore the manifest, or remove the folder`,
  ];
}

function mayHold({ tenants, topics }: Manifest, { sought }: Redaction): boolean {
  if (sought.tenant !== undefined && tenants !== null && !tenants.includes(sought.tenant)) return false;
  return !sought.topics?.length || sought.topics.some((topic) => topics[topic] !== undefined);
}

async function redactParts(
  store: ArchiveStore,
  { manifest }: Archived,
  redaction: Redaction,
  dryRun: boolean,
): Promise<{ events: number; parts: Part[] }> {
  const prefix = partitionPrefix(manifest.log, manifest.partition);
  const parts: Part[] = [];
  let events = 0;
  for (const part of manifest.parts) {
    const { rewritten, changed } = await rewrite(store, prefix, part, redaction);
    events += changed;
    if (changed === 0 || dryRun) {
      parts.push(part);
      continue;
    }
    const body = rewritten;
    const object = `${part.object.slice(0, 'part-00000'.length)}.${redaction.id}.ndjson.gz`;
    const digest = sha256(body);
    await store.write(`${prefix}${object}`, body, digest);
    parts.push({ ...part, object, bytes: body.byteLength, sha256: digest });
  }
  return { events, parts };
}

async function rewrite(
  store: ArchiveStore,
  prefix: string,
  part: Part,
  redaction: Redaction,
): Promise<{ rewritten: Buffer; changed: number }> {
  const { tenant, actor, subject, key } = redaction.sought;
  // Reading a line as JSON costs ten times as much as looking for a text in it.
  const texts = [tenant, actor, subject, key].filter((value) => value !== undefined).map((value) => JSON.stringify(value));
  const open = new OpenPart(part.firstId);
  let changed = 0;
  for await (const line of linesOf(store, prefix, part)) {
    const row = texts.every((text) => line.includes(text)) ? fromLine(line) : undefined;
    const redacted = row && redactedRow(row, redaction);
    if (redacted !== undefined) changed++;
    await open.add(part.lastId, redacted === undefined ? line : toLine(redacted));
  }
  return { rewritten: (await open.end()).body, changed };
}
