import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type LoadedBinding, loadBinding } from 'millrace/binding';
import { connectPostgres } from 'millrace/connections/postgres';
import type { Crew } from '../rig/crew.ts';
import { example, millraceProgram, program } from '../rig/programs.ts';
import type { Options } from './options.ts';
import { Sightings } from './sightings.ts';

const run = promisify(execFile);

/** Two members of each group. */
export const consumers = ['inventory-1', 'inventory-2', 'emails-1', 'emails-2'] as const;

/** What the acts of the demo work with. */
export interface Scene extends AsyncDisposable {
  readonly crew: Crew;
  readonly binding: LoadedBinding;
  readonly pool: Awaited<ReturnType<typeof connectPostgres>>['pool'];
  readonly sightings: Sightings;
  readonly signal: AbortSignal;
}

/** Tables, relays and consumers: everything but the traffic. */
export async function setScene(
  options: Options,
  { crew, bindingFile, journals, signal }: { crew: Crew; bindingFile: string; journals: string; signal: AbortSignal },
): Promise<Scene> {
  const millrace = await millraceProgram();
  await run(process.execPath, [millrace, 'migrate', '--binding', bindingFile], { signal });
  const binding = await loadBinding({ file: bindingFile });
  const database = await connectPostgres(binding.service('database', 'postgres'), { name: 'demo', statementTimeoutMs: 120_000 });
  await database.pool.query(await readFile(join(example, 'schema.sql'), 'utf8'));
  for (const name of ['relay-1', 'relay-2'])
    crew.start({ name, script: millrace, args: ['relay', '--binding', bindingFile, '--sink', 'events'] });
  const inventory = options.withoutInbox ? 'careless-consumer.js' : 'inventory-consumer.js';
  for (const name of consumers) crew.start(program(name, name.startsWith('inventory') ? inventory : 'emails-consumer.js', bindingFile));
  const close = database[Symbol.asyncDispose].bind(database);
  return { crew, binding, pool: database.pool, sightings: new Sightings(journals), signal, [Symbol.asyncDispose]: close };
}

export function startWriters({ crew }: Scene, options: Options, bindingFile: string): void {
  const perWriter = { ORDERS_PER_SECOND: String(options.ordersPerSecond / 4) };
  for (const name of ['writer-1', 'writer-2', 'writer-3', 'writer-4']) crew.start(program(name, 'writer.js', bindingFile, perWriter));
}
