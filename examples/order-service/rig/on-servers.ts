import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Crew } from './crew.ts';
import { environmentDown, environmentUp } from './environment.ts';
import { buildPrograms } from './programs.ts';
import type { Progress } from './progress.ts';

/** Where something is shown. */
export interface Ground {
  readonly crew: Crew;
  /** Logs and journals of the crew. */
  readonly folder: string;
  /** Folder of the environment. */
  readonly stateDir: string;
  readonly bindingFile: string;
  readonly signal: AbortSignal;
}

export interface ServersOptions {
  /** Part of the name of the folder. */
  readonly name: string;
  /** Services of the environment `local`. */
  readonly services: readonly string[];
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Brings servers up, shows something on them, and takes everything down again whatever happens; what did not hold leaves its logs. */
export async function onServers<Result extends { readonly broken: readonly string[] }>(
  { name, services, progress, signal }: ServersOptions,
  show: (ground: Ground) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), `millrace-${name}-`));
  const stateDir = join(folder, 'state');
  const crew = new Crew(folder);
  let result: Result | undefined;
  try {
    // Servers that refuse to run as root must reach their own folders below this one.
    await chmod(folder, 0o711);
    progress.step('compiling the order service');
    await buildPrograms();
    progress.step('starting servers');
    await environmentUp(stateDir, services, signal);
    result = await show({ crew, folder, stateDir, bindingFile: join(stateDir, 'binding.json'), signal });
    return result;
  } finally {
    progress.step('stopping everything');
    await crew.close();
    await environmentDown(stateDir);
    if (result?.broken.length === 0 || signal.aborted) await rm(folder, { recursive: true, force: true });
    else progress.step(`journals and logs of the processes are kept in ${folder}`);
  }
}
