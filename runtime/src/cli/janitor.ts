import { once } from 'node:events';
import { Command } from 'commander';
import { pino } from 'pino';
import type { LoadedBinding, ServiceHandle } from '../binding/index.ts';
import { connectPostgres, type PostgresConnection } from '../connections/postgres/index.ts';
import { whenAsked } from '../connections/when-asked.ts';
import type { Topology } from '../contracts/topology.ts';
import { createHealth, startHealthServer } from '../health/index.ts';
import { openArchive } from '../retention/archive/open.ts';
import { janitorCheck } from '../retention/check.ts';
import { type Janitor, runOnce, startJanitor, type TaskOutcome } from '../retention/janitor.ts';
import { logRetention } from '../retention/log/retention.ts';
import { streamRetention } from '../retention/redis/task.ts';
import type { Task } from '../retention/task.ts';
import { signalRegistry } from '../signals/exposition.ts';
import { readTopology } from '../topology/index.ts';
import { type BindingFlags, bindingOf, pickService, withBinding } from './binding.ts';
import { problemFound, report } from './outcome.ts';
import { type ServingFlags, stopSignal, withServing } from './serving.ts';

interface Flags extends BindingFlags, ServingFlags {
  readonly database?: string;
  readonly once: boolean;
  readonly json: boolean;
}

const exitCodes = `
Exit codes with --once: 0 everything is within its retention; 1 a task failed or a system cannot be reached, the others are done; 2 something is over its
retention and was kept, because a group, a sink or an archive still needs it, or something on a Redis belongs to nothing that is declared. Without --once it
runs until SIGTERM, and /metrics and /ready tell of it.`;

/** `millrace janitor`: keeps streams, log and inbox within their retention. */
export function janitorCommand(): Command {
  return withServing(withBinding(new Command('janitor')))
    .description('keep streams, log and inbox within their retention, cutting nothing that is still needed; several may run; SIGTERM ends')
    .option('--database <name>', 'postgres service of the binding that holds the outbox (default: the only one, if any)')
    .option('--once', 'do every task once and end', false)
    .option('--json', 'with --once: print the outcome as one JSON document', false)
    .addHelpText('after', exitCodes)
    .action((flags: Flags, command: Command) => {
      if (flags.json && !flags.once) command.error('error: --json belongs to --once; without it the log is JSON already');
      return run(flags);
    });
}

async function run(flags: Flags): Promise<void> {
  const stop = stopSignal();
  // Standard output is for the outcome.
  const logger = pino({ name: 'millrace janitor' }, flags.once ? process.stderr : process.stdout);
  const binding = await bindingOf(flags);
  const topology = await readTopology(binding);
  await using database = databaseOf(binding, flags);
  const tasks = [...streamTasks(binding, topology), ...(await logTasks(binding, topology, database))];
  if (flags.once) return tellOutcomes(flags, await runOnce({ tasks, logger }, stop));
  await using janitor = startJanitor({ tasks, logger });
  await using _server = flags.httpPort === undefined ? undefined : await serveHealth(flags, janitor);
  if (!stop.aborted) await once(stop, 'abort');
  logger.info({ tasks: tasks.map(({ name }) => name) }, 'janitor stops');
}

function streamTasks(binding: LoadedBinding, topology: Topology): Task[] {
  const routes = Object.values(topology.topics).flatMap(({ transports }) => transports.filter(({ kind }) => kind === 'redis-streams'));
  const services = [...new Set(routes.map(({ service }) => service))].filter((name) => binding.names.includes(name)).sort();
  return services.map((name) => streamRetention({ service: binding.service(name, 'redis', 'redis-sentinel'), topology }));
}

async function logTasks(binding: LoadedBinding, topology: Topology, database: Database | undefined): Promise<Task[]> {
  if (database === undefined) return [];
  const place = binding.document.archive?.location;
  const archive = place === undefined ? undefined : await openArchive(place, binding.baseDir);
  return [logRetention({ service: database.name, openClient: database.openClient, topology, archive })];
}

interface Database extends AsyncDisposable, Pick<PostgresConnection, 'openClient'> {
  readonly name: string;
}

/** Without a limit of time for statements, archiving takes as long as it takes. Connects when a task first asks, so that a database which is away keeps no other task from running. */
function databaseOf(binding: LoadedBinding, flags: Flags): Database | undefined {
  const { services } = binding.document;
  if (flags.database === undefined && !binding.names.some((name) => services[name]!.kind === 'postgres')) return undefined;
  const service: ServiceHandle = pickService(binding, '--database', flags.database, 'postgres');
  const database = whenAsked(() => connectPostgres(service, { name: 'millrace janitor', statementTimeoutMs: 0 }));
  return {
    name: service.name,
    openClient: async (name) => (await database.get()).openClient(name),
    [Symbol.asyncDispose]: () => database.close(),
  };
}

/** No beacon: answering shows that the event loop turns, and a run that archives may take hours. */
function serveHealth(flags: Flags, janitor: Janitor) {
  const health = createHealth({ checks: [janitorCheck(janitor)] });
  const registry = signalRegistry(() => janitor.outcomes().flatMap((outcome) => outcome.report?.gauges ?? []));
  return startHealthServer({ health, port: flags.httpPort!, host: flags.httpHost, registry });
}

function tellOutcomes(flags: Flags, outcomes: readonly TaskOutcome[]): void {
  const failed = outcomes.some(({ error }) => error !== undefined);
  const held = outcomes.some((outcome) => (outcome.report?.held.length ?? 0) > 0);
  const document = outcomes.map(({ task, report: done, error }) => ({
    task,
    ...done,
    ...(error !== undefined && { error: String(error) }),
  }));
  const lines = outcomes.flatMap(({ task, report: done, error }) => [
    `${task}: ${error === undefined ? done!.sentence : `failed: ${error.message}`}`,
    ...[...(done?.held ?? []), ...(done?.lost ?? [])].map(({ sentence }) => `  ${sentence}`),
  ]);
  report(flags.json, { tasks: document }, lines.length === 0 ? 'nothing to do: no streams and no database are bound' : lines.join('\n'));
  if (failed || held) process.exitCode = failed ? 1 : problemFound;
}
