import { Command } from 'commander';
import { connectPostgres } from '../connections/postgres/index.ts';
import { migrate, migrationSql, migrationStatus } from '../schema/migrate.ts';
import { type BindingFlags, bindingOf, pickService, withBinding } from './binding.ts';
import { problemFound, report } from './outcome.ts';

interface Flags extends BindingFlags {
  readonly database?: string;
  readonly json: boolean;
  readonly sql?: boolean;
}

const withFlags = (command: Command): Command =>
  withBinding(command)
    .option('--json', 'print JSON, one document a line', false)
    .option('--database <name>', 'postgres service of the binding (default: the only one)');

/** `millrace migrate`: brings the schema of outbox and inbox up to this package. */
export function migrateCommand(): Command {
  const command = withFlags(new Command('migrate'))
    .description('bring the schema `millrace` up to this package, in one transaction under a lock')
    .option('--sql', 'print the statements for an empty database instead of running them')
    .action((flags: Flags) => (flags.sql ? printSql() : run(flags)));
  command.addCommand(
    withFlags(new Command('status'))
      .description('list applied and pending migrations; exit code 2 when some are pending')
      .action((_: Flags, status: Command) => showStatus(status)),
  );
  return command;
}

async function printSql(): Promise<void> {
  process.stdout.write(await migrationSql());
}

async function run(flags: Flags): Promise<void> {
  await using database = await connectPostgres(pickService(await bindingOf(flags), '--database', flags.database, 'postgres'));
  const client = await database.openClient('millrace migrate');
  const applied = await migrate(client);
  report(
    flags.json,
    { applied },
    applied.length === 0 ? 'nothing to do: the schema is up to date' : `applied migration ${applied.join(', ')}`,
  );
}

async function showStatus(command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  if (flags.sql) command.error('error: --sql belongs to millrace migrate, not to its status');
  await using database = await connectPostgres(pickService(await bindingOf(flags), '--database', flags.database, 'postgres'));
  const status = await migrationStatus(await database.openClient('millrace migrate status'));
  const list = (versions: readonly number[]) => (versions.length === 0 ? 'none' : versions.join(', '));
  report(flags.json, status, `applied: ${list(status.applied)}\npending: ${list(status.pending)}`);
  if (status.pending.length > 0) process.exitCode = problemFound;
}
