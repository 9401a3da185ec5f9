import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type LoadedBinding, loadBinding } from 'millrace/binding';
import { connectPostgres } from 'millrace/connections/postgres';
import { connectRedis, type RedisConnection } from 'millrace/connections/redis';
import type { Crew } from '../rig/crew.ts';
import { environmentUp, serverPids } from '../rig/environment.ts';
import type { Ground } from '../rig/on-servers.ts';
import { example, millraceProgram, program } from '../rig/programs.ts';
import { type Bells, bellsOf } from './bells.ts';

const run = promisify(execFile);

/** What the acts of the drill work with. */
export interface Stage extends AsyncDisposable {
  readonly crew: Crew;
  readonly binding: LoadedBinding;
  readonly pool: Awaited<ReturnType<typeof connectPostgres>>['pool'];
  readonly redis: RedisConnection['client'];
  readonly bells: Bells;
  readonly signal: AbortSignal;
  /** Starts a program of the service, `inventory` of the file `inventory-consumer.js`. */
  startConsumer(name: string): void;
  /** Starts again the servers that have ended. */
  restoreServers(): Promise<void>;
  /** Processes of the servers, by the port that they listen on. */
  serverPids(): Promise<ReadonlyMap<number, number>>;
}

/** What the order service needs, and those who watch. */
export const servers = ['events', 'database', 'metrics', 'alerts'] as const;

/** Tables, a relay and the connections of the drill; consumers are started by the acts. */
export async function setStage({ crew, stateDir, bindingFile, signal }: Ground): Promise<Stage> {
  const millrace = await millraceProgram();
  await run(process.execPath, [millrace, 'migrate', '--binding', bindingFile], { signal });
  const binding = await loadBinding({ file: bindingFile });
  const database = await connectPostgres(binding.service('database', 'postgres'), { name: 'drill' });
  const events = await connectRedis(binding.service('events', 'redis-sentinel'), { name: 'drill' }).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  const close = async () => {
    await Promise.all([events.close(), database.close()]);
  };
  await database.pool.query(await readFile(join(example, 'schema.sql'), 'utf8'));
  crew.start({ name: 'relay', script: millrace, args: ['relay', '--binding', bindingFile, '--sink', 'events'] });
  return {
    ...{ crew, binding, signal, pool: database.pool, redis: events.client, bells: bellsOf(binding) },
    startConsumer: (name) => crew.start(program(name, `${name}-consumer.js`, bindingFile)),
    restoreServers: () => environmentUp(stateDir, servers, signal),
    serverPids: () => serverPids(stateDir),
    [Symbol.asyncDispose]: close,
  };
}
