import * as z from 'zod/mini';
import { canonicalJson } from '../../contracts/canonical-json.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { sha256 } from '../../hash.ts';
import type { ArchiveStore } from './store.ts';

const count = z.int().check(z.minimum(0));
const sha256Hex = z.string().check(z.regex(/^[0-9a-f]{64}$/));

const part = z.strictObject({
  /** Beside the manifest. */
  object: z.string().check(z.regex(/^part-\d{5}[a-z0-9.-]*\.ndjson\.gz$/)),
  rows: count,
  /** Compressed. */
  bytes: count,
  sha256: sha256Hex,
  firstId: count,
  lastId: count,
});
export type Part = z.infer<typeof part>;

/** What an archived partition consists of; it is written last, so a folder without one is no archive. */
const manifestSchema = z.strictObject({
  schema: z.literal('millrace.archive/1'),
  /** Identity of the log, `millrace.log`. */
  log: z.string(),
  partition: z.string().check(z.regex(/^outbox_\d+$/)),
  fromId: count,
  /** Exclusive. */
  toId: count,
  rows: count,
  /** Of the oldest and the newest event; null where there is none. */
  firstTime: z.nullable(z.string()),
  lastTime: z.nullable(z.string()),
  /** Rows by topic. */
  topics: z.record(z.string(), count),
  /** Tenants that have rows; null above ten thousand of them. */
  tenants: z.nullable(z.array(z.string())),
  parts: z.array(part),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** A manifest, and the SHA-256 of its bytes. */
export interface Archived {
  readonly manifest: Manifest;
  readonly sha256: string;
}

/** Where the archives of a log lie within the store, with a slash at the end. */
export function logPrefix(log: string): string {
  return `log/${log}/`;
}

/** Where the archive of a partition lies within the store, with a slash at the end. */
export function partitionPrefix(log: string, partition: string): string {
  return `${logPrefix(log)}${partition}/`;
}

export function manifestKey(prefix: string): string {
  return `${prefix}manifest.json`;
}

/** Writes the manifest. @returns its SHA-256 */
export async function writeManifest(store: ArchiveStore, manifest: Manifest): Promise<string> {
  const body = Buffer.from(canonicalJson(manifest));
  const digest = sha256(body);
  await store.write(manifestKey(partitionPrefix(manifest.log, manifest.partition)), body, digest);
  return digest;
}

/** @throws {MillraceError} ARCHIVE_INVALID when it is none, or that of another log or partition; undefined when it is absent. */
export async function readManifest(store: ArchiveStore, prefix: string): Promise<Archived | undefined> {
  const body = await store.read(manifestKey(prefix));
  if (body === undefined) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new MillraceError('ARCHIVE_INVALID', `${store.location}${manifestKey(prefix)} is no JSON`, { cause });
  }
  const parsed = manifestSchema.safeParse(document);
  if (!parsed.success) throw new MillraceError('ARCHIVE_INVALID', `${store.location}${manifestKey(prefix)} is no manifest of an archive`);
  const { log, partition } = parsed.data;
  if (partitionPrefix(log, partition) !== prefix) {
    throw new MillraceError('ARCHIVE_INVALID', `${store.location}${manifestKey(prefix)} is of ${partition} of log ${log}; take it away`);
  }
  return { manifest: parsed.data, sha256: sha256(body) };
}

/** Every archived partition of a log, oldest first. @throws {MillraceError} ARCHIVE_INVALID */
export async function listManifests(store: ArchiveStore, log: string): Promise<Archived[]> {
  const keys = (await store.list(logPrefix(log))).filter((key) => key.endsWith('/manifest.json'));
  const found: Archived[] = [];
  for (const key of keys) {
    const read = await readManifest(store, key.slice(0, -'manifest.json'.length));
    if (read !== undefined) found.push(read);
  }
  return found.sort((a, b) => a.manifest.fromId - b.manifest.fromId);
}
