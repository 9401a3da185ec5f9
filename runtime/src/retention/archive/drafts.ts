import type { ClientBase } from 'pg';
import type { Archived, Manifest } from './manifest.ts';

/** Not `outbox_...`: what has that name and is not attached is on its way out. */
export function draftName({ toId }: Pick<Manifest, 'toId'>): string {
  return `restoring_${toId}`;
}

/**
 * The table that a restore fills before it becomes a partition; that of an interrupted one is taken up when it was filled from the same manifest, whose
 * SHA-256 is its comment. A redaction changes the manifest.
 */
export async function openDraft(client: ClientBase, { manifest, sha256 }: Archived): Promise<void> {
  const table = `millrace.${client.escapeIdentifier(draftName(manifest))}`;
  const { rows } = await client.query<{ sha256: string | null }>("select obj_description(to_regclass($1), 'pg_class') as sha256", [table]);
  if (rows[0]!.sha256 === sha256) return;
  // The check makes the attach quick: without it every row would be looked at under a lock.
  await client.query(`begin; drop table if exists ${table}; create table ${table} (like millrace.outbox including all,
    constraint in_place check (id >= ${manifest.fromId} and id < ${manifest.toId})); comment on table ${table} is '${sha256}'; commit`);
}

/** Drafts of restores that were interrupted. */
export async function listDrafts(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select relname::text as name from pg_class where relnamespace = 'millrace'::regnamespace and relkind = 'r' and relname ~ '^restoring_[0-9]+$'
      order by relname`,
  );
  return rows.map(({ name }) => name);
}

/** Drops them; another restore begins anew. @returns their names */
export async function dropDrafts(client: ClientBase): Promise<string[]> {
  const names = await listDrafts(client);
  for (const name of names) await client.query(`drop table if exists millrace.${client.escapeIdentifier(name)}`);
  return names;
}
