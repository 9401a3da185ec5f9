import type { ClientBase } from 'pg';
import { fromLine, toLine } from '../archive/line.ts';
import {
  type Archived,
  listManifests,
  type Manifest,
  manifestKey,
  type Part,
  partitionPrefix,
  sha256Of,
  writeManifest,
} from '../archive/manifest.ts';
import { linesOf } from '../archive/part-reader.ts';
import { OpenPart } from '../archive/part-writer.ts';
import type { ArchiveStore } from '../archive/store.ts';
import { logIdentity, noteArchived } from '../archive/write.ts';
import type { PlaceOutcome, Progress, Remains } from './outcome.ts';
import { type Redaction, redactedRow } from './sought.ts';

/**
 * Rewrites the parts that hold events that are sought: the new part under a new name, then the manifest, then the old part goes with all its versions.
 * Whenever this is interrupted, the manifest names parts that are there.
 */
export async function redactArchive(
  client: ClientBase,
  store: ArchiveStore,
  redaction: Redaction,
  told: Progress,
  dryRun: boolean,
): Promise<PlaceOutcome> {
  const counts: Record<string, number> = {};
  const remains: Remains[] = [];
  for (const archived of await listManifests(store, await logIdentity(client))) {
    const { manifest } = archived;
    if (!mayHold(manifest, redaction)) continue;
    const { events, parts } = await redactParts(store, archived, redaction, dryRun);
    counts[`archive ${manifest.partition}`] = events;
    told(`archive ${manifest.partition}`, events);
    if (dryRun) continue;
    if (events > 0) await replaceManifest(client, store, { ...manifest, parts });
    const left = await purgeOld(store, { ...manifest, parts });
    remains.push(...left.map((sentence) => ({ where: `archive ${manifest.partition}`, sentence })));
  }
  return { counts, remains };
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
    const sha256 = sha256Of(body);
    await store.write(`${prefix}${object}`, body, sha256);
    parts.push({ ...part, object, bytes: body.byteLength, sha256 });
  }
  return { events, parts };
}

async function rewrite(
  store: ArchiveStore,
  prefix: string,
  part: Part,
  redaction: Redaction,
): Promise<{ rewritten: Buffer; changed: number }> {
  const { tenant, actor, subject } = redaction.sought;
  // Reading a line as JSON costs ten times as much as looking for a text in it.
  const texts = [tenant, actor, subject].filter((value) => value !== undefined).map((value) => JSON.stringify(value));
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

async function replaceManifest(client: ClientBase, store: ArchiveStore, manifest: Manifest): Promise<void> {
  const sha256 = await writeManifest(store, manifest);
  await noteArchived(client, store, { manifest, sha256 });
}

/** What the manifest does not name, and earlier versions of what it does. @returns what could not be removed */
async function purgeOld(store: ArchiveStore, manifest: Manifest): Promise<string[]> {
  const prefix = partitionPrefix(manifest.log, manifest.partition);
  return store.purge(prefix, new Set([manifestKey(prefix), ...manifest.parts.map((part) => `${prefix}${part.object}`)]));
}
