import { existsSync } from 'node:fs';
import type { Environment } from '../../environments/schema.ts';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import type { Variables } from '../find/program.ts';
import { isAlive } from '../local-process/identity.ts';
import { settleAll } from '../local-process/settle.ts';
import { stopProcess } from '../local-process/stop.ts';
import { removeOutside } from './data-folders.ts';
import { type Home, homeOf, removeHome } from './home.ts';
import { lockHome } from './lock.ts';
import type { OnProgress } from './progress.ts';
import { openState, type ServerRecord, type State } from './state.ts';

export interface DownOptions {
  /** Folder of this environment's state, logs and data. @default MILLRACE_STATE_DIR, else .millrace/ENV in the current folder */
  readonly stateDir?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Remove data, passwords, logs and binding too. @default false */
  readonly wipe?: boolean | undefined;
  /** @default process.env */
  readonly env?: Variables | undefined;
}

export interface DownResult {
  readonly environment: string;
  readonly stopped: readonly string[];
  readonly wiped: boolean;
  readonly elapsedMs: number;
}

/**
 * Stops the servers that `up` started: a process counts as such only when its pid and its start time are the noted ones.
 *
 * @throws {MillraceError} STATE_LOCKED or STATE_CORRUPT; ENVIRONMENT_INVALID when the environment has another engine and `up` has started nothing here.
 */
export async function down(environment: Pick<Environment, 'name' | 'engine'>, options: DownOptions = {}): Promise<DownResult> {
  const startedAt = Date.now();
  const { stateDir, onProgress, wipe = false, env = process.env } = options;
  const home = homeOf(environment.name, stateDir, env);
  const result = (stopped: readonly string[]): DownResult => ({
    ...{ environment: environment.name, stopped, wiped: wipe },
    elapsedMs: Date.now() - startedAt,
  });
  requireProcesses(environment, home, wipe);
  if (!existsSync(home.dir)) return result([]);
  const unlock = lockHome(home, environment.name);
  try {
    const state = openState(home, environment.name);
    const stopped = await stopServers(state, { onProgress });
    if (wipe) {
      for (const { dir } of state.servers.values()) removeOutside(home, dir);
      removeHome(home);
    }
    return result(stopped);
  } finally {
    unlock();
  }
}

/** Whose engine was changed after `up` may stop what it started; passwords and data in the folder are the other engine's by then. */
function requireProcesses({ name, engine }: Pick<Environment, 'name' | 'engine'>, { stateFile }: Home, wipe: boolean): void {
  if (engine.kind === 'process' || (!wipe && existsSync(stateFile))) return;
  throw new MillraceError(
    'ENVIRONMENT_INVALID',
    `environment ${name} has the engine ${engine.kind}, which \`down\` neither stops nor cleans up after; make destroy ENV=${name} does`,
  );
}

/** Stops servers, the highest wave of each service first and the services side by side. @returns the names of those that ran. */
export async function stopServers(
  state: State,
  { only = () => true, onProgress = () => {} }: { only?: (id: string) => boolean; onProgress?: OnProgress | undefined } = {},
): Promise<string[]> {
  const chosen = [...state.servers].filter(([id, record]) => only(id) && record.process !== undefined);
  const services = [...new Set(chosen.map(([, { service }]) => service))];
  return (
    await settleAll(
      services.map((service) =>
        stopWaves(
          state,
          chosen.filter(([, record]) => record.service === service),
          onProgress,
        ),
      ),
    )
  ).flat();
}

async function stopWaves(state: State, servers: readonly [string, ServerRecord][], onProgress: OnProgress): Promise<string[]> {
  const waves = [...new Set(servers.map(([, { wave }]) => wave))].sort((a, b) => b - a);
  const names: string[] = [];
  for (const wave of waves) {
    const together = servers.filter(([, record]) => record.wave === wave);
    names.push(...(await settleAll(together.map(([id, record]) => stopServer(state, id, record, onProgress)))).flat());
  }
  return names;
}

async function stopServer(state: State, id: string, record: ServerRecord, onProgress: OnProgress): Promise<string[]> {
  const startedAt = Date.now();
  const { process, kind, port, version, stop } = record;
  const ran = process !== undefined && isAlive(process);
  const { killed } = ran ? await stopProcess(process, stop) : { killed: false };
  state.setProcess(id, undefined);
  const now = ran ? (killed ? 'killed' : 'stopped') : 'gone';
  onProgress({ event: 'server', server: id, kind, port, version, state: now, elapsedMs: Date.now() - startedAt });
  return ran ? [id] : [];
}
