import type { Client } from 'pg';
import type { LoadedBinding } from '../binding/index.ts';
import { connectPostgres } from '../connections/postgres/index.ts';
import { MillraceError } from '../contracts/errors.ts';
import { openArchive } from '../retention/archive/open.ts';
import type { ArchiveStore } from '../retention/archive/store.ts';
import { requireMigrated } from '../schema/migrate.ts';
import { type BindingFlags, bindingOf, pickService } from './binding.ts';

export interface LogFlags extends BindingFlags {
  readonly database?: string;
}

export interface LogGround extends AsyncDisposable {
  readonly binding: LoadedBinding;
  /** Without a limit of time for statements: archiving and rewriting take as long as they take. */
  readonly client: Client;
  readonly archive: ArchiveStore | undefined;
}

/** The log of a binding and its archive, for commands that work on both. @throws {MillraceError} MIGRATION_PENDING */
export async function openLogGround(flags: LogFlags, name: string): Promise<LogGround> {
  const binding = await bindingOf(flags);
  const place = binding.document.archive?.location;
  const archive = place === undefined ? undefined : await openArchive(place, binding.baseDir);
  const handle = pickService(binding, '--database', flags.database, 'postgres');
  const database = await connectPostgres(handle, { name, maxConnections: 1, statementTimeoutMs: 0, idleInTransactionTimeoutMs: 0 });
  const close = async (): Promise<void> => {
    archive?.close();
    await database.close();
  };
  try {
    const client = await database.openClient(name);
    await requireMigrated(client);
    return { binding, client, archive, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws {MillraceError} BINDING_INVALID when the binding names no archive */
export function requireArchive({ archive }: LogGround): ArchiveStore {
  if (archive !== undefined) return archive;
  throw new MillraceError(
    'BINDING_INVALID',
    'the binding has no archive.location: provision an environment with one, or add a folder or s3:// address',
  );
}
