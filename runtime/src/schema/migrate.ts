import { readdir, readFile } from 'node:fs/promises';
import type { ClientBase } from 'pg';
import { inTransaction } from '../connections/postgres/transaction.ts';
import { MillraceError } from '../contracts/errors.ts';
import { sha256 } from '../hash.ts';

const folder = new URL('../../sql/', import.meta.url);

export interface Migration {
  readonly version: number;
  readonly sql: string;
  readonly checksum: string;
}

export interface MigrationStatus {
  readonly applied: readonly number[];
  readonly pending: readonly number[];
}

/** The numbered files of `sql/`, oldest first. */
async function migrations(): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{6}\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), 'utf8');
      return { version: Number.parseInt(name, 10), sql, checksum: sha256(sql) };
    }),
  );
}

/** The statements that `migrate` would run on an empty database, for those who review or run SQL themselves. */
export async function migrationSql(): Promise<string> {
  const parts = (await migrations()).map((m) => `${m.sql}\n${recordSql(m)};\n`);
  return ['begin;', bootstrapSql, ...parts, 'commit;', ''].join('\n');
}

/**
 * Brings the schema `millrace` up to this package, in one transaction under an advisory lock: several processes may call it at once.
 *
 * Migrations only add, so that services of the previous version go on working while a deployment rolls.
 *
 * @param client a dedicated connection of a role that may create the schema.
 * @returns the versions that were applied now.
 * @throws {MillraceError} MIGRATION_CHANGED when a migration of this package was applied with other content.
 */
export async function migrate(client: ClientBase): Promise<readonly number[]> {
  return inTransaction(client, async () => {
    await client.query(`select pg_advisory_xact_lock(${lockKey})`);
    await client.query(bootstrapSql);
    const { pending } = await compare(client);
    for (const migration of pending) {
      await client.query(migration.sql);
      await client.query(recordSql(migration));
    }
    return pending.map((m) => m.version);
  });
}

/** What is applied and what `migrate` would apply; changes nothing. */
export async function migrationStatus(client: ClientBase): Promise<MigrationStatus> {
  const exists = await client.query("select to_regclass('millrace.migration') is not null as there");
  if (!exists.rows[0].there) return { applied: [], pending: (await migrations()).map((m) => m.version) };
  const { applied, pending } = await compare(client);
  return { applied, pending: pending.map((m) => m.version) };
}

/** @throws {MillraceError} MIGRATION_PENDING when the database is older than this package. */
export async function requireMigrated(client: ClientBase): Promise<void> {
  const { pending } = await migrationStatus(client);
  if (pending.length > 0) {
    throw new MillraceError('MIGRATION_PENDING', `the database lacks migration ${pending.join(', ')}: run millrace migrate`);
  }
}

/** "MILLRACE" in ASCII: one lock for all migrators of a database. */
const lockKey = '5569066304901563205';

const bootstrapSql = `create schema if not exists millrace;
create table if not exists millrace.migration (
  version integer primary key, checksum text not null, applied_at timestamptz not null default clock_timestamp());`;

function recordSql({ version, checksum }: Migration): string {
  return `insert into millrace.migration (version, checksum) values (${version}, '${checksum}')`;
}

async function compare(client: ClientBase): Promise<{ applied: number[]; pending: Migration[] }> {
  const known = await migrations();
  const { rows } = await client.query<{ version: number; checksum: string }>(
    'select version, checksum from millrace.migration order by version',
  );
  for (const row of rows) {
    const match = known.find((m) => m.version === row.version);
    if (match === undefined) continue; // a newer package was here: migrations only add, so this one goes on working
    if (match.checksum !== row.checksum) {
      throw new MillraceError('MIGRATION_CHANGED', `migration ${row.version} was applied with other content than this package has`);
    }
  }
  const applied = rows.map((row) => row.version);
  return { applied, pending: known.filter((m) => !applied.includes(m.version)) };
}
